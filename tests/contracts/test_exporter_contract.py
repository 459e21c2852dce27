"""What every export format must do: give, from its files alone, the logits of the network."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn

from nas.export import Exporter, ExportError, Subject
from nas.export.card import write_card
from nas.export.catalog import EXPORTERS
from nas.export.compare import compare, outputs, random_batches
from nas.export.facts import Card
from searchspaces import SearchSpace, Task
from searchspaces.catalog import SPACES
from searchspaces.scale import Scale

if TYPE_CHECKING:
    from pathlib import Path

GREY, COLOUR = Task(1, 8, 8, 10), Task(3, 32, 32, 5)
# Space, seed of the architecture, task, scale: small maps, odd filters, auxiliary head, dropout.
CASES = [
    ("nasnet", 0, GREY, Scale(filters=8)),
    ("nasnet", 1, GREY, Scale(filters=5, auxiliary=True)),
    ("nasnet", 2, Task(1, 7, 9, 2), Scale(filters=4, dropout=0.5)),
    ("nasnet", 3, COLOUR, Scale(filters=6, cells=2, drop_path=0.3)),
    ("nasnet", 4, COLOUR, Scale(filters=6, auxiliary=True, stem="imagenet", stem_multiplier=0.5)),
    ("toy", 5, GREY, Scale(filters=6)),
    ("nas2016", 6, Task(1, 7, 9, 3), Scale(filters=6)),
    ("enas_macro", 7, GREY, Scale(filters=4)),
    ("mobile", 8, COLOUR, Scale(filters=4, stem="imagenet", drop_path=0.2)),
    ("darts", 9, COLOUR, Scale(filters=4, auxiliary=True)),
    ("darts", 10, COLOUR, Scale(filters=4, stem="imagenet", auxiliary=True)),
    ("amoebanet", 11, Task(1, 7, 9, 3), Scale(filters=4)),
    ("pnas", 12, GREY, Scale(filters=5, stem="imagenet")),
    ("enas", 13, GREY, Scale(filters=4, auxiliary=True)),
    ("nasbench201", 14, Task(1, 7, 9, 3), Scale(filters=4)),
    ("nasbench101", 15, GREY, Scale(filters=6, auxiliary=True)),
]


def trained_looking(model: nn.Module, seed: int) -> nn.Module:
    """Give batch normalisation statistics and weights that a fresh network would hide."""
    generator = torch.Generator().manual_seed(seed)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.copy_(torch.randn(module.num_features, generator=generator))
            module.running_var.copy_(torch.rand(module.num_features, generator=generator) + 0.5)
            with torch.no_grad():
                module.weight.copy_(torch.rand(module.num_features, generator=generator) + 0.5)
                module.bias.copy_(torch.randn(module.num_features, generator=generator))
    return model.eval()


def subject_of(name: str, seed: int, task: Task, scale: Scale) -> Subject:
    space: SearchSpace = SPACES.create(name)
    arch = space.decode(space.sample(random.Random(seed)))
    model = trained_looking(space.build(arch, task, scale), seed)
    card = Card.of(
        {
            "classes": tuple(f"class {i}" for i in range(task.classes)),
            "mean": (0.4,) * task.channels,
            "std": (0.2,) * task.channels,
        },
        task,
    )
    return Subject(model, arch, task, scale, card)


def write(folder: Path, subject: Subject, *formats: str) -> list[Exporter]:
    write_card(folder, subject)
    exporters = [EXPORTERS.create(name) for name in ("safetensors", *formats)]
    for exporter in exporters:
        exporter.write(folder, subject)
    return exporters


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}-{case[1]}")
@pytest.mark.parametrize("name", EXPORTERS.names())
def test_the_files_alone_give_the_logits_of_the_network(name, case, tmp_path):
    subject = subject_of(*case)
    exporter = write(tmp_path, subject, name)[-1]
    batches = random_batches(subject.task)
    wanted = outputs(subject.model, batches)
    assert wanted[0].abs().max() > 1e-3
    compare(exporter.file, wanted, exporter.run(tmp_path, batches))


@pytest.mark.parametrize("name", EXPORTERS.names())
def test_writing_twice_gives_the_same_bytes(name, tmp_path):
    subject, found = subject_of(*CASES[1]), set()
    for place in "abcde":
        (tmp_path / place).mkdir()
        exporter = write(tmp_path / place, subject, name)[-1]
        found.add((tmp_path / place / exporter.file).read_bytes())
    assert len(found) == 1


@pytest.mark.parametrize("name", EXPORTERS.names())
def test_files_of_other_weights_are_found_out(name, tmp_path):
    subject = subject_of(*CASES[0])
    exporter = write(tmp_path, subject, name)[-1]
    batches = random_batches(subject.task)
    given = exporter.run(tmp_path, batches)
    other = outputs(subject_of("nasnet", 9, *CASES[0][2:]).model, batches)
    with pytest.raises(ExportError, match="other logits"):
        compare(exporter.file, other, given)


@pytest.mark.parametrize("name", EXPORTERS.names())
def test_a_cut_file_is_an_export_error(name, tmp_path):
    subject = subject_of(*CASES[5])
    exporter = write(tmp_path, subject, name)[-1]
    path = tmp_path / exporter.file
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ExportError, match=exporter.file):
        exporter.run(tmp_path, random_batches(subject.task))
