"""Measures children of one trained supernet instead of training every architecture (ENAS)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from nas.evaluators import Evaluator
from nas.profile import profile
from nas.recipe import Recipe
from nas.supernet import Supernet
from nas.train import evaluate, pick_device
from searchspaces.registry import RegistryError
from searchspaces.scale import Scale

if TYPE_CHECKING:
    from nas.data.images import SearchData
    from nas.evaluators import Report, Request
    from nas.trial import Metrics
    from searchspaces import SearchSpace

RECIPE, SCALE = Recipe(epochs=30), Scale()


class SharedWeights(Evaluator):
    """Accuracy of an architecture with shared weights, after one training for all of them.

    ENAS trains the weights and the controller in turns. Here the weights are trained first, on
    children drawn uniformly, by the recipe's epochs; then every trial is one look at the selection
    images. So a trial's metrics depend on the architecture alone, as the contract of an evaluator
    asks, and a search can be resumed, run in parallel and repeated. Every worker trains the same
    weights once, in its first trial. The best architecture is retrained from scratch as always.

    Metrics: accuracy (0 to 1) and loss on the selection images, params, madds.
    """

    name = "shared_weights"
    needs_data = True
    measures = ("accuracy", "loss", "params", "madds")

    def __init__(
        self,
        space: SearchSpace,
        data: SearchData,
        *,
        recipe: Recipe = RECIPE,
        scale: Scale = SCALE,
        seed: Annotated[
            int, Field(ge=0, lt=2**31, description="Of the shared weights and their training")
        ] = 0,
    ) -> None:
        """Move the data to the recipe's device; the training begins with the first trial."""
        self.space, self.recipe, self.scale, self.seed = space, recipe, scale, seed
        self.data = data.to(pick_device(recipe.device))
        self.supernet: Supernet | None = None

    @classmethod
    def check_space(cls, space: SearchSpace) -> None:
        """Raise RegistryError where the space has no networks."""
        if not space.buildable:
            raise RegistryError(
                f"evaluator {cls.name!r} trains networks; space {space.name!r} has none to build",
                "space",
            )

    def evaluate(self, request: Request, report: Report) -> Metrics:
        """Return the metrics of a child; the first call trains the shared weights.

        Raises TrialFailure(DIVERGED) where the loss of the training is no finite number.
        """
        if self.supernet is None:
            supernet = Supernet(self.space, self.data, self.recipe, self.scale, self.seed)
            supernet.train(report)
            self.supernet = supernet
        model = self.supernet.calibrated(request.arch)
        cost = profile(model, self.data.task)
        found = evaluate(model, self.data.selection, self.data.statistics, self.recipe)
        return found | {"params": float(cost.params), "madds": float(cost.madds)}
