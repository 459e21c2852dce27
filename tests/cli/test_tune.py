"""``nas tune``: recipes tried on a cluster of this machine, and the best one trained with."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nas.data import DataSpec
from nas.recipe import Recipe
from nas.training.blueprint import Blueprint
from nas.tune_recipe import Question, Tried, best, outcome
from searchspaces.scale import Scale
from searchspaces.toy import OPTIMUM, Toy
from service.cli import app


def tried(number: int, accuracy: float | None, epochs: int, error: str = "") -> Tried:
    return Tried(number, {"epochs": 4}, accuracy, epochs, 1.0, error)


def test_the_best_is_one_that_trained_its_whole_schedule() -> None:
    ended, done, failed = tried(0, 0.9, 2), tried(1, 0.7, 4), tried(2, 0.8, 4, "out of memory")
    assert best([ended, done, failed, tried(3, 0.6, 4)]) == done
    assert best([ended, failed]) is None


def test_drop_path_goes_into_the_network_and_the_rest_into_the_recipe() -> None:
    blueprint = Blueprint(
        title="toy", architecture=Toy().decode(OPTIMUM).to_json(), scale=Scale(filters=4)
    )
    question = Question(blueprint, DataSpec(), Recipe(batch_size=16), Path("data"), 1)
    settings = {"learning_rate": 0.2, "epochs": 7, "drop_path": 0.3, "weight_decay": 1e-3}
    recipe, network = outcome(question, Tried(0, settings, 0.5, 7, 1.0))
    assert (recipe.learning_rate, recipe.epochs, recipe.batch_size) == (0.2, 7, 16)
    assert network.scale is not None
    assert (network.scale.drop_path, network.scale.filters) == (0.3, 4)
    fixed = Question(Blueprint.named("lenet5"), DataSpec(), Recipe(), Path("data"), 1)
    assert outcome(fixed, Tried(0, {"epochs": 7}, 0.5, 7, 1.0))[1] == fixed.blueprint


def ended(home: Path) -> dict[Path, str]:
    """Return the results of the trials that Tune has kept as ended, by their files."""
    found = {}
    for state in home.rglob("experiment_state-*.json"):
        for line in json.loads(state.read_text())["trial_data"]:
            trial = json.loads(line[0])
            if trial["status"] == "TERMINATED":
                file = next(state.parent.glob(f"*{trial['trial_id']}*/result.json"))
                found[file] = file.read_text()
    return found


@pytest.mark.ray
@pytest.mark.slow
def test_a_recipe_is_found_by_a_command_that_goes_on_and_trained_with(tmp_path: Path) -> None:
    file, home = tmp_path / "tuned.json", tmp_path / "home"
    command = [sys.executable, "-m", "service.cli", "--home", str(home), "tune"]
    command += ["resnet20_cifar", "--data", "digits", "--train-images", "60", "--epochs", "2"]
    command += ["--trials", "3", "--workers", "1", "--output", str(file), "--json"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "TUNE_GLOBAL_CHECKPOINT_S": "0"}
    with (tmp_path / "log").open("wb") as log:
        first = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    last = time.monotonic() + 120
    while "1/3" not in (said := (tmp_path / "log").read_text()):
        assert first.poll() is None, said
        assert time.monotonic() < last
        time.sleep(0.05)
    first.send_signal(signal.SIGINT)
    assert first.wait(60) == 130, (tmp_path / "log").read_text()
    assert "the same command goes on" in (tmp_path / "log").read_text()
    before = ended(home)
    assert before
    assert not file.exists()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert {path: path.read_text() for path in before} == before
    told = json.loads(done.stdout)
    assert len(told["trials"]) == 3
    assert not any(one["error"] for one in told["trials"])
    finished = [one for one in told["trials"] if one["finished"]]
    winner = max(finished, key=lambda one: one["accuracy"])
    assert told["accuracy"] == winner["accuracy"]
    again = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (again.returncode, again.stdout) == (0, done.stdout), again.stderr
    assert told["recipe"]["learning_rate"] == winner["settings"]["learning_rate"]
    assert told["recipe"]["epochs"] == winner["settings"]["epochs"] <= 2
    assert {one["settings"]["learning_rate"] for one in told["trials"]} != {Recipe().learning_rate}
    given = ["train", "resnet20_cifar", "--data", "digits", "--train-images", "60", "--json"]
    given += ["--recipe", str(file), "--output", str(tmp_path / "out")]
    result = CliRunner().invoke(app, ["--home", str(tmp_path / "home"), *given])
    assert result.exit_code == 0, result.output
    card = json.loads((tmp_path / "out" / "model" / "card.json").read_text())["card"]
    assert card["training"]["recipe"] == told["recipe"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["tune", "nothing"], "no model 'nothing'"),
        (["tune", "resnet20_cifar", "--data", "/nowhere"], "/nowhere"),
        (["tune", "resnet20_cifar", "--data", "/nowhere", "--output", "/"], "/ is a folder"),
        (["train", "resnet20_cifar", "--recipe", "other"], "default, paper, or a file"),
    ],
)
def test_what_cannot_be_tuned_is_one_clear_line(tmp_path, arguments, words) -> None:
    result = CliRunner().invoke(app, ["--home", str(tmp_path), *arguments])
    assert result.exit_code == 2
    assert words in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
