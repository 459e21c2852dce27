"""``nas export --format``, ``nas zoo export`` and ``nas predict`` on the command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

import nas
from nas.export import load
from nas.seeding import seeded
from service import modelling, models, searches
from service.cli import app
from service.db import Database
from service.settings import Settings
from tests.service.making import digits_spec, run, stopping

if TYPE_CHECKING:
    from pathlib import Path


def run_nas(*arguments: object):
    return CliRunner().invoke(app, [str(one) for one in arguments])


def done(*arguments: object):
    out = run_nas(*arguments)
    assert out.exit_code == 0, out.output
    return out


def failed(*arguments: object) -> str:
    """Return the one line of an error."""
    out = run_nas(*arguments)
    assert out.exit_code in {1, 2}, out.output
    (line,) = [one for one in out.stderr.splitlines() if one.startswith("error: ")]
    return line


@pytest.fixture
def weights(tmp_path) -> Path:
    with seeded(3, torch.device("cpu")):
        model = nas.create_model("lenet5", num_classes=3)
    torch.save({"state_dict": model.state_dict()}, tmp_path / "lenet.pt")
    return tmp_path / "lenet.pt"


@pytest.fixture
def image(tmp_path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30), dtype=np.uint8)
    (tmp_path / "images").mkdir()
    Image.fromarray(pixels).save(tmp_path / "images" / "one.png")
    return tmp_path / "images" / "one.png"


def test_a_network_of_the_zoo_is_written_with_given_weights_and_classifies(
    tmp_path, weights, image
):
    (tmp_path / "names.txt").write_text("ant\nbee\n\ncat\n")
    folder = tmp_path / "lenet"
    out = done(
        *("zoo", "export", "lenet5", "--output", folder, "--weights", weights),
        *("--class-names", tmp_path / "names.txt", "--json"),
    )
    files = {one["name"] for one in json.loads(out.stdout)["files"]}
    assert files == {"weights.safetensors", "model.py", "card.json", "README.md"}
    subject = load(folder)
    assert (subject.arch, subject.card.zoo) == (None, "lenet5")
    wanted = torch.load(weights, weights_only=True)["state_dict"]
    assert all(torch.equal(wanted[n], t) for n, t in subject.model.state_dict().items())
    assert subject.card.training["weights"].startswith("lenet.pt, sha256 ")

    out = done("predict", folder, image.parent, "--top", 2, "--json")
    (answer,) = json.loads(out.stdout)["predictions"]
    assert answer["file"] == str(image)
    assert len(answer["top"]) == 2
    assert {one["name"] for one in answer["top"]} < {"ant", "bee", "cat"}
    first = answer["top"][0]
    text = done("predict", folder, image, "--top", 1).stdout
    assert text == f"{image}: {first['name']} {first['probability']:.1%}\n"


def test_a_network_without_weights_is_said_to_be_fresh(tmp_path):
    out = done("zoo", "export", "lenet5", "--output", tmp_path / "fresh")
    assert "the network is fresh, not trained" in out.stderr
    assert "fresh: it was not trained" in (tmp_path / "fresh" / "README.md").read_text()


def test_a_published_cell_is_written_with_its_source(tmp_path):
    done(
        *("zoo", "export", "nasbench201_best", "--output", tmp_path / "cell"),
        *("--format", "source", "--size", 8, "--num-classes", 4),
    )
    assert "Needs torch and nothing else" in (tmp_path / "cell" / "model.py").read_text()
    assert load(tmp_path / "cell").card.zoo == "nasbench201_best"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["lenet5", "--format", "onxx"], "unknown export format 'onxx'"),
        (["lenet5", "--size", "4"], "images of 4x4"),
        (["lenet55"], "unknown zoo model 'lenet55'"),
        (["resnet20_cifar", "--weights", "WEIGHTS"], "lenet.pt is of another network: "),
        (["lenet5", "--weights", "WEIGHTS"], "is (3, 84), allowed is (10, 84)"),
        (["lenet5", "--weights", "nope.pt"], "nope.pt cannot be read"),
    ],
)
def test_what_cannot_be_exported_is_one_line_and_no_folder(arguments, says, tmp_path, weights):
    given = [str(weights) if one == "WEIGHTS" else one for one in arguments]
    assert says in failed("zoo", "export", *given, "--output", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_weights_that_would_run_code_are_refused(tmp_path):
    torch.save({"weight": print}, tmp_path / "evil.pt")
    line = failed("zoo", "export", "lenet5", "--weights", tmp_path / "evil.pt")
    assert "evil.pt holds more than weights" in line


def test_a_model_of_a_search_gets_formats_and_classifies_by_the_name_of_its_search(tmp_path, image):
    home = ("--home", tmp_path / "home")
    with Database.open(Settings.load(home=tmp_path / "home")) as database:
        search_id = searches.create(database, digits_spec(1, final_epochs=0))
        assert run(database, search_id) == 0
        model_id = models.request(database, search_id)
        with stopping() as stop:
            modelling.make(database, model_id, stop)
    out = done(*home, "export", "last", "--format", "bf16", "--output", tmp_path / "o", "--json")
    assert (tmp_path / "o" / "weights-bf16.safetensors").exists()
    assert json.loads(out.stdout)["formats"] == ["bf16"]
    by_search = done(*home, "predict", "last", image, "--json").stdout
    by_model = done(*home, "predict", model_id, image, "--json").stdout
    assert json.loads(by_search) == json.loads(by_model)
    copied = json.loads(done("predict", tmp_path / "o", image, "--json").stdout)
    assert copied["predictions"] == json.loads(by_model)["predictions"]
    assert "there is no format 'onxx' (allowed: bf16," in failed(
        *home, "export", "last", "--format", "onxx"
    )


def test_what_cannot_be_classified_is_one_line_that_names_it(tmp_path, image):
    (tmp_path / "cat.png").write_text("meow")
    done("zoo", "export", "lenet5", "--output", tmp_path / "net", "--format", "safetensors")
    assert "cat.png: cannot be read as an image" in failed(
        "predict", tmp_path / "net", tmp_path / "cat.png"
    )
    assert "nope.png" in failed("predict", tmp_path / "net", tmp_path / "nope.png")
    assert "is not a model card" in failed("predict", tmp_path, image)
    assert "neither a folder" in failed("--home", tmp_path / "home", "predict", "nope", image)
