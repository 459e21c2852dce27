"""Compares the logits of exported files with those of the network in memory."""

from __future__ import annotations

import math
from copy import deepcopy
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from nas.export import ExportError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from searchspaces import Task

TOLERANCE = 1e-5  # largest difference, as `difference` measures it
# A file may be so many times as far from float64 as the network in float32. Its kernels add in
# another order, and of 160 networks none was more than twice as far (benchmarks/exports.py).
TIMES = 4
# Further off than this no file is said to be right, however far off float32 is. (ResNet-1001 with
# random weights is 0.03 off what float64 gives.)
MOST = 0.1
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

    It is a share of how far the logits of the image usually lie from their middle, so that neither
    a network of small logits nor one with a single large logit lets more through.
    """
    apart = (ours - theirs).abs()
    return float(torch.where(apart == 0, apart, apart / _usual(ours)).max())


def _usual(logits: Tensor) -> Tensor:
    """Return the median distance of an image's logits from their median, (batch, 1).

    Where half of them are equal it is the largest distance, where all are equal their size.
    """
    away = (logits - logits.median(1, keepdim=True).values).abs()
    half = away.sort(1).values[:, logits.shape[1] // 2, None]  # of two logits, the other one's
    most = away.amax(1, keepdim=True)
    size = torch.where(most > 0, most, logits.abs().amax(1, keepdim=True))
    return torch.where(half > 0, half, size)


def exactly(model: nn.Module, batches: Sequence[Tensor]) -> list[Tensor]:
    """Return the logits of a network in evaluation mode, computed in float64; it stays as it is."""
    return outputs(deepcopy(model).double(), [batch.double() for batch in batches])


def compare(
    name: str,
    wanted: list[Tensor],
    given: list[Tensor],
    tolerance: float = TOLERANCE,
    exact: Callable[[], list[Tensor]] | None = None,
) -> None:
    """Raise ExportError unless the logits of a file are those of the network.

    What is further apart than ``tolerance`` passes where ``exact``, which gives the logits of the
    network in float64, shows that it is rounding: the network itself is off by as much.
    """
    if [tuple(t.shape) for t in wanted] != [tuple(t.shape) for t in given]:
        raise ExportError(f"{name} gives logits of other shapes than the network")
    if not all(torch.isfinite(logits).all() for logits in wanted):
        raise ExportError("the network gives logits that are not finite; nothing was exported")
    worst = _worst(wanted, given)
    if worst <= tolerance:
        return
    own = math.nan
    if exact is not None:
        reference = exact()
        own = _worst(reference, wanted)
        if _worst(reference, given) <= min(TIMES * own, MOST):
            return
    known = "" if math.isnan(own) else f" (its own rounding is {own:.2g})"
    raise ExportError(f"{name} gives other logits than the network, by {worst:.2g}{known}")


def _worst(ours: list[Tensor], theirs: list[Tensor]) -> float:
    """Return the largest difference in any batch; NaN where one is not finite."""
    found = [difference(a, b.to(a.dtype)) for a, b in zip(ours, theirs, strict=True)]
    return float(torch.tensor(found, dtype=torch.float64).max())
