"""The retraining of a winner from scratch, and the one look at the test images."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nas.profile import profile
from nas.seeding import seeded
from nas.train import evaluate, fit, pick_device

if TYPE_CHECKING:
    from torch import nn

    from nas.data.images import FinalData
    from nas.evaluators import Report
    from nas.recipe import Recipe
    from nas.trial import Metrics
    from searchspaces import SearchSpace
    from searchspaces.arch import Arch
    from searchspaces.scale import Scale


@dataclass(frozen=True, slots=True)
class Final:
    """A trained network, in evaluation mode on the CPU, and what was measured of it.

    Metrics: test_accuracy (0 to 1) and test_loss, train_loss, params, madds, epochs,
    learning_rate (the last), train_seconds.
    """

    model: nn.Module
    metrics: Metrics


def train_final(
    space: SearchSpace,
    arch: Arch,
    data: FinalData,
    recipe: Recipe,
    scale: Scale,
    *,
    seed: int,
    report: Report | None = None,
) -> Final:
    """Train an architecture on training and selection images together, then test it once.

    ``report(epoch, metrics)`` is given no accuracy: nothing that is decided while it trains can
    depend on the test images. Raises TrialStopped once it returns False, TrialFailure(DIVERGED)
    where a loss is no finite number, ValueError where the recipe's device does not exist.
    """
    device = pick_device(recipe.device)
    data = data.to(device)
    with seeded(seed, device):
        model = space.build(arch, data.task, scale)
    cost = profile(model, data.task)
    begun = time.perf_counter()
    metrics = fit(
        model, data.train, None, recipe, statistics=data.statistics, seed=seed, report=report
    )
    seconds = time.perf_counter() - begun
    test = evaluate(model, data.test, data.statistics, recipe)
    model.eval().cpu()
    return Final(
        model,
        metrics
        | {f"test_{name}": value for name, value in test.items()}
        | {
            "params": float(cost.params),
            "madds": float(cost.madds),
            "epochs": float(recipe.epochs),
            "train_seconds": seconds,
        },
    )
