"""The registry: one file adds a thing, options come from the signature, errors name the field."""

from __future__ import annotations

import subprocess
import sys

import pytest

import nas
from nas.catalog import REGISTRIES
from nas.controllers.catalog import CONTROLLERS
from searchspaces.registry import RegistryError, first_line

CONTROLLER = '''"""Always proposes the first option."""
from typing import Annotated
from pydantic import Field
from nas.controllers import Controller
from nas.trial import Proposal

class First(Controller):
    """Always proposes the first option."""
    name = "{name}"
    def __init__(self, space, seed, *, greed: Annotated[float, Field(ge=0, le=1)] = 0.5):
        super().__init__(space, seed)
        self.greed = greed
    def ask(self, free):
        return [Proposal((0,) * len(self.space.choices))] * free
    def state_dict(self):
        return {{}}
    def load_state_dict(self, state):
        pass
'''


def run_with_plugins(folder, code):
    return subprocess.run(
        [sys.executable, "-c", code],
        env={"NAS_PLUGINS": str(folder), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


def plugin(folder, file, name):
    path = folder / "controllers" / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(CONTROLLER.format(name=name))


def test_one_new_file_is_a_controller_everywhere(tmp_path):
    plugin(tmp_path, "first.py", "first")
    code = (
        "from nas.spec import SearchSpec\n"
        "from nas.catalog import REGISTRIES\n"
        "spec = SearchSpec(controller='first', space='toy', evaluator='toy').checked()\n"
        "print(spec.controller.options, REGISTRIES['controller'].names())\n"
    )
    out = run_with_plugins(tmp_path, code)
    assert out.returncode == 0, out.stderr
    assert "{'greed': 0.5}" in out.stdout
    assert "'first'" in out.stdout
    assert "'random'" in out.stdout


def test_a_double_name_is_an_error(tmp_path):
    plugin(tmp_path, "mine.py", "random")
    out = run_with_plugins(
        tmp_path, "from nas.controllers.catalog import CONTROLLERS; CONTROLLERS.names()"
    )
    assert out.returncode == 1
    assert "two classes are the controller 'random'" in out.stderr


def test_one_name_asked_for_alone_is_an_error_too_when_two_classes_have_it(tmp_path):
    plugin(tmp_path, "mine.py", "random")
    code = "from nas.controllers.catalog import CONTROLLERS\nCONTROLLERS.get('random')"
    out = run_with_plugins(tmp_path, code)
    assert "two classes are the controller 'random'" in out.stderr


def test_what_needs_no_torch_is_found_without_loading_it(tmp_path):
    plugin(tmp_path, "mine.py", "first")
    code = (
        "import sys\n"
        "from nas.catalog import REGISTRIES\n"
        "names = {'space': 'toy', 'evaluator': 'toy'}\n"
        "names |= {'controller': 'random', 'executor': 'local'}\n"
        "for kind, name in names.items():\n"
        "    REGISTRIES[kind].get(name)\n"
        "REGISTRIES['controller'].get('first')\n"
        "print('torch' in sys.modules)\n"
    )
    out = run_with_plugins(tmp_path, code)
    assert (out.stdout, out.stderr) == ("False\n", "")


@pytest.mark.parametrize("kind", sorted(REGISTRIES))
def test_everything_registered_says_what_it_is(kind):
    registry = REGISTRIES[kind]
    assert registry.names()
    for name in registry.names():
        line = first_line(registry.get(name))
        assert line.endswith("."), f"{kind} {name}: {line!r}"
        assert registry.schema(name)["type"] == "object"


@pytest.mark.parametrize("kind", sorted(set(REGISTRIES) - {"executor"}))
def test_every_option_has_a_default_that_is_allowed_and_a_description(kind):
    registry = REGISTRIES[kind]
    for name in registry.names():
        assert registry.check(name, {}) == registry.check(name, registry.check(name, {}))
        schema = registry.schema(name)
        for option, field in schema.get("properties", {}).items():
            assert "description" in field or "$ref" in field, f"{kind} {name}.{option}"


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(RegistryError, match=r"unknown controller 'rl'; known: .*reinforce"):
        CONTROLLERS.get("rl")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch": 0}, r"option 'batch' of controller 'reinforce': .*greater than or equal to 1"),
        ({"batch": "many"}, r"option 'batch' .*valid integer.*'many'"),
        ({"speed": 1}, r"unknown option 'speed' of controller 'reinforce'; known: learning_rate"),
        ({"learning_rate": float("nan")}, r"option 'learning_rate'"),
    ],
)
def test_a_bad_option_names_the_field_the_value_and_what_is_allowed(options, message):
    with pytest.raises(RegistryError, match=message):
        CONTROLLERS.check("reinforce", options)


def test_classes_made_from_a_table_count_like_those_written_out(tmp_path):
    plugin(tmp_path, "first.py", "first")
    file = tmp_path / "controllers" / "first.py"
    made = "type(name, (First,), {'__module__': __name__, 'name': name})"
    file.write_text(file.read_text() + f"\nMADE = tuple({made} for name in ('one', 'two'))\n")
    code = "from nas.catalog import REGISTRIES; print(REGISTRIES['controller'].names())"
    out = run_with_plugins(tmp_path, code)
    assert out.returncode == 0, out.stderr
    assert all(f"'{name}'" in out.stdout for name in ("first", "one", "two"))


def test_of_many_names_an_unknown_one_is_told_those_that_are_like_it() -> None:
    with pytest.raises(RegistryError, match="known, such as resnet50, ") as caught:
        nas.create_model("resnet5O")
    assert len(str(caught.value)) < 200
    assert "resnet50" in caught.value.known
