"""``nas compare``: a search's best, a random cell and a hand-built network in one table."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import numpy as np
import pytest

from nas.compare import Row, pareto
from tests.cli.running import nas

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """Return a folder with a small finished search."""
    folder = tmp_path_factory.mktemp("home")
    options = ["--data", "digits", "--trials", "3", "--epochs", "1", "--filters", "4"]
    options += ["--final-epochs", "0", "--executor", "inline", "--workers", "1", "--name", "small"]
    nas(
        folder,
        "search",
        *options,
        "--space",
        "toy",
        "--evaluator",
        "trained",
        "--controller",
        "random",
        "--train-images",
        "100",
    )
    return folder


def test_all_are_trained_alike_and_a_second_call_trains_nothing(home, tmp_path) -> None:
    given = [
        "compare",
        "small",
        "--top",
        "2",
        "--zoo",
        "resnet20_cifar",
        "--seeds",
        "2",
        "--epochs",
        "2",
    ]
    given += ["--output", str(tmp_path / "out")]
    told = json.loads(nas(home, *given, "--json"))
    rows = {row["name"]: row for row in told["rows"]}
    assert {row["kind"] for row in rows.values()} == {"searched", "random", "zoo"}
    assert len(rows) == 4
    for row in rows.values():
        assert len(row["accuracies"]) == 2
        assert row["epochs"] == 2
        assert row["mean"] == pytest.approx(sum(row["accuracies"]) / 2)
        assert min(row["params"], row["madds"], row["p50"], row["p95"], row["seconds"]) > 0
    kept = (tmp_path / "out" / "trainings.json").read_text()
    assert len(json.loads(kept)) == 8
    again = json.loads(nas(home, *given, "--json"))
    assert [row["accuracies"] for row in again["rows"]] == [
        row["accuracies"] for row in told["rows"]
    ]
    assert (tmp_path / "out" / "trainings.json").read_text() == kept
    drawn = ElementTree.parse(tmp_path / "out" / "pareto.svg").getroot()
    texts = {one.text for one in drawn.iter("{http://www.w3.org/2000/svg}text")}
    for name, row in rows.items():
        assert f"{name}, {row['kind']}" in texts


def test_a_budget_of_seconds_gives_the_faster_network_more_epochs(home, tmp_path) -> None:
    given = ["compare", "--zoo", "lenet5", "--zoo", "nasbench201_resnet", "--seeds", "1"]
    given += ["--data", "digits", "--image-size", "16", "--train-images", "60"]
    told = json.loads(
        nas(home, *given, "--seconds", "0.5", "--output", str(tmp_path / "out"), "--json")
    )
    epochs = {row["name"]: row["epochs"] for row in told["rows"]}
    assert epochs["lenet5"] > epochs["nasbench201_resnet"] >= 1


def test_other_images_under_the_same_name_are_trained_on_anew(home, tmp_path) -> None:
    random, file = np.random.default_rng(0), tmp_path / "images.npz"
    given = ["compare", "--zoo", "lenet5", "--zoo", "resnet20_cifar", "--seeds", "1"]
    given += ["--data", str(file), "--epochs", "1", "--output", str(tmp_path / "out"), "--json"]
    for trainings in (2, 4):
        pixels = random.integers(0, 255, (40, 28, 28), dtype=np.uint8)
        np.savez(file, x_train=pixels, y_train=np.arange(40) % 2)
        nas(home, *given)
        assert len(json.loads((tmp_path / "out" / "trainings.json").read_text())) == trainings


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["compare"], "fewer than two networks"),
        (["compare", "nothing"], "no search has the id or the name 'nothing'"),
        (["compare", "small", "--zoo", "resnet21"], "no model 'resnet21'"),
    ],
)
def test_what_cannot_be_compared_is_one_clear_line(home, arguments, words) -> None:
    assert words in nas(home, *arguments, code=2)


def test_a_network_that_cannot_be_built_is_told_before_one_is_trained(home, tmp_path) -> None:
    given = ["compare", "small", "--zoo", "vgg11", "--epochs", "1", "--seeds", "1"]
    line = nas(home, *given, "--output", str(tmp_path / "out"), code=2).splitlines()[-1]
    assert "vgg11: images of 8x8 (allowed: 32x32 or more)" in line
    assert not (tmp_path / "out").exists()


def row(name: str, accuracies: tuple[float, ...], params: int) -> Row:
    return Row(name, "zoo", accuracies, params, 10 * params, 1.0, 2.0, 1, 1.0)


def test_the_front_has_what_no_other_beats_in_both() -> None:
    rows = [row("a", (0.9, 0.8), 1000), row("b", (0.8,), 2000), row("c", (0.7,), 500)]
    assert pareto(rows, "params") == ["a", "c"]
    assert rows[0].spread == pytest.approx(0.0707, abs=1e-4)
    assert rows[1].spread is None
