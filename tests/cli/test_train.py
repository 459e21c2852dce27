"""``nas train`` from the command line: a folder of images at 64 px to a model, resumed, refused."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from service.cli.networks import folder_of
from tests.cli.running import nas

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    """Return train/ and test/ of two classes: bright on the left, or at the top."""
    top, random = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    for part, count in (("train", 24), ("test", 8)):
        for number in range(2 * count):
            x = random.integers(0, 120, (72, 64, 3), dtype=np.uint8)
            if number % 2:
                x[:36] += 120
            else:
                x[:, :32] += 120
            home = top / part / ("top" if number % 2 else "left")
            home.mkdir(parents=True, exist_ok=True)
            Image.fromarray(x).save(home / f"{number}.png")
    return top


OPTIONS = ["--image-size", "64", "--epochs", "2", "--batch-size", "16", "--hold-out", "0.25"]
LARGE = ["--memory", "0.0001", "--crop-scale", "0.5", "--randaugment", "5", "--ema", "0.9"]


def test_a_folder_larger_than_memory_becomes_a_model_at_64_pixels(photos, tmp_path) -> None:
    given = ["train", "resnet20_cifar", "--data", str(photos), *OPTIONS, *LARGE]
    given += ["--output", str(tmp_path / "out"), "--json"]
    told = json.loads(nas(tmp_path / "home", *given))
    assert [set(one) for one in told["history"]] == [
        {"train_loss", "learning_rate", "accuracy", "loss"}
    ] * 2
    assert 0 <= told["metrics"]["test_accuracy"] <= 1
    card = json.loads((tmp_path / "out" / "model" / "card.json").read_text())
    assert card["card"]["data"]["test"] == 16
    assert card["card"]["training"]["recipe"]["randaugment"] == 5
    assert card["card"]["classes"] == ["left", "top"]
    # Again: nothing is left to do, and the same is told.
    assert json.loads(nas(tmp_path / "home", *given)) == told
    other = nas(tmp_path / "home", *given, "--learning-rate", "0.3", code=2)
    assert "belongs to another training" in other
    assert 'there "learning_rate": 0.05, here "learning_rate": 0.3;' in other
    # An image more, under the same path: its split would be another.
    changed = shutil.copytree(photos, tmp_path / "changed")
    given[given.index(str(photos))] = str(changed)
    given[given.index(str(tmp_path / "out"))] = str(tmp_path / "more")
    nas(tmp_path / "home", *given)
    shutil.copy(changed / "train" / "top" / "1.png", changed / "train" / "top" / "one more.png")
    assert 'another training: there "images": "' in nas(tmp_path / "home", *given, code=2)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "resnet21"], "no model 'resnet21'"),
        (["train", "lenet5:x"], "'x' is no number of a trial"),
        (["train", "resnet20_cifar", "--learning-rate", "-1"], "learning_rate"),
        (["train", "resnet20_cifar", "--set", "speed=9"], "speed: there is no such setting"),
        (["train", "resnet20_cifar", "--set", "momentum"], "NAME=VALUE"),
        (["train", "resnet20_cifar", "--hold-out", "0.9"], "--hold-out"),
        (["train", "resnet20_cifar", "--data", "/nowhere"], "/nowhere"),
        *(
            ([*command, "--data", "/nowhere", "--device", "cuda:7"], "--device: device is 'cuda:7'")
            for command in (
                ["train", "lenet5"],
                ["finetune", "lenet5"],
                ["compare", "--zoo", "lenet5", "--zoo", "resnet20_cifar"],
            )
        ),
        (["train", "pnasnet_5_cifar", "--recipe", "paper"], "no source that was read says how"),
    ],
)
def test_what_cannot_be_trained_is_one_clear_line(tmp_path, arguments, words) -> None:
    line = nas(tmp_path / "home", *arguments, "--output", str(tmp_path / "out"), code=2)
    assert words in line
    assert len(line.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", ["train", "finetune"])
def test_an_output_that_is_a_file_is_refused_before_images_are_read(tmp_path, command) -> None:
    (tmp_path / "notes").write_text("mine")
    given = [command, "resnet20_cifar", "--data", "/nowhere", "--output", str(tmp_path / "notes")]
    line = nas(tmp_path / "home", *given, code=2)
    assert "--output" in line
    assert f"{tmp_path / 'notes'} is a file" in line
    assert "allowed: a new folder" in line
    assert (tmp_path / "notes").read_text() == "mine"


def test_the_recipe_of_the_paper_is_where_training_starts_if_asked(tmp_path) -> None:
    given = ["train", "resnet20_cifar", "--data", "digits", "--train-images", "60", "--json"]
    given += ["--recipe", "paper", "--epochs", "1", "--output", str(tmp_path / "out")]
    nas(tmp_path / "home", *given)
    card = json.loads((tmp_path / "out" / "model" / "card.json").read_text())
    recipe = card["card"]["training"]["recipe"]
    assert (recipe["batch_size"], recipe["learning_rate"], recipe["weight_decay"]) == (
        128,
        0.1,
        0.0001,
    )
    assert recipe["epochs"] == 1


def test_the_output_of_a_training_is_a_model_too(tmp_path):
    (tmp_path / "out" / "model").mkdir(parents=True)
    assert folder_of(str(tmp_path / "out")) is None
    (tmp_path / "out" / "model" / "card.json").write_text("{}")
    assert folder_of(str(tmp_path / "out")) == folder_of(str(tmp_path / "out" / "model"))
