"""Compares the logits of exported files with those of the network in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from nas.export import ExportError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from searchspaces import Task

TOLERANCE = 1e-5  # largest difference, as `difference` measures it
BATCHES = (1, 7)  # one image alone, and an odd number of them


def random_batches(task: Task) -> list[Tensor]:
    """Return batches of normal noise, (batch, channels, height, width), the same every time."""
    generator = torch.Generator().manual_seed(0)
    shape = (task.channels, task.height, task.width)
    return [torch.randn((n, *shape), generator=generator) for n in BATCHES]


def outputs(model: nn.Module, batches: Sequence[Tensor]) -> list[Tensor]:
    """Return the logits of a network in evaluation mode."""
    with torch.no_grad():
        return [model(batch) for batch in batches]


def difference(ours: Tensor, theirs: Tensor) -> float:
    """Return the largest difference of logits (batch, classes); NaN where one is not finite.

    Of an image whose largest logit exceeds 1 it is a share of that one, for rounding is: a logit
    near 0 is a difference of large terms. (Inception-v4 with logits from -2,900 to 2,500 is in
    float32 0.02 off what float64 gives, also at the logit of -330.)
    """
    size = ours.abs().amax(1, keepdim=True).clamp_min(1)
    return float(((ours - theirs).abs() / size).max())


def compare(
    name: str, wanted: list[Tensor], given: list[Tensor], tolerance: float = TOLERANCE
) -> None:
    """Raise ExportError unless the logits of a file are those of the network."""
    if [tuple(t.shape) for t in wanted] != [tuple(t.shape) for t in given]:
        raise ExportError(f"{name} gives logits of other shapes than the network")
    for ours, theirs in zip(wanted, given, strict=True):
        if not torch.isfinite(ours).all():
            raise ExportError("the network gives logits that are not finite; nothing was exported")
        worst = difference(ours, theirs)
        if not worst <= tolerance:
            raise ExportError(f"{name} gives other logits than the network, by {worst:.2g}")
