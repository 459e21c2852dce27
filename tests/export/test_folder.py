"""Folders with chosen formats: of hand-built networks, extended, measured, and read back."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import replace

import pytest
import torch
from torch import nn

from nas.data.images import Images
from nas.export import ExportError, Subject, add, export, export_subject, load
from nas.export.agreement import agreement
from nas.export.card import read_card
from nas.export.choice import chosen
from nas.export.int8 import quantised
from nas.export.zoo import zoo_subject
from searchspaces import Task
from searchspaces.registry import RegistryError


@pytest.fixture
def subject() -> Subject:
    return zoo_subject("lenet5", classes=["ant", "bee", "cat"])


def hashes(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_hand_built_network_has_its_source_as_any_other(subject, tmp_path):
    files = export_subject(tmp_path / "m", subject)
    names = {file.name for file in files}
    assert names == {"weights.safetensors", "model.py", "card.json", "README.md"}
    text = (tmp_path / "m" / "README.md").read_text()
    assert "`lenet5` of Nasturtium's zoo" in text
    assert "model.load()" in text
    assert "what only training has" in text
    back = load(tmp_path / "m")
    assert (back.arch, back.scale, back.task) == (None, None, subject.task)
    assert back.card == subject.card
    assert not back.model.training


def test_a_network_that_nothing_can_rebuild_is_refused(subject):
    card = subject.card.model_copy(update={"zoo": None})
    with pytest.raises(ExportError, match="an architecture and a scale, or a name in the zoo"):
        Subject(subject.model, None, subject.task, None, card)


def test_the_public_way_takes_a_name_of_the_zoo_in_the_card(subject, tmp_path):
    card = subject.card.model_dump()
    export(tmp_path / "m", subject.model, None, subject.task, None, card=card, formats=["bf16"])
    assert [one.name for one in read_card(tmp_path / "m").formats] == ["safetensors", "bf16"]


def test_weights_that_lie_channels_last_are_exported_without_a_warning(subject, tmp_path):
    subject.model.to(memory_format=torch.channels_last)
    export_subject(tmp_path / "m", subject, ["pt2"])
    assert (tmp_path / "m" / "model.pt2").exists()
    assert not subject.model.state_dict()["3.weight"].is_contiguous()  # it is left as it was


def test_all_leaves_out_what_is_not_offered_or_not_installed(subject, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    export_subject(tmp_path / "m", subject, ["all"])
    names = {one.name for one in read_card(tmp_path / "m").formats}
    assert {"safetensors", "source", "pt2", "folded", "bf16", "int8"} <= names
    assert "onnx" not in names
    with pytest.raises(ExportError, match=r"nasturtium\[onnx\]"):
        export_subject(tmp_path / "other", subject, ["onnx"])
    with pytest.raises(RegistryError, match="unknown export format 'onxx'"):
        export_subject(tmp_path / "other", subject, ["onxx"])
    assert not (tmp_path / "other").exists()


class Choosing(nn.Module):
    """Looks at the size of its images, which tracing for source does not let it do."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(1, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.shape[2] > 4:
            x = x.mean((2, 3), keepdim=True)
        return self.linear(x.flatten(1))


def test_a_network_that_cannot_be_traced_has_a_program_and_source_says_which_module(
    subject, tmp_path
):
    subject = replace(subject, model=nn.Sequential(Choosing()))
    assert [one.name for one in chosen((), subject)] == ["safetensors", "pt2"]
    with pytest.raises(ExportError, match=r"source: the network\.0 \(Choosing\) cannot be traced"):
        export_subject(tmp_path / "other", subject, ["source"])
    assert subject.model.training


def test_formats_are_added_and_the_others_stay_byte_for_byte(subject, tmp_path):
    export_subject(tmp_path / "m", subject, ["bf16"])
    before = hashes(tmp_path / "m")
    files = add(tmp_path / "m", ["int8", "bf16"])
    after = hashes(tmp_path / "m")
    assert set(after) - set(before) == {"weights-int8.safetensors"}
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"card.json", "README.md"}
    assert {file.name for file in files} == set(after)
    assert [p.name for p in tmp_path.iterdir()] == ["m"]


def test_a_format_that_cannot_be_added_leaves_the_folder_as_it_was(subject, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    export_subject(tmp_path / "m", subject, ["bf16"])
    before = hashes(tmp_path / "m")
    with pytest.raises(ExportError, match=r"nasturtium\[onnx\]"):
        add(tmp_path / "m", ["onnx"])
    assert hashes(tmp_path / "m") == before
    assert [p.name for p in tmp_path.iterdir()] == ["m"]


def test_weights_that_are_not_of_the_network_are_refused(subject, tmp_path):
    export_subject(tmp_path / "m", subject, ["bf16"])
    export_subject(tmp_path / "n", zoo_subject("lenet5", classes=4), ["bf16"])
    (tmp_path / "n" / "weights.safetensors").rename(tmp_path / "m" / "weights.safetensors")
    with pytest.raises(ExportError, match=r"weights\.safetensors does not fit the network"):
        load(tmp_path / "m")


def decided(first: float, second: float) -> Subject:
    """Return a network that says the same of every image."""
    subject = zoo_subject("lenet5", classes=2)
    last = [m for m in subject.model.modules() if isinstance(m, torch.nn.Linear)][-1]
    with torch.no_grad():
        last.weight.zero_()
        last.bias.copy_(torch.tensor([first, second]))
    return subject


IMAGES = Images(torch.zeros(10, 1, 32, 32, dtype=torch.uint8), torch.tensor([0] * 7 + [1] * 3))


def test_what_a_change_costs_is_counted_on_the_images_given():
    found = agreement(decided(1.0, 0.5), decided(0.5, 1.25).model, IMAGES)
    assert (found.images, found.noise, found.top1, found.worst) == (10, False, 0.0, 0.75)
    assert (found.accuracy, found.accuracy_before) == (0.3, 0.7)
    assert "accuracy 30.00% instead of 70.00% (+40.00 points lost)" in found.text()


def test_without_images_it_is_counted_on_noise_and_says_so():
    found = agreement(decided(1.0, 0.5), decided(1.0, 0.5).model, None)
    assert (found.noise, found.top1, found.accuracy) == (True, 1.0, None)
    assert f"{found.images} images of noise" in found.text()


@pytest.mark.parametrize("given", [math.nan, math.inf])
def test_a_lossy_format_that_gives_no_numbers_is_refused_and_not_called_equal(given):
    for kept in (decided(1.0, given), decided(given, 1.0)):
        with pytest.raises(ExportError, match="not finite"):
            agreement(decided(1.0, 0.5), kept.model, IMAGES)
    with pytest.raises(ExportError, match="not finite"):
        agreement(decided(given, 0.5), decided(1.0, 0.5).model, None)


def test_the_card_says_what_a_lossy_format_costs_on_the_test_images(tmp_path):
    export_subject(tmp_path / "m", decided(1.0, 0.5), ["int8"], IMAGES)
    by_name = {one.name: one.agreement for one in read_card(tmp_path / "m").formats}
    assert by_name["safetensors"] is None
    assert by_name["int8"].text() in (tmp_path / "m" / "README.md").read_text()


def test_eight_bits_are_off_by_half_a_step_at_most():
    weight = torch.randn(5, 4, 3, 3, generator=torch.Generator().manual_seed(0))
    weight[2] = 0
    numbers, scale = quantised(weight)
    assert numbers.dtype == torch.int8
    assert numbers.abs().amax((1, 2, 3)).tolist() == [127, 127, 0, 127, 127]
    assert ((numbers * scale - weight).abs() <= scale / 2 + 1e-7).all()


def test_the_card_of_an_older_folder_is_read(tmp_path):
    data = {
        "format": 1,
        "card": {"classes": ["a", "b"], "mean": [0.5], "std": [0.5]},
        "architecture": {"space": "toy", "cells": []},
        "task": {"channels": 1, "height": 8, "width": 8, "classes": 2},
        "scale": {"filters": 4},
    }
    (tmp_path / "card.json").write_text(json.dumps(data))
    content = read_card(tmp_path)
    assert content.task == Task(1, 8, 8, 2)
    assert [one.name for one in content.formats] == ["safetensors", "source"]
