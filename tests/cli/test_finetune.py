"""``nas finetune`` on the command line: a trained model and images in, advice and a model out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from tests.cli.running import nas

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """Return the folder of a network that has seen a few digits."""
    home = tmp_path_factory.mktemp("trained")
    nas(
        home, "train", "resnet20_cifar", "--data", "digits", "--train-images", "100",
        "--epochs", "1", "--output", str(home / "out"),
    )  # fmt: skip
    return home / "out" / "model"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Return images of two classes, without a test part: circles of light, and noise."""
    top, random = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    for name in ("dark", "light"):
        (top / name).mkdir()
        for number in range(20):
            x = random.integers(0, 100, (12, 10), dtype=np.uint8)
            if name == "light":
                x[3:9, 3:7] += 150
            Image.fromarray(x).save(top / name / f"{number}.png")
    return top


def test_the_choice_is_explained_and_the_model_says_what_was_done(
    trained, folder, tmp_path
) -> None:
    given = ["finetune", str(trained), "--data", str(folder), "--hold-out", "0.2"]
    advice = json.loads(nas(tmp_path, *given, "--advice-only", "--json"))
    assert advice["result"] is None
    plan = advice["plan"]
    assert plan["strategy"] == plan["recommended"]
    assert "images, " in plan["reasons"][0]
    given += ["--strategy", "linear", "--epochs", "3", "--output", str(tmp_path / "out")]
    told = nas(tmp_path, *given)
    assert f"recommended: {plan['recommended']}" in told
    assert plan["reasons"][1] in told
    made = tmp_path / "out" / "model"
    card = json.loads((made / "card.json").read_text())["card"]
    assert card["classes"] == ["dark", "light"]
    assert card["training"]["strategy"] == "linear"
    assert card["training"]["from"]
    before, after = (load_file(str(f / "weights.safetensors")) for f in (trained, made))
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"7.weight", "7.bias"}
    assert after["7.weight"].shape[0] == 2
    assert nas(tmp_path, *given) == told  # nothing is left to do


def test_weights_of_a_file_start_a_network_of_the_zoo(trained, folder, tmp_path) -> None:
    file = trained / "weights.safetensors"
    given = ["finetune", "resnet20_cifar", "--weights", str(file), "--data", str(folder)]
    given += ["--image-size", "12", "--advice-only"]
    line = nas(tmp_path, *given, code=2)
    assert "0.weight is (16, 1, 3, 3) in the weights and (16, 3, 3, 3)" in line


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["resnet20_cifar"], "--weights FILE, or an exported folder"),
        (
            ["resnet20_cifar", "--weights", "/nowhere.pth"],
            "--weights: /nowhere.pth cannot be read: No such file or directory",
        ),
        (["resnet20_cifar", "--stages", "2"], "--stages: only --strategy last trains some stages"),
        (["resnet20_cifar", "--strategy", "all", "--stages", "2"], "--stages: only --strategy"),
        (["nothing"], "no model 'nothing'"),
    ],
)
def test_what_cannot_be_fine_tuned_is_one_clear_line(tmp_path, arguments, words) -> None:
    line = nas(tmp_path, "finetune", *arguments, code=2)
    assert words in line
    assert len(line.strip().splitlines()) == 1


def test_a_setting_that_is_wrong_is_named(trained, folder, tmp_path) -> None:
    given = ["finetune", str(trained), "--data", str(folder), "--epochs", "0"]
    assert "epochs" in nas(tmp_path, *given, code=2)
