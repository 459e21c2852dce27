"""docs/own-space.md, followed word for word from outside the package."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

CHECKS = """
import random, pathlib, sys
import torch
from searchspaces import Task
from searchspaces.catalog import SPACES
from searchspaces.draw import cell_svg
from searchspaces.scale import Scale
from tests.searchspaces import bars

torch.set_num_threads(1)
space = SPACES.create("alternating")
folder = pathlib.Path(sys.argv[1])
for faults in (
    bars.key_faults(space, random.Random(0), 50),
    bars.inverse_faults(space, random.Random(1), 50),
    bars.mapping_faults(space, random.Random(2), 3),
    bars.stranger_faults(space, random.Random(3), 5)[0],
    bars.training_faults(space, random.Random(4), 3, folder),
):
    assert faults == [], faults
arch = space.decode(space.sample(random.Random(5)))
assert arch._repr_svg_().startswith("<svg")
print("held", SPACES.schema("alternating")["properties"]["layers"]["maximum"])
"""

EXPORT = """
import random, pathlib, sys
from nas.export import export
from searchspaces import Task
from searchspaces.catalog import SPACES
from searchspaces.scale import Scale

task, scale = Task(1, 8, 8, 2), Scale(filters=4)
space = SPACES.create("alternating")
arch = space.decode(space.sample(random.Random(0)))
card = {"classes": ("a", "b"), "mean": (0.5,), "std": (0.5,)}
model = space.build(arch, task, scale).eval()
files = export(pathlib.Path(sys.argv[1], "model"), model, arch, task, scale, card=card)
print(*sorted(file.name for file in files))
"""


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    return (root / "docs" / "own-space.md").read_text()


@pytest.fixture(scope="module")
def folder(page: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder outside the package with the files of the page."""
    folder = tmp_path_factory.mktemp("my-nas")
    (folder / "searchspaces").mkdir()
    files = re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```", page, re.DOTALL)
    assert [name for name, _ in files] == ["alternating.py", "measured.csv"]
    (folder / "searchspaces" / "alternating.py").write_text(files[0][1])
    (folder / "measured.csv").write_text(files[1][1])
    return folder


def run(code: str, folder: Path, *arguments: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *map(str, arguments)],
        env={**os.environ, "NAS_PLUGINS": str(folder)},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def examples(page: str) -> list[str]:
    """Return the Python of the page that is not a file."""
    found = re.findall(r"(?<!-->\n)```python\n(.*?)```", page, re.DOTALL)
    assert len(found) == 2
    return found


def test_the_space_holds_every_bar_of_the_package(folder: Path, tmp_path: Path) -> None:
    assert run(CHECKS, folder, tmp_path) == "held 20\n"


def test_the_example_of_the_page_builds_a_network(page: str, folder: Path) -> None:
    size, key, params = run(examples(page)[0], folder).split()
    assert int(size) == 6**6
    assert re.fullmatch("[0-9a-f]{16}", key)
    assert int(params) > 1000


def test_its_networks_are_exported_as_files_that_need_only_torch(
    folder: Path, tmp_path: Path
) -> None:
    names = run(EXPORT, folder, tmp_path).split()
    assert {"model.py", "weights.safetensors", "cell-column.svg"} <= set(names)


def test_the_table_of_the_page_can_be_searched(page: str, folder: Path) -> None:
    code = examples(page)[1] + (
        "spec = spec.checked()\n"
        "from nas.catalog import REGISTRIES\n"
        "space = REGISTRIES['space'].create(spec.space.name, spec.space.options)\n"
        "evaluator = REGISTRIES['evaluator'].create(\n"
        "    spec.evaluator.name, spec.evaluator.options, space=space)\n"
        "from nas.evaluators import Request\n"
        "request = Request((0, 1), space.decode((0, 1)), 0)\n"
        "print(evaluator.evaluate(request, lambda *_: True))\n"
    )
    assert run(code, folder).strip() == "{'accuracy': 0.929, 'seconds': 75.0}"
