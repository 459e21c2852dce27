"""The shape of the product: sizes, names, layers, cycles, and what must not be imported."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING

import pytest

from tests import shape
from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MODULES = shape.read_modules(ROOT)
LAYERS = {
    "searchspaces": {"searchspaces"},
    "nas": {"nas", "searchspaces"},
    "service": {"service", "nas", "searchspaces"},
}
RAY_FILES = (
    "nas.execution.ray",
    "nas.execution.ray_head",
    "nas.tune",
    "nas.tune_course",
    "nas.tune_recipe",
)
PURE = ("nas.trial", "nas.events", "nas.store", "nas.objective", "nas.loop", "nas.spec")


def report(faults: Iterator[str] | list[str]) -> str:
    return "\n" + "\n".join(sorted(faults))


def every(check: Callable[[shape.Module], Iterator[str]]) -> list[str]:
    return [fault for module in MODULES.values() for fault in check(module)]


@pytest.mark.parametrize(
    "check",
    [shape.summary_faults, shape.size_faults, shape.name_faults, shape.habit_faults],
    ids=["docstrings", "sizes", "names", "habits"],
)
def test_every_product_file_keeps_within_its_budget(
    check: Callable[[shape.Module], Iterator[str]],
) -> None:
    faults = every(check)
    assert not faults, report(faults)


def test_no_module_imports_itself_by_a_detour_even_for_types_only() -> None:
    # An import inside a function is left out: by it a contract's own function reaches the files
    # that implement the contract, without loading them (and torch) with every import of it.
    knots = shape.cycles(shape.graph(MODULES, functions=False))
    assert not knots, report([" <-> ".join(knot) for knot in knots])


def test_imports_go_from_service_to_nas_to_searchspaces() -> None:
    faults = [
        f"{name} imports {target}"
        for name, targets in shape.graph(MODULES).items()
        for target in targets
        if target.partition(".")[0] not in LAYERS[name.partition(".")[0]]
    ]
    assert not faults, report(faults)


@pytest.mark.parametrize(
    ("libraries", "allowed"),
    [
        ({"ray"}, RAY_FILES),
        ({"sqlalchemy", "alembic", "fastapi", "starlette", "uvicorn", "typer"}, ("service",)),
        ({"torchvision"}, ("nas",)),
    ],
    ids=["ray", "web and SQL", "torchvision"],
)
def test_a_library_is_imported_only_where_it_belongs(
    libraries: set[str], allowed: tuple[str, ...]
) -> None:
    faults = list(shape.foreign_faults(MODULES, libraries, allowed))
    assert not faults, report(faults)


def loaded_by(modules: list[str], heavy: set[str]) -> list[str]:
    """Import ``modules`` in a fresh interpreter; return which of ``heavy`` came with them."""
    code = (
        f"import importlib, sys\nfor name in {modules!r}: importlib.import_module(name)\n"
        f"sys.stdout.write(' '.join(sorted({heavy!r} & set(sys.modules))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_the_pure_files_load_without_torch_ray_or_the_web() -> None:
    assert loaded_by(list(PURE), {"torch", "ray", "sqlalchemy", "fastapi"}) == []


def test_the_api_loads_without_ray() -> None:
    assert loaded_by(["service.app"], {"ray", "optuna"}) == []


def test_the_changelog_begins_with_the_version_of_the_package() -> None:
    versions = re.findall(r"^## \[?(\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text(), re.M)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert versions[0] == project["version"]


BAD = (
    """
from . import sibling

def long(a, b, c, d, e, f, g, h):
    global state
    try:
        print(a)
    except:
        pass  # TO"""
    + """DO later
"""
    + "    a = 1\n" * 400
)


def test_the_budgets_find_each_kind_of_fault() -> None:
    bad = shape.Module("nas.utils", "nas/utils.py", BAD)
    checks = (shape.summary_faults, shape.size_faults, shape.name_faults, shape.habit_faults)
    text = report([fault for check in checks for fault in check(bad)])
    for sign in (
        "no docstring",
        "lines, at most 400",
        "lines, at most 60",
        "takes 8",
        "name the file",
        "print",
        "bare except",
        "global state",
        "relative import",
        "later",
    ):
        assert sign in text


def test_a_cycle_through_a_type_only_import_is_found() -> None:
    sources = {
        "nas.a": "from nas.b import B",
        "nas.b": "if TYPE_CHECKING:\n    from nas.c import C",
        "nas.c": "import nas.a",
        "nas.d": "from nas import a\n\ndef f():\n    import nas.d",
    }
    modules = {name: shape.Module(name, f"{name}.py", text) for name, text in sources.items()}
    assert shape.cycles(shape.graph(modules, functions=False)) == [["nas.a", "nas.b", "nas.c"]]
    assert ["nas.d"] in shape.cycles(shape.graph(modules))


def test_a_foreign_import_is_found_in_a_function_too() -> None:
    module = shape.Module("nas.loop", "nas/loop.py", "def f():\n    from ray import init")
    faults = list(shape.foreign_faults({"nas.loop": module}, {"ray"}, ("nas.execution.ray",)))
    assert faults == ["nas/loop.py:2: imports ray.init"]


def rooms() -> list[str]:
    """Return the files and folders that docs/architecture.md names, from the root."""
    block = (ROOT / "docs" / "architecture.md").read_text().partition("## Rooms\n```\n")[2]
    top, found = "", []
    for line in block.partition("```")[0].splitlines():
        if not line.startswith(" "):
            top = line.split()[0]
            found.append(top)
        else:
            found += [top + name for name in re.findall(r"(?<!\S)[\w/]+(?:\.py|/)(?!\S)", line)]
    return found


def test_every_room_of_the_architecture_document_exists() -> None:
    assert len(rooms()) > 50
    missing = [name for name in rooms() if not (ROOT / name).exists()]
    assert not missing, report(missing)
