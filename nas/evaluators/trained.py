"""Trains each architecture on the training images and measures it on the selection images."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import torch
from pydantic import Field

from nas.evaluators import Evaluator
from nas.latency import measure
from nas.profile import profile
from nas.recipe import Recipe
from nas.seeding import seeded
from nas.train import fit, pick_device
from nas.trial import FailureKind, TrialFailure
from searchspaces.registry import RegistryError
from searchspaces.scale import Scale

if TYPE_CHECKING:
    from torch import nn

    from nas.data.images import SearchData
    from nas.evaluators import Report, Request
    from nas.trial import Metrics
    from searchspaces import SearchSpace

RECIPE, SCALE = Recipe(), Scale()
OUT_OF_MEMORY = ("can't allocate memory", "not enough memory", "out of memory")


class Trained(Evaluator):
    """Accuracy after a short training from scratch; the test images play no part in it.

    Metrics: accuracy (0 to 1) and loss on the selection images, train_loss, params, madds (of one
    image), epochs, learning_rate (the last), train_seconds; with ``latency`` also latency_ms, the
    median time of one image on one thread of this machine.
    """

    name = "trained"
    needs_data = True
    measures = (
        "accuracy",
        "loss",
        "train_loss",
        "learning_rate",
        "params",
        "madds",
        "epochs",
        "train_seconds",
        "latency_ms",
    )

    def __init__(
        self,
        space: SearchSpace,
        data: SearchData,
        *,
        recipe: Recipe = RECIPE,
        scale: Scale = SCALE,
        latency: Annotated[
            bool, Field(description="Measure latency_ms of one image on this machine")
        ] = False,
    ) -> None:
        """Move the data to the recipe's device, once for all trials of this worker."""
        self.space, self.recipe, self.scale = space, recipe, scale
        self.latency = latency
        self.device = pick_device(recipe.device)
        self.data = data.to(self.device)

    @classmethod
    def check_space(cls, space: SearchSpace) -> None:
        """Raise RegistryError where the space has no networks to train."""
        if not space.buildable:
            raise RegistryError(
                f"evaluator {cls.name!r} trains networks; space {space.name!r} has none to build",
                "space",
            )

    def evaluate(self, request: Request, report: Report) -> Metrics:
        """Return the metrics of an architecture; a budget replaces the recipe's epochs.

        Raises TrialFailure: DIVERGED where a loss is no finite number, OUT_OF_MEMORY where the
        network does not fit.
        """
        try:
            return self._evaluate(request, report)
        except (MemoryError, RuntimeError) as error:
            if not out_of_memory(error):
                raise
            message = f"out of memory on {self.device}: {str(error).splitlines()[0]}"
        # Only here, outside the handler, have the frames that held the tensors gone.
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        raise TrialFailure(FailureKind.OUT_OF_MEMORY, message)

    def _evaluate(self, request: Request, report: Report) -> Metrics:
        recipe = self.recipe
        if request.budget is not None:
            recipe = recipe.model_copy(update={"epochs": request.budget})
        with seeded(request.seed, self.device):
            model = self.space.build(request.arch, self.data.task, self.scale)
        cost = profile(model, self.data.task)
        timed = self._timed(model)
        begun = time.perf_counter()
        metrics = fit(
            model,
            self.data.train,
            self.data.selection,
            recipe,
            statistics=self.data.statistics,
            seed=request.seed,
            report=report,
        )
        return metrics | {
            "params": float(cost.params),
            "madds": float(cost.madds),
            "epochs": float(recipe.epochs),
            "train_seconds": time.perf_counter() - begun,
            **timed,
        }

    def _timed(self, model: nn.Module) -> Metrics:
        """Return the latency, if it is wanted, of the network before it is trained."""
        if not self.latency:
            return {}
        return {"latency_ms": measure(model, self.data.task, device=str(self.device)).p50 * 1e3}


def out_of_memory(error: BaseException) -> bool:
    """Say whether an error means that memory did not suffice, on a GPU or on the CPU."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(t in str(error) for t in OUT_OF_MEMORY)
