"""Scores untrained networks by one batch of training images (see :mod:`nas.zero_cost`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import torch
from pydantic import Field

from nas.data.augment import plain
from nas.data.images import Images
from nas.evaluators import Evaluator, Request
from nas.profile import profile
from nas.recipe import Recipe
from nas.seeding import generator, seeded
from nas.train import pick_device
from nas.trial import FailureKind, TrialFailure, TrialStopped
from nas.zero_cost import SCORES, measure_scores
from searchspaces import SpaceError
from searchspaces.registry import RegistryError
from searchspaces.scale import Scale

if TYPE_CHECKING:
    from collections.abc import Callable

    from nas.data.images import SearchData
    from nas.evaluators import Report
    from nas.trial import Metrics
    from searchspaces import Decisions, SearchSpace

RECIPE, SCALE = Recipe(), Scale()


def scorer(
    space: SearchSpace, data: SearchData, scale: Scale, name: str, seed: int
) -> Callable[[Decisions], float | None]:
    """Return a function that gives one score of a point, None where there is none."""
    evaluator = ZeroCost(space, data, scale=scale)

    def score(decisions: Decisions) -> float | None:
        try:
            request = Request(decisions, space.decode(decisions), seed)
            return evaluator.evaluate(request, lambda *_: True)[name]
        except (TrialFailure, SpaceError):
            return None

    return score


class ZeroCost(Evaluator):
    """Scores of untrained networks; set ``objective.metric`` to one of them.

    Metrics: jacov, naswot, synflow, grad_norm (each the mean over ``repeats`` initialisations),
    params, madds.
    """

    name = "zero_cost"
    needs_data = True
    measures = SCORES

    def __init__(
        self,
        space: SearchSpace,
        data: SearchData,
        *,
        recipe: Recipe = RECIPE,
        scale: Scale = SCALE,
        batch: Annotated[int, Field(ge=4, le=1024, description="Images looked at")] = 64,
        repeats: Annotated[int, Field(ge=1, le=100, description="Initialisations averaged")] = 1,
    ) -> None:
        """Choose the images: the same for every trial, by the data's own seed."""
        self.space, self.scale, self.repeats = space, scale, repeats
        device = pick_device(recipe.device)
        chosen = torch.randperm(len(data.train), generator=generator(0, "zero cost"))[:batch]
        self.task = data.task
        few = Images(data.train.x[chosen], data.train.y[chosen]).to(device)
        self.images, self.labels = next(plain(few, data.statistics, batch))

    @classmethod
    def check_space(cls, space: SearchSpace) -> None:
        """Raise RegistryError where the space has no networks."""
        if not space.buildable:
            raise RegistryError(
                f"evaluator {cls.name!r} looks at networks; space {space.name!r} has none to build",
                "space",
            )

    def evaluate(self, request: Request, report: Report) -> Metrics:
        """Return the scores; raise TrialFailure where one is no finite number."""
        totals: Metrics = {}
        cost = None
        for repeat in range(self.repeats):
            with seeded(request.seed + repeat, self.images.device):
                model = self.space.build(request.arch, self.task, self.scale)
            cost = cost or profile(model, self.task)
            model.to(self.images.device)
            for name, value in measure_scores(model, self.images, self.labels).items():
                totals[name] = totals.get(name, 0.0) + value / self.repeats
            if not report(repeat + 1, totals):
                raise TrialStopped
        missing = [name for name in SCORES[:4] if name not in totals]
        if missing or cost is None:
            raise TrialFailure(FailureKind.BAD_METRIC, f"no finite {', '.join(missing)}")
        return totals | {"params": float(cost.params), "madds": float(cost.madds)}
