"""What every export format must do: give, from its files alone, the logits of the network."""

from __future__ import annotations

import json
import os
import pickle
import random
import shutil
import sys
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn

from nas.export import Exporter, ExportError, Subject
from nas.export.card import write_card
from nas.export.catalog import EXPORTERS
from nas.export.compare import compare, outputs, random_batches
from nas.export.facts import Card
from nas.export.source import run_all
from nas.zoo.catalog import ZOO
from nas.zoo.ensembles import Ensemble
from searchspaces import SearchSpace, Task
from searchspaces.catalog import SPACES
from searchspaces.scale import Scale
from tests.conftest import ROOT

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
# Name in the zoo, side of the images: plain, residual, pre-activation, concatenated, two outputs.
HAND_BUILT = [
    ("lenet5", 32),
    ("lenet5_1998", 32),
    ("resnet20_cifar", 32),
    ("preact_resnet110_cifar", 8),
    ("densenet_40_12_cifar", 32),
    ("googlenet_bn", 32),
    ("shufflenet_v2_050", 32),
    ("mobilenet_v2_100", 32),
]
# Of every other family of the zoo one, as source: groups, local response, auxiliary classifiers
# that are left out, maps added to a list, nested paths. make bench-exports has all of them.
SOURCE_ONLY = [
    ("alexnet_groups", 67),
    ("densenet121", 32),
    ("fractalnet20_cifar", 32),
    ("googlenet", 32),
    ("inception_v3", 75),
    ("nin_cifar", 16),
    ("resnet18", 32),
    ("resnext29_2x64d_cifar", 8),
    ("se_resnet50", 8),
    ("shufflenet_v1_g3", 32),
    ("vgg11_bn_cifar", 32),
    ("wide_resnet16_4_cifar", 8),
]
# Formats that trace the network take seconds: these cases here, all of them in make bench-exports.
TRACED = {"pt2", "folded", "onnx"}
SOURCE_CASES = {"nasnet-0", "lenet5-32"}  # all of them run together, below
TRACED_CASES = {"toy-5", "nasbench201-14", "lenet5-32", "lenet5_1998-32", "resnet20_cifar-32"}


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
    return Subject(model, arch, task, scale, card_of(task))


def hand_built(name: str, side: int) -> Subject:
    model = ZOO.create(name)
    task = replace(model.task, height=side, width=side, classes=5)
    return Subject(
        trained_looking(model.build(task), side), None, task, None, card_of(task, zoo=name)
    )


def ensemble() -> Subject:
    """Members that see the images larger and smaller, as those of fusion_5."""
    task = Task(3, 32, 32, 5)
    names = ("nin_cifar", "shufflenet_v2_050", "mobilenet_v1_025")
    model = Ensemble([ZOO.create(name).build(task) for name in names], [1.0, 1.25, 0.5])
    return Subject(
        trained_looking(model, 0), None, task, None, card_of(task, title="three", zoo="fusion_5")
    )


def card_of(task: Task, **more: object) -> Card:
    fields = {
        "classes": tuple(f"class {i}" for i in range(task.classes)),
        "mean": (0.4,) * task.channels,
        "std": (0.2,) * task.channels,
    }
    return Card.of(fields | more, task)


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


def pairs() -> list[object]:
    """Every format with every network, but for tracing formats with a few."""
    subjects = [(f"{case[0]}-{case[1]}", subject_of, case) for case in CASES]
    subjects += [(f"{name}-{side}", hand_built, (name, side)) for name, side in HAND_BUILT]
    return [
        pytest.param(name, make, arguments, id=f"{name}-{label}")
        for label, make, arguments in subjects
        for name in EXPORTERS.names()
        if (name != "source" or label in SOURCE_CASES)
        and (name not in TRACED or label in TRACED_CASES)
    ]


@pytest.mark.parametrize(("name", "make", "arguments"), pairs())
def test_the_files_alone_give_the_logits_of_the_network(name, make, arguments, tmp_path):
    subject = make(*arguments)
    exporter = EXPORTERS.create(name)
    assert not exporter.refusal(subject)
    write(tmp_path, subject, name)
    batches = random_batches(subject.task)
    wanted = outputs(exporter.kept(subject.model), batches)
    assert wanted[0].abs().max() > 1e-3
    compare(exporter.file, wanted, exporter.run(tmp_path, batches), exporter.tolerance)


SOURCES = {f"{case[0]}-{case[1]}": (subject_of, case) for case in CASES}
SOURCES |= {f"{name}-{side}": (hand_built, (name, side)) for name, side in HAND_BUILT}
SOURCES |= {f"{name}-{side}": (hand_built, (name, side)) for name, side in SOURCE_ONLY}
SOURCES["ensemble"] = (ensemble, ())


@pytest.fixture(scope="module")
def sources(tmp_path_factory) -> dict[str, tuple[list[torch.Tensor], list[torch.Tensor]]]:
    """What the network of each case gives and what its source gives, by one fresh interpreter."""
    wanted, given = {}, []
    for label, (make, arguments) in SOURCES.items():
        subject = make(*arguments)
        folder = tmp_path_factory.mktemp("source")
        write(folder, subject, "source")
        batches = random_batches(subject.task)
        wanted[label] = outputs(subject.model, batches)
        given.append((folder, batches))
    answers = run_all(given)
    return {label: (wanted[label], got) for label, got in zip(wanted, answers, strict=True)}


@pytest.mark.parametrize("label", SOURCES)
def test_the_source_of_every_network_gives_its_logits_without_this_project(sources, label):
    wanted, given = sources[label]
    assert wanted[0].abs().max() > 1e-3
    compare("model.py", wanted, given, EXPORTERS.get("source").tolerance)


@pytest.mark.parametrize("name", EXPORTERS.names())
def test_a_format_says_what_it_is_and_how_closely_it_is_checked(name):
    exporter = EXPORTERS.get(name)
    assert exporter.__doc__
    assert 0 < exporter.tolerance <= 1e-4
    assert bool(exporter.packages) == bool(exporter.extra)


@pytest.mark.parametrize("name", EXPORTERS.names())
def test_writing_twice_gives_the_same_bytes(name, tmp_path):
    subject, found = subject_of(*CASES[5]), set()
    for place in "ab" if name in TRACED else "abcde":
        (tmp_path / place).mkdir()
        exporter = write(tmp_path / place, subject, name)[-1]
        found.add((tmp_path / place / exporter.file).read_bytes())
    assert len(found) == 1


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Every format of one small network."""
    made = tmp_path_factory.mktemp("all")
    write(made, subject_of(*CASES[5]), *EXPORTERS.names())
    return made


@pytest.mark.parametrize("name", EXPORTERS.names())
def test_files_of_other_weights_are_found_out(name, folder):
    exporter = EXPORTERS.create(name)
    batches = random_batches(CASES[5][2])
    given = exporter.run(folder, batches)
    other = outputs(subject_of("toy", 6, *CASES[5][2:]).model, batches)
    with pytest.raises(ExportError, match="other logits"):
        compare(exporter.file, other, given, exporter.tolerance)


@pytest.mark.parametrize("name", EXPORTERS.names())
def test_a_cut_file_is_an_export_error(name, folder, tmp_path):
    exporter = EXPORTERS.create(name)
    shutil.copytree(folder, tmp_path / "cut")
    path = tmp_path / "cut" / exporter.file
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ExportError, match=exporter.file):
        exporter.run(tmp_path / "cut", random_batches(CASES[5][2]))


@pytest.mark.parametrize("name", EXPORTERS.names())
def test_no_file_holds_a_pickle_or_a_path_of_this_machine(name, folder):
    path = folder / EXPORTERS.get(name).file
    content = path.read_bytes()
    for place in (os.fspath(ROOT), torch.__file__.rpartition("/")[0]):
        assert place.encode() not in content
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            parts = {entry: archive.read(entry) for entry in archive.namelist()}
    else:
        parts = {path.name: content}
    for entry, part in parts.items():
        # What torch.save writes is a zip or a pickle, and begins so.
        assert not part.startswith((b"PK\x03\x04", b"\x80\x02", b"\x80\x04", b"\x80\x05"))
        if entry.endswith("_config.json"):
            payloads = json.loads(part)["config"].values()
            assert not any(payload["use_pickle"] for payload in payloads)


@pytest.fixture(scope="module")
def unpickled() -> list[str]:
    """What Python unpickles in this process from now on."""
    found: list[str] = []

    def watch(event: str, details: tuple[object, ...]) -> None:
        if event == "pickle.find_class":
            found.append(repr(details))

    sys.addaudithook(watch)
    pickle.loads(pickle.dumps(Task(1, 2, 3, 4)))  # noqa: S301
    assert found
    return found


@pytest.mark.parametrize("name", EXPORTERS.names())
def test_running_a_file_unpickles_nothing(name, folder, unpickled):
    unpickled.clear()
    EXPORTERS.create(name).run(folder, random_batches(CASES[5][2]))
    assert unpickled == []
