"""Files of weights as others write them: read into networks of the zoo, exported, trained on."""

from __future__ import annotations

import json
import re

import pytest
import torch
from safetensors.torch import save_file
from timm.models.nasnet import NASNetALarge
from torchvision import models

import nas
from nas.export import export_subject, load
from nas.export.zoo import zoo_subject
from nas.finetune.errors import FinetuneError
from nas.finetune.stages import find_stages
from nas.finetune.start import from_folder, from_weights, put
from nas.training.blueprint import Blueprint
from nas.zoo import ZooError
from nas.zoo.catalog import ZOO
from nas.zoo.weights import load_weights
from searchspaces import Task
from searchspaces.scale import Scale
from tests.nas.test_zoo_weights import differ, settled

NARROW = {"filters": 4, "stem_multiplier": 0.125}
TASK = Task(3, 65, 65, 5)


@pytest.fixture
def timms(monkeypatch, tmp_path):
    """NASNet-A large of timm with four filters in a file, and ours of that size by its name."""
    entry = ZOO.get("nasnet_a_large")
    monkeypatch.setattr(entry, "scale", entry.scale.model_copy(update=NARROW))
    monkeypatch.setattr(entry, "task", TASK)
    theirs = settled(NASNetALarge(num_classes=5, stem_size=4, num_features=96))
    file = tmp_path / "nasnetalarge.safetensors"
    save_file({name: tensor.float() for name, tensor in theirs.state_dict().items()}, file)
    return theirs, file


def test_a_network_with_weights_of_timm_is_exported_and_read_back(timms, tmp_path):
    theirs, file = timms
    subject = zoo_subject("nasnet_a_large", weights=file)
    export_subject(tmp_path / "folder", subject, ["source"])  # which compares every file it writes
    card = json.loads((tmp_path / "folder" / "card.json").read_text())
    assert card["scale"]["count_padding"] is True
    again = load(tmp_path / "folder")
    assert again.scale == subject.scale
    assert differ(again.model.double(), theirs, 3, 65) < 1e-6


def test_a_fine_tuning_starts_from_weights_of_timm(timms):
    theirs, file = timms
    start = from_weights(Blueprint.named("nasnet_a_large"), file)
    model = start.blueprint.build(TASK).eval()
    stages = find_stages(model, TASK)
    put(start.weights, model, stages)
    assert stages.head == "head.linear"
    model.head.linear.load_state_dict(theirs.last_linear.state_dict())
    assert differ(model.double(), theirs, 3, 65) < 1e-6


def test_weights_of_timm_that_do_not_fit_are_refused_for_a_fine_tuning_too(timms, tmp_path):
    _, file = timms
    with pytest.raises(FinetuneError, match=r"state_dict: conv0\.conv\.weight is"):
        from_weights(Blueprint.named("pnasnet_5_large"), file)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("alexnet_ensemble_5", "the members of an ensemble have a classifier each"),
        ("fusion_5", "the members of an ensemble have a classifier each"),
        ("lenet5_1998", "distances to fixed codes"),
    ],
)
def test_a_network_without_one_classifier_is_refused_with_the_reason(tmp_path, name, reason):
    with pytest.raises(FinetuneError, match=reason):
        from_weights(Blueprint.named(name), tmp_path / "unread.pth")


def test_an_exported_network_without_one_classifier_is_refused_too(tmp_path):
    export_subject(tmp_path / "lenet", zoo_subject("lenet5_1998"))
    with pytest.raises(FinetuneError, match="distances to fixed codes"):
        from_folder(tmp_path / "lenet")


def test_files_from_before_batches_were_counted_are_read(tmp_path):
    trained = settled(models.resnet18(num_classes=5)).float()
    old = {n: t for n, t in trained.state_dict().items() if "num_batches_tracked" not in n}
    torch.save(old, tmp_path / "old.pth")
    model = nas.create_model("resnet18", num_classes=5, size=64).eval()
    load_weights(model, tmp_path / "old.pth")
    assert differ(model.double(), trained.double(), 3, 64) < 1e-9


def test_weights_of_timm_without_counts_are_read(timms, tmp_path):
    theirs, _ = timms
    old = {n: t for n, t in theirs.state_dict().items() if "num_batches_tracked" not in n}
    torch.save(old, tmp_path / "old.pth")
    model = ZOO.create("nasnet_a_large").build(TASK).double().eval()
    load_weights(model, tmp_path / "old.pth")
    assert differ(model, theirs, 3, 65) < 1e-9


@pytest.mark.parametrize("start", [False, True], ids=["load", "fine-tune"])
def test_the_old_names_of_densenet_are_read(tmp_path, start):
    """As torchvision's own files have them: ``denselayer1.norm.1.weight``, and no counts."""
    trained = settled(models.densenet121()).float()
    old = {
        re.sub(r"(denselayer\d+\.(?:norm|conv))([12]\.)", r"\1.\2", name): tensor
        for name, tensor in trained.state_dict().items()
        if "num_batches_tracked" not in name
    }
    assert "features.denseblock1.denselayer1.norm.1.weight" in old
    torch.save(old, tmp_path / "old.pth")
    if start:
        found = from_weights(Blueprint.named("densenet121"), tmp_path / "old.pth").weights
        model = models.densenet121().eval()
        model.load_state_dict(found)
    else:
        model = nas.create_model("densenet121").eval()
        load_weights(model, tmp_path / "old.pth")
    assert differ(model.double(), trained.double(), 3, 64) < 1e-9


def test_weights_of_another_network_are_still_refused(tmp_path):
    model = nas.create_model("resnet18", num_classes=5, size=64)
    torch.save({n: t for n, t in model.state_dict().items() if n != "bn1.weight"}, tmp_path / "a")
    with pytest.raises(ZooError, match=r"another network: bn1\.weight is missing"):
        load_weights(model, tmp_path / "a")


def test_a_scale_says_that_it_counts_padding_only_where_it_does():
    """So versions that know nothing of it read what others write, and what they wrote is read."""
    old = Scale().model_dump(mode="json")
    assert "count_padding" not in old
    assert Scale.model_validate(old) == Scale()
    counting = Scale(count_padding=True)
    assert Scale.model_validate_json(counting.model_dump_json()) == counting
