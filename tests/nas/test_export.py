"""The exported folder: whole or not at all, checked, readable, and usable by a stranger."""

from __future__ import annotations

import ast
import hashlib
import json
import random
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import save_file

from nas.export import ExportError, export
from nas.export.card import read_card
from nas.export.catalog import EXPORTERS
from nas.export.standalone import prepare, read_safetensors
from searchspaces import Task
from searchspaces.catalog import SPACES
from searchspaces.scale import Scale

if TYPE_CHECKING:
    from pathlib import Path

TASK, SCALE = Task(3, 8, 8, 3), Scale(filters=4)
CARD = {
    "title": 'best of "x" """\\ \'',
    "classes": ("cat", 'a "dog"', "Ü|`*"),
    "mean": (0.1, 0.2, 0.3),
    "std": (0.5, 0.25, 1.0),
    "metrics": {"test_accuracy": 0.875, "params": 1234.0},
    "search": {"id": "abc", "seed": 7},
}


def network(seed: int = 0):
    space = SPACES.create("nasnet", {"blocks": 2})
    arch = space.decode(space.sample(random.Random(seed)))
    return arch, space.build(arch, TASK, SCALE)


@pytest.fixture(scope="module")
def exported(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("export") / "model"
    arch, model = network()
    files = export(folder, model, arch, TASK, SCALE, card=CARD)
    assert {file.name for file in files} == {path.name for path in folder.iterdir()}
    for file in files:
        content = (folder / file.name).read_bytes()
        assert (file.size_bytes, file.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    return folder


def stranger(code: str, cwd: Path, *arguments: str) -> str:
    """Run code in a fresh interpreter in which our packages cannot be imported."""
    block = (
        "import sys\n"
        "for name in ('nas', 'searchspaces', 'service', 'safetensors'): sys.modules[name] = None\n"
    )
    done = subprocess.run(
        [sys.executable, "-B", "-W", "error", "-c", block + code, *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_folder_has_code_weights_card_and_drawings(exported):
    names = {path.name for path in exported.iterdir()}
    assert names == {
        "model.py",
        "weights.safetensors",
        "README.md",
        "card.json",
        "cell-normal.svg",
        "cell-reduction.svg",
    }


def test_a_stranger_classifies_images_with_the_example_of_the_card(exported):
    text = (exported / "README.md").read_text()
    example = text.partition("```python\n")[2].partition("```")[0]
    names = ast.literal_eval(stranger(example, exported))
    assert len(names) == 4
    assert set(names) <= set(CARD["classes"])


def test_running_the_file_says_what_it_is(exported):
    model = network()[1]
    count = sum(p.numel() for p in model.parameters())
    out = stranger("import runpy; runpy.run_path('model.py', run_name='__main__')", exported)
    assert out == f"{count:,} parameters (trained weights)\nimages (4, 3, 8, 8) -> logits (4, 3)\n"


def test_the_file_trains_on(exported):
    code = (
        "import torch, model\n"
        "network = model.build().train()\n"
        "loss = network(torch.randn(4, 3, 8, 8)).square().sum()\n"
        "loss.backward()\n"
        "print(all(p.grad is not None for p in network.parameters()))\n"
    )
    assert stranger(code, exported) == "True\n"


def test_the_file_holds_only_operations_of_the_architecture(exported):
    arch, _ = network()
    text = (exported / "model.py").read_text()
    used = {node.op for cell in arch.cells for node in cell.pruned().nodes}
    for name in SPACES.create("nasnet").decode((0,) * 50).cells[0].nodes:
        assert (f'Op("{name.op}"' in text) == (name.op in used)
    for name in ("sep_3x3", "sep_5x5", "max_7x7", "dil_3x3", "conv_1x1"):
        assert (f'Op("{name}"' in text) == (name in used)


def test_the_file_is_clean_for_the_linter(exported):
    done = subprocess.run(
        [
            *(sys.executable, "-m", "ruff", "check", "--isolated", "--line-length=100"),
            *("--select=E,F,I,UP,B", "--target-version=py311", str(exported / "model.py")),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_the_card_gives_the_architecture_back(exported):
    card, arch, task, scale, _ = read_card(exported)
    assert (arch, task, scale) == (network()[0], TASK, SCALE)
    assert card.classes == CARD["classes"]
    assert json.loads((exported / "card.json").read_text())["key"] == arch.key()


def test_exporting_again_replaces_the_folder_and_leaves_nothing_beside_it(tmp_path):
    folder = tmp_path / "model"
    for seed in (1, 2):
        arch, model = network(seed)
        export(folder, model, arch, TASK, SCALE, card=CARD)
        assert read_card(folder)[1] == arch
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_folder_with_other_files_is_not_touched(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_bytes(b"cat")
    arch, model = network()
    with pytest.raises(ExportError, match="photos"):
        export(tmp_path / "photos", model, arch, TASK, SCALE, card=CARD)
    assert [p.name for p in tmp_path.iterdir()] == ["photos"]
    assert (tmp_path / "photos" / "cat.jpg").read_bytes() == b"cat"


def test_a_network_without_finite_logits_is_refused_and_leaves_nothing(tmp_path):
    arch, model = network()
    with torch.no_grad():
        model.head.linear.bias.fill_(float("nan"))
    with pytest.raises(ExportError, match="not finite"):
        export(tmp_path / "model", model, arch, TASK, SCALE, card=CARD)
    assert list(tmp_path.iterdir()) == []


def test_a_network_of_another_architecture_is_refused(tmp_path):
    model, other = network(1)[1], network(2)[0]
    with pytest.raises(ExportError):
        export(tmp_path / "model", model, other, TASK, SCALE, card=CARD)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"classes": ("a", "b")}, "classes has 2 values, the task has 3"),
        ({"mean": (0.1,)}, "mean has 1 values, the task has 3"),
        ({"std": "no"}, "std: "),
        ({"metrics": {"test_accuracy": "good"}}, "metrics.test_accuracy: "),
    ],
)
def test_a_card_that_does_not_fit_is_refused(change, message, tmp_path):
    arch, model = network()
    with pytest.raises(ExportError, match=message):
        export(tmp_path / "model", model, arch, TASK, SCALE, card={**CARD, **change})


def test_the_network_in_memory_is_left_as_it_was(tmp_path):
    arch, model = network()
    model.train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    export(tmp_path / "model", model, arch, TASK, SCALE, card=CARD)
    assert model.training
    assert all(torch.equal(before[n], v) for n, v in model.state_dict().items())


def test_our_reader_reads_what_the_safetensors_package_writes(tmp_path):
    generator = torch.Generator().manual_seed(0)
    tensors = {
        "half": torch.randn(3, 5, generator=generator).half(),
        "brain": torch.randn(7, generator=generator).bfloat16(),
        "double": torch.randn(2, 2, 2, generator=generator).double(),
        "count": torch.tensor(2**40),
        "flags": torch.tensor([True, False]),
    }
    save_file(tensors, str(tmp_path / "x.safetensors"), metadata={"a": "b"})
    read = read_safetensors(tmp_path / "x.safetensors")
    assert read.keys() == tensors.keys()
    for name, value in tensors.items():
        assert read[name].dtype == value.dtype
        assert torch.equal(read[name], value)


def test_prepare_normalises_and_brings_images_to_channels_and_size():
    images = torch.full((2, 3, 16, 12), 255, dtype=torch.uint8)
    grey = prepare(images, (8, 8), (0.5,), (0.25,))
    assert grey.shape == (2, 1, 8, 8)
    assert torch.allclose(grey, torch.full_like(grey, 2.0))
    colour = prepare(images[:, :1], (16, 12), (0.5, 0.0, 1.0), (0.25, 1.0, 2.0))
    assert torch.allclose(colour[0, :, 0, 0], torch.tensor([2.0, 1.0, 0.0]))


PLUGIN = '''
"""A space whose build looks at the space itself, and one that needs numpy."""
import numpy
from torch import nn
from searchspaces import Choice, SearchSpace
from searchspaces.arch import Arch, Cell, Node


class Stubborn(SearchSpace):
    name = "stubborn"
    choices = (Choice("a", "a", ("x", "y")),)

    def decode(self, decisions):
        return Arch(self.name, (Cell("c", 1, (Node("identity", (0,)),), (1,)),))

    def build(self, arch, task, scale):
        return self.linear(task)

    def linear(self, task):
        size = task.channels * task.height * task.width
        return nn.Sequential(nn.Flatten(), nn.Linear(size, task.classes))


class Heavy(Stubborn):
    name = "heavy"

    def build(self, arch, task, scale):
        size = int(numpy.prod([task.channels, task.height, task.width]))
        return nn.Sequential(nn.Flatten(), nn.Linear(size, task.classes))
'''


@pytest.mark.parametrize(
    ("space", "reason"), [("stubborn", "uses self"), ("heavy", "may only need torch")]
)
def test_a_space_that_cannot_stand_alone_is_refused_with_the_reason(
    space, reason, tmp_path, monkeypatch
):
    (tmp_path / "plugins" / "searchspaces").mkdir(parents=True)
    (tmp_path / "plugins" / "searchspaces" / "difficult.py").write_text(PLUGIN)
    monkeypatch.setenv("NAS_PLUGINS", str(tmp_path / "plugins"))
    made = SPACES.create(space)
    arch = made.decode((0,))
    with pytest.raises(ExportError, match=reason):
        export(tmp_path / "m", made.build(arch, TASK, SCALE), arch, TASK, SCALE, card=CARD)


def test_a_format_in_a_plugin_folder_is_found(tmp_path, monkeypatch):
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "shapes.py").write_text(
        "from nas.export import Exporter\n"
        "class Shapes(Exporter):\n"
        "    name, file = 'shapes', 'shapes.txt'\n"
        "    def write(self, folder, subject): (folder / self.file).write_text('3')\n"
        "    def run(self, folder, batches): return []\n"
    )
    monkeypatch.setenv("NAS_PLUGINS", str(tmp_path))
    assert "shapes" in EXPORTERS.names()
