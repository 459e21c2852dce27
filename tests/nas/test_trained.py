"""Tests of the evaluator that trains: pure, seeded, stoppable, and clear about failures."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import Tensor, nn

from nas.catalog import REGISTRIES
from nas.data import DataSpec, SearchData, load_search
from nas.evaluators import Request
from nas.evaluators.trained import Trained
from nas.profile import profile
from nas.recipe import Recipe
from nas.trial import FailureKind, Metrics, TrialFailure, TrialStopped
from searchspaces.registry import RegistryError
from searchspaces.scale import Scale
from searchspaces.toy import Toy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from searchspaces import SearchSpace, Task
    from searchspaces.arch import Arch

SMALL = {"recipe": {"epochs": 1, "batch_size": 64}, "scale": {"filters": 4, "stem_multiplier": 1}}
TIMES = {"train_seconds"}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> SearchData:
    spec = DataSpec(train_images=400)
    return load_search(spec, 0, tmp_path_factory.mktemp("data"))


def trained(space: str, data: SearchData, options: dict[str, Any] | None = None) -> Any:
    registries = REGISTRIES
    made = registries["space"].create(space)
    return registries["evaluator"].create(
        "trained", SMALL if options is None else options, space=made, data=data
    )


def request_for(space: SearchSpace, seed: int = 0, budget: int | None = None) -> Request:
    decisions = space.sample(random.Random(seed))
    return Request(decisions, space.decode(decisions), seed, budget)


def go_on(step: int, metrics: Metrics) -> bool:
    return True


def without_times(metrics: Metrics) -> Metrics:
    return {name: value for name, value in metrics.items() if name not in TIMES}


@pytest.mark.parametrize("space", ["toy", "nasnet"])
def test_measuring_twice_gives_the_same_numbers_and_another_seed_gives_others(
    space: str, data: SearchData
) -> None:
    evaluator = trained(space, data)
    asked = request_for(evaluator.space)
    one, two = (evaluator.evaluate(asked, go_on) for _ in range(2))
    other = evaluator.evaluate(Request(asked.decisions, asked.arch, 1), go_on)
    assert without_times(one) == without_times(two)
    assert one["loss"] != other["loss"]


def test_a_fresh_process_measures_the_same_numbers(data: SearchData) -> None:
    code = """
import json, pathlib, random, sys, tempfile, torch
torch.set_num_threads(1)
from nas.catalog import REGISTRIES
from nas.data import DataSpec, load_search
from nas.evaluators import Request
data = load_search(DataSpec(train_images=400), 0, pathlib.Path(tempfile.mkdtemp()))
space = REGISTRIES["space"].create("toy")
options = json.loads(sys.argv[1])
evaluator = REGISTRIES["evaluator"].create("trained", options, space=space, data=data)
decisions = space.sample(random.Random(3))
metrics = evaluator.evaluate(Request(decisions, space.decode(decisions), 3), lambda *_: True)
print(json.dumps(metrics))
"""
    found = subprocess.run(
        [sys.executable, "-c", code, json.dumps(SMALL)], capture_output=True, check=True, text=True
    )
    evaluator = trained("toy", data)
    here = evaluator.evaluate(request_for(evaluator.space, seed=3), go_on)
    assert without_times(json.loads(found.stdout)) == without_times(here)


def test_metrics_are_finite_and_agree_with_the_profile(data: SearchData) -> None:
    evaluator = trained("nasnet", data)
    asked = request_for(evaluator.space, seed=2)
    metrics = evaluator.evaluate(asked, go_on)
    assert set(metrics) == set(evaluator.measures) - {"latency_ms"}
    assert 0 <= metrics["accuracy"] <= 1
    cost = profile(evaluator.space.build(asked.arch, data.task, evaluator.scale), data.task)
    assert (metrics["params"], metrics["madds"]) == (cost.params, cost.madds)


def test_a_nasnet_cell_learns_digits_far_above_chance(data: SearchData) -> None:
    options = {"recipe": {"epochs": 4, "batch_size": 32}, "scale": {"filters": 4}}
    evaluator = trained("nasnet", data, options)
    metrics = evaluator.evaluate(request_for(evaluator.space), go_on)
    assert metrics["accuracy"] > 0.5  # chance is 0.1


def test_a_network_with_auxiliary_head_and_drop_path_trains(data: SearchData) -> None:
    options = {
        "recipe": {"epochs": 1, "cutout": 2, "label_smoothing": 0.1},
        "scale": {"filters": 4, "auxiliary": True, "drop_path": 0.3, "dropout": 0.2},
    }
    evaluator = trained("nasnet", data, options)
    one, two = (evaluator.evaluate(request_for(evaluator.space), go_on) for _ in range(2))
    assert without_times(one) == without_times(two)


def test_a_budget_replaces_the_epochs_of_the_recipe(data: SearchData) -> None:
    evaluator, steps = trained("toy", data), []
    metrics = evaluator.evaluate(
        request_for(evaluator.space, budget=3), lambda step, _: steps.append(step) or True
    )
    assert steps == [1, 2, 3]
    assert metrics["epochs"] == 3
    assert metrics["learning_rate"] < 0.01  # the whole cosine, not its first third


def test_a_trial_ends_when_its_report_says_so(data: SearchData) -> None:
    evaluator = trained("toy", data)
    with pytest.raises(TrialStopped):
        evaluator.evaluate(request_for(evaluator.space, budget=3), lambda *_: False)


class Greedy(Toy):
    """Builds networks that ask for more memory than there is."""

    name = "greedy"

    def build(self, arch: Arch, task: Task, scale: Scale) -> nn.Module:
        """Return a network whose forward pass cannot succeed."""

        class Hungry(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.whole = super(Greedy, space).build(arch, task, scale)

            def forward(self, x: Tensor) -> Tensor:
                if x.device.type != "meta":
                    x = x + torch.ones(2**46, device=x.device)[:1]
                out: Tensor = self.whole(x)
                return out

        space = self
        return Hungry()


def test_a_network_that_does_not_fit_into_memory_fails_as_that(data: SearchData) -> None:
    evaluator = Trained(Greedy(), data, recipe=Recipe(epochs=1), scale=Scale(filters=4))
    with pytest.raises(TrialFailure, match="out of memory on ") as caught:
        evaluator.evaluate(request_for(evaluator.space), go_on)
    assert caught.value.kind is FailureKind.OUT_OF_MEMORY
    assert "\n" not in str(caught.value)


def test_an_error_of_another_kind_is_not_hidden(data: SearchData) -> None:
    class Wrong(Toy):
        name = "wrong"

        def build(self, arch: Arch, task: Task, scale: Scale) -> nn.Module:
            raise RuntimeError(f"shapes do not match: {arch.space}, {task}, {scale}")

    evaluator = Trained(Wrong(), data)
    with pytest.raises(RuntimeError, match="shapes do not match"):
        evaluator.evaluate(request_for(evaluator.space), go_on)


def test_its_options_are_checked_by_name_and_range(data: SearchData) -> None:
    check = REGISTRIES["evaluator"].check
    done = check("trained", {"recipe": {"epochs": 7}})
    assert done["recipe"]["epochs"] == 7
    assert done["scale"] == Scale().model_dump(mode="json")
    with pytest.raises(RegistryError, match=r"option 'recipe.epochs'"):
        check("trained", {"recipe": {"epochs": 0}})
    with pytest.raises(RegistryError, match="unknown option"):
        check("trained", {"recepi": {}})


def test_a_space_without_networks_is_refused_before_anything_runs() -> None:
    class Paper(Toy):
        name = "paper"
        buildable = False

    Trained.check_space(Toy())
    with pytest.raises(RegistryError, match="space 'paper' has none to build"):
        Trained.check_space(Paper())


def test_the_default_options_work(data: SearchData) -> None:
    evaluator = trained("toy", data, {})
    assert evaluator.recipe == Recipe()
    metrics = evaluator.evaluate(request_for(evaluator.space, budget=1), go_on)
    assert metrics["accuracy"] > 0
