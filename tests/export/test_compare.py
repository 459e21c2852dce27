"""Logits of a file against those of the network: rounding passes, everything else does not."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

import nas
from nas.export import ExportError
from nas.export.compare import (
    MOST,
    TIMES,
    TOLERANCE,
    compare,
    difference,
    exactly,
    outputs,
    random_batches,
)
from nas.seeding import seeded
from searchspaces import Task

LOGITS = torch.tensor([[-2921.26, -327.65, 2516.98], [0.25, -0.5, 0.1]])
AWAY = (2921.26 - 327.65, 0.15)  # the median distance from the middle logit, by image


def test_a_difference_is_a_share_of_how_far_the_logits_of_its_image_lie_apart() -> None:
    moved = LOGITS + torch.tensor([[0.0, 0.02, 0.0], [0.0, 0.0, 1e-6]])
    compare("file", [LOGITS], [moved])
    assert difference(LOGITS, moved) == pytest.approx(0.02 / AWAY[0], rel=0.02)
    assert difference(LOGITS[1:], moved[1:]) == pytest.approx(1e-6 / AWAY[1], rel=0.05)
    # What all classes have in common says nothing of how much an error matters.
    assert difference(LOGITS + 1e4, moved + 1e4) == pytest.approx(0.02 / AWAY[0], rel=0.05)


@pytest.mark.parametrize("size", [1e-9, 1e-5, 1.0, 1e5])
def test_small_logits_do_not_let_more_through(size: float) -> None:
    small = LOGITS[1:] * size
    with pytest.raises(ExportError, match="other logits"):
        compare("file", [small], [torch.zeros_like(small)])
    with pytest.raises(ExportError, match="other logits"):
        compare("file", [small], [small * 1.001])
    compare("file", [small], [small * (1 + 1e-6)])


@pytest.mark.parametrize("name", ["mobilenet_v2_100", "resnet20_cifar"])
def test_a_file_of_zeros_is_found_out_for_a_fresh_network_too(name: str) -> None:
    with seeded(0, torch.device("cpu")):
        model = nas.create_model(name, size=32, num_classes=10).eval()
    batches = random_batches(Task(3, 32, 32, 10))
    wanted = outputs(model, batches)
    zeros = [torch.zeros_like(logits) for logits in wanted]
    with pytest.raises(ExportError, match="its own rounding is"):
        compare("file", wanted, zeros, exact=lambda: exactly(model, batches))


def test_one_large_logit_does_not_let_the_others_be_wrong() -> None:
    given = torch.tensor([[1e6, 0.3, -0.2, 0.1, 0.5]])
    with pytest.raises(ExportError, match="other logits"):
        compare("file", [given], [given + torch.tensor([[0.0, 1.0, 0.0, 0.0, 0.0]])])


def test_equal_logits_are_measured_by_what_there_is() -> None:
    same = torch.full((2, 3), 5.0)
    assert difference(same, same) == 0
    assert difference(same, same + 0.5) == pytest.approx(0.1)
    assert difference(torch.tensor([[0.0, 0.0, 2.0]]), torch.tensor([[0.0, 0.1, 2.0]])) == (
        pytest.approx(0.05)
    )
    assert difference(torch.zeros(1, 3), torch.full((1, 3), 1e-20)) == math.inf
    assert difference(torch.tensor([[1.0, 3.0]]), torch.tensor([[1.0, 3.2]])) == pytest.approx(0.1)


def off(by: float) -> list[Tensor]:
    """Return logits that are ``by`` of their distance off."""
    return [LOGITS[1:].double() + torch.tensor([[by * AWAY[1], 0.0, 0.0]], dtype=torch.float64)]


def test_what_float64_shows_to_be_rounding_passes_and_no_more() -> None:
    exact, wanted = off(0.0), off(1e-3)
    compare("file", wanted, off(-0.9 * TIMES * 1e-3), exact=lambda: exact)
    for worse in (-1.1 * TIMES * 1e-3, math.nan):
        with pytest.raises(ExportError, match=r"file gives other logits .* rounding is 0\.001"):
            compare("file", wanted, off(worse), exact=lambda: exact)
    # Where float32 itself says nothing, no file is said to be right.
    with pytest.raises(ExportError, match="other logits"):
        compare("file", off(2 * MOST), off(-1.1 * MOST), exact=lambda: exact)


def test_the_reference_is_the_same_network_in_float64_and_leaves_it_alone() -> None:
    with seeded(0, torch.device("cpu")):
        model = nn.Sequential(nn.Flatten(), nn.Linear(12, 4)).eval()
    batches = random_batches(Task(3, 2, 2, 4))
    reference = exactly(model, batches)
    assert [logits.dtype for logits in reference] == [torch.float64] * 2
    assert model[1].weight.dtype == torch.float32
    for ours, theirs in zip(outputs(model, batches), reference, strict=True):
        torch.testing.assert_close(ours.double(), theirs)


@pytest.mark.parametrize(
    ("image", "by"), [(0, 0.04), (1, 2e-5), (0, math.nan), (1, math.nan), (1, math.inf)]
)
def test_what_is_no_rounding_is_told(image: int, by: float) -> None:
    moved = LOGITS.clone()
    moved[image, 1] += by
    with pytest.raises(ExportError, match="file gives other logits than the network, by "):
        compare("file", [LOGITS], [moved], TOLERANCE)


def test_a_network_that_gives_no_numbers_and_other_shapes_are_told() -> None:
    with pytest.raises(ExportError, match="not finite; nothing was exported"):
        compare("file", [LOGITS * math.inf], [LOGITS])
    with pytest.raises(ExportError, match="other shapes"):
        compare("file", [LOGITS], [LOGITS[:1]])
