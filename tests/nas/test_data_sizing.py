"""How many training images a trial gets where the user leaves it to us."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from nas.data import DataSpec, describe
from nas.data.sizing import sized


def about(train=40_000, selection=10_000, size=32, classes=10):
    return {
        "train": train,
        "selection": selection,
        "height": size,
        "width": size,
        "classes": list(range(classes)),
    }


@pytest.mark.parametrize(
    ("given", "facts", "gpus", "wanted"),
    [
        ("auto", about(), 0, 2_500),
        ("auto", about(), 0.25, "all"),
        ("auto", about(size=64), 0, 625),
        ("auto", about(size=224, classes=50), 0, 1_000),
        ("auto", about(train=900, selection=100), 0, "all"),
        ("all", about(), 0, "all"),
        (300, about(), 1, 300),
    ],
)
def test_a_trial_without_a_gpu_trains_on_what_a_core_can_afford(given, facts, gpus, wanted):
    assert sized(DataSpec(train_images=given), facts, gpus).train_images == wanted


def test_the_digits_are_few_and_small_enough_to_be_used_whole(tmp_path):
    spec = DataSpec(source="digits")
    assert sized(spec, describe(spec, tmp_path), 0).train_images == "all"


@pytest.mark.parametrize("bad", [3, -1, "some", None])
def test_a_number_of_images_that_makes_no_sense_is_refused(bad):
    with pytest.raises(ValidationError, match="train_images"):
        DataSpec(train_images=bad)


def test_a_number_given_as_text_is_a_number():
    assert DataSpec(train_images="2500").train_images == 2500
