"""Tests of the final training: on all training images, and one look at the test images."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import torch

from nas.data import DataSpec, FinalData, load_final
from nas.data.images import Images
from nas.final import train_final
from nas.recipe import Recipe
from nas.train import evaluate
from nas.trial import Metrics, TrialStopped
from searchspaces.scale import Scale
from searchspaces.toy import OPTIMUM, Toy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nas.evaluators import Report
    from nas.final import Final

RECIPE, SCALE = Recipe(epochs=4, batch_size=16), Scale(filters=8)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> FinalData:
    return load_final(DataSpec(train_images=600), 0, tmp_path_factory.mktemp("data"))


def final(data: FinalData, report: Report | None = None, seed: int = 0) -> Final:
    space = Toy()
    return train_final(space, space.decode(OPTIMUM), data, RECIPE, SCALE, seed=seed, report=report)


def test_the_test_accuracy_is_that_of_the_model_handed_back(data: FinalData) -> None:
    done = final(data)
    again = evaluate(done.model, data.test, data.statistics, RECIPE)
    assert done.metrics["test_accuracy"] == again["accuracy"] > 0.6
    assert done.metrics["test_loss"] == again["loss"]
    assert not done.model.training
    assert done.metrics["epochs"] == 4
    assert done.metrics["params"] == sum(p.numel() for p in done.model.parameters())


def test_the_test_images_have_no_influence_on_the_weights(data: FinalData) -> None:
    scrambled = Images(255 - data.test.x, (data.test.y + 1) % 10, data.test.mirror)
    honest, blind = final(data), final(replace(data, test=scrambled))
    for name, value in honest.model.state_dict().items():
        assert torch.equal(value, blind.model.state_dict()[name]), name
    assert blind.metrics["test_accuracy"] < 0.3


def test_reports_of_the_final_training_carry_nothing_of_the_test(data: FinalData) -> None:
    reports: list[tuple[int, Metrics]] = []
    final(data, lambda *told: reports.append(told) or True)
    assert [step for step, _ in reports] == [1, 2, 3, 4]
    for _, metrics in reports:
        assert set(metrics) == {"train_loss", "learning_rate", "images_per_second"}


def test_the_same_seed_trains_the_same_model_again(data: FinalData) -> None:
    one, two, other = final(data), final(data), final(data, seed=1)
    assert one.metrics["test_loss"] == two.metrics["test_loss"]
    assert one.metrics["test_loss"] != other.metrics["test_loss"]


def test_a_final_training_can_be_stopped(data: FinalData) -> None:
    with pytest.raises(TrialStopped, match="after epoch 1 of 4"):
        final(data, lambda *_: False)
