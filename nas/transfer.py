"""Sizes for a searched cell: the scales of CIFAR and ImageNet, and the largest within a budget.

A cell is searched in a small network and used in a large one (arXiv 1707.07012, section 3): more
cells a stage (N), more filters (F), and for large images the ImageNet stem. Costs are counted on
the meta device, so that nothing is allocated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch

from nas.profile import Profile, profile
from searchspaces import SpaceError
from searchspaces.catalog import SPACES
from searchspaces.scale import Scale

if TYPE_CHECKING:
    from collections.abc import Sequence

    from searchspaces import SearchSpace, Task
    from searchspaces.arch import Arch

Stem = Literal["cifar", "imagenet"]

# 6@768 of arXiv 1707.07012; drop path 0.4 is keep probability 0.6 (slim, nasnet_cifar_arg_scope).
CIFAR = Scale(cells=6, filters=32, stem_multiplier=3, auxiliary=True, drop_path=0.4)
# 4@1056 for 224 pixels and 6@4032 for 331, with the regularisation of slim's two configurations.
IMAGENET_MOBILE = Scale(
    cells=4, filters=44, stem="imagenet", stem_multiplier=1, auxiliary=True, dropout=0.5
)
IMAGENET_LARGE = Scale(
    cells=6,
    filters=168,
    stem="imagenet",
    stem_multiplier=3,
    skip_reduction_input=True,
    auxiliary=True,
    drop_path=0.3,
    dropout=0.5,
)
# N in the order of preference where two sizes cost alike: the published networks have 4 to 6.
DEPTHS = (4, 5, 6, 3, 2, 1)
MOST_FILTERS = 4096  # as searchspaces.scale allows
STEP = 2  # the factorised reductions of most code bases need an even number of filters


def cost(arch: Arch, task: Task, scale: Scale, *, space: SearchSpace | None = None) -> Profile:
    """Return parameters and multiply-adds of an architecture at one size; nothing is allocated."""
    with torch.device("meta"):
        network = (space or SPACES.create(arch.space)).build(arch, task, scale)
    return profile(network, task)


def fit_budget(
    arch: Arch,
    task: Task,
    *,
    max_madds: float | None = None,
    max_params: float | None = None,
    stem: Stem = "imagenet",
    depths: Sequence[int] = DEPTHS,
    base: Scale | None = None,
) -> Scale:
    """Return the largest scale of ``arch`` for ``task`` within the budget.

    For every N of ``depths`` the largest F (even, so that it splits in two) within both limits is
    found; of those pairs the one that uses most of its tighter limit wins, and of pairs within one
    percent of each other the N that stands first in ``depths``. ``base`` gives everything else;
    by default the stem multiplier of the mobile (1, imagenet) or CIFAR networks (3) and no
    regularisation. Raises SpaceError if there is no limit, or if even the smallest is too large.
    """
    limits = {"max_madds": max_madds, "max_params": max_params}
    for field, limit in limits.items():
        if limit is not None and limit <= 0:
            raise SpaceError(f"{field}: {limit} (allowed: more than 0)")
    if max_madds is None and max_params is None:
        raise SpaceError("a budget needs max_madds or max_params")
    if not depths or min(depths) < 1:
        raise SpaceError(f"depths: {list(depths)} (allowed: one or more, each 1 or more)")
    start = base or Scale(stem_multiplier=1 if stem == "imagenet" else 3)
    start = start.model_copy(update={"stem": stem})
    budget = _Budget(arch, task, start, max_madds, max_params)
    found = [
        (use, scale) for depth in depths if (fit := budget.widest(depth)) for use, scale in [fit]
    ]
    if not found:
        least = cost(arch, task, start.model_copy(update={"cells": min(depths), "filters": STEP}))
        raise SpaceError(
            f"{arch.space}: no size within the budget; the smallest has {least.params:,} "
            f"parameters and takes {least.madds:,} multiply-adds"
        )
    best = max(use for use, _ in found)
    return next(scale for use, scale in found if use >= 0.99 * best)


class _Budget:
    """Measures sizes of one architecture against the limits."""

    def __init__(
        self,
        arch: Arch,
        task: Task,
        start: Scale,
        max_madds: float | None,
        max_params: float | None,
    ) -> None:
        self.arch, self.task, self.start = arch, task, start
        self.max_madds, self.max_params = max_madds, max_params
        self.space = SPACES.create(arch.space)

    def widest(self, depth: int) -> tuple[float, Scale] | None:
        """Return the largest F at this N and the share of the tighter limit; None if none fits.

        Both costs grow with F, so that halving the range finds it.
        """
        low, high = 0, STEP  # in filters; low fits, high does not or is not known to
        use = 0.0
        while high <= MOST_FILTERS and (share := self.share(depth, high)) <= 1:
            low, high, use = high, 2 * high, share
        while high - low > STEP:
            middle = (low + high) // (2 * STEP) * STEP
            share = self.share(depth, middle) if middle <= MOST_FILTERS else 2.0
            if share <= 1:
                low, use = middle, share
            else:
                high = middle
        return (use, self.scale(depth, low)) if low else None

    def scale(self, depth: int, filters: int) -> Scale:
        """Return the scale of these N and F."""
        return self.start.model_copy(update={"cells": depth, "filters": filters})

    def share(self, depth: int, filters: int) -> float:
        """Return how much of the tighter limit this size uses; above 1 it is over."""
        costs = cost(self.arch, self.task, self.scale(depth, filters), space=self.space)
        shares = [
            got / limit
            for got, limit in ((costs.madds, self.max_madds), (costs.params, self.max_params))
            if limit is not None
        ]
        return max(shares)
