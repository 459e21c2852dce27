"""How good a trial is: metrics to one reward that controllers maximise."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field

from nas.trial import FailureKind, TrialFailure

if TYPE_CHECKING:
    from nas.trial import Metrics


class Objective(BaseModel):
    """The metric to maximise, or to minimise, and the reward of an architecture that fails."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    metric: Annotated[str, Field(min_length=1, description="Name of the metric")] = "accuracy"
    minimise: Annotated[bool, Field(description="Smaller is better; the reward is negated")] = False
    floor: Annotated[
        float, Field(allow_inf_nan=False, description="Reward of an architecture that fails")
    ] = 0.0

    def reward(self, metrics: Metrics) -> float:
        """Return the reward; raise TrialFailure(BAD_METRIC) if the metric is no finite number."""
        value = metrics.get(self.metric)
        if isinstance(value, bool) or not isinstance(value, int | float):
            known = ", ".join(sorted(metrics)) or "none"
            raise TrialFailure(
                FailureKind.BAD_METRIC,
                f"metric {self.metric!r} is {value!r}, expected a number; metrics: {known}",
            )
        if not math.isfinite(value):
            raise TrialFailure(FailureKind.BAD_METRIC, f"metric {self.metric!r} is {value}")
        return -float(value) if self.minimise else float(value)
