"""Runs an audit of the cheap score: real trainings on the search's own images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from nas.catalog import REGISTRIES
from nas.data import load_search
from nas.evaluators import Request
from nas.evaluators.trained import Trained
from nas.honesty.audit import audit, spread_out
from nas.profile import profile
from nas.recipe import Recipe
from nas.trial import trial_seed
from searchspaces.scale import Scale
from service.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nas.honesty.audit import Audit
    from nas.spec import SearchSpec
    from searchspaces import Decisions

MOST = 1000
METRIC = "accuracy"


def run(
    spec: SearchSpec,
    data_root: Path,
    *,
    architectures: int,
    long_epochs: int,
    seeds: int,
    progress: Callable[[int, int, str], None] = lambda *_: None,
) -> Audit:
    """Train architectures of a completed spec short (its own epochs) and long, and compare.

    Accuracies are on the selection images; the test images play no part. Raises UserError where
    the spec trains nothing or a number is wrong.
    """
    if spec.evaluator.name != Trained.name or spec.data is None:
        text = f"evaluator is {spec.evaluator.name!r}: an audit compares trainings"
        raise UserError(text, field="evaluator", allowed=Trained.name)
    recipe = Recipe.model_validate(spec.evaluator.options.get("recipe", {}))
    scale = Scale.model_validate(spec.evaluator.options.get("scale", {}))
    _check("architectures", architectures, 2, MOST)
    _check("seeds", seeds, 1, MOST)
    _check("long_epochs", long_epochs, recipe.epochs + 1, 10_000)
    space = REGISTRIES["space"].create(spec.space.name, spec.space.options)
    data = load_search(spec.data, spec.seed, data_root)
    evaluator = Trained(space, data, recipe=recipe, scale=scale)

    def cost(decisions: Decisions) -> float:
        with torch.device("meta"):
            model = space.build(space.decode(decisions), data.task, scale)
        return float(profile(model, data.task).params)

    done = 0
    chosen = spread_out(space, architectures, spec.seed, cost)

    def train(decisions: Decisions, seed: int, epochs: int) -> float:
        nonlocal done
        request = Request(decisions, space.decode(decisions), trial_seed(spec.seed, seed), epochs)
        value = evaluator.evaluate(request, lambda *_: True)[METRIC]
        done += 1
        progress(done, 2 * seeds * len(chosen), f"{epochs} epochs: {value:.2%}")
        return value

    return audit(chosen, train, short=recipe.epochs, long=long_epochs, seeds=seeds)


def _check(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        text = f"{name} is {value}, allowed are {least} to {most}"
        raise UserError(text, field=name, value=value, allowed=f"{least} to {most}")
