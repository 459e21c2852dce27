"""Logits of a file against those of the network: rounding passes, everything else does not."""

from __future__ import annotations

import math

import pytest
import torch

from nas.export import ExportError
from nas.export.compare import TOLERANCE, compare, difference

LOGITS = torch.tensor([[-2921.26, -327.65, 2516.98], [0.25, -0.5, 0.1]])


def test_rounding_is_a_share_of_the_largest_logit_of_its_image() -> None:
    moved = LOGITS + torch.tensor([[0.0, 0.02, 0.0], [0.0, 0.0, 8e-6]])
    compare("file", [LOGITS], [moved])
    assert difference(LOGITS, moved) == pytest.approx(8e-6, rel=0.01)
    assert difference(LOGITS[:1], moved[:1]) == pytest.approx(0.02 / 2921.26, rel=0.01)


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
