"""How good a trial is: metrics to one reward that controllers maximise."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from nas.trial import FailureKind, TrialFailure

if TYPE_CHECKING:
    from nas.trial import Metrics

EXCESS = "excess"  # metric of a trial that breaks a limit: by how much, as a share of the limit
Name = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^-?[^-].*$")]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Limit(_Model):
    """A hard limit: an architecture with more of the metric cannot win, whatever its accuracy."""

    metric: Annotated[
        str,
        Field(min_length=1, max_length=100, description="params, madds, latency_ms or another"),
    ]
    at_most: Annotated[float, Field(gt=0, allow_inf_nan=False, description="The most allowed")]


class TradeOff(_Model):
    """A soft limit: accuracy * (cost / target) ** w (MnasNet, arXiv 1807.11626, equations 2, 3).

    ``w`` is ``alpha`` where the cost is within the target and ``beta`` where it is above. The
    paper's soft setting is -0.07 for both (section 3.1: 5 % more accuracy is worth twice the
    latency), its hard one alpha = 0 and beta = -1.
    """

    metric: Annotated[
        str, Field(min_length=1, max_length=100, description="Name of the cost, such as madds")
    ]
    target: Annotated[float, Field(gt=0, allow_inf_nan=False, description="Cost aimed at")]
    alpha: Annotated[float, Field(ge=-10, le=0, description="w within the target")] = -0.07
    beta: Annotated[float, Field(ge=-10, le=0, description="w above the target")] = -0.07

    def factor(self, cost: float) -> float:
        """Return what the metric is multiplied by; a cost of nothing counts as 1e-9 of target."""
        share = max(cost / self.target, 1e-9)
        return float(share ** (self.alpha if share <= 1 else self.beta))


class Objective(_Model):
    """The metric to maximise, or to minimise, and the reward of an architecture that fails.

    ``limits`` are hard: an architecture that breaks one is rewarded below the floor, the lower the
    further it is above (floor - e / (1 + e), e the sum of its excesses as shares of the limits), so
    that controllers find their way back, and it is never the best of a search. ``trade_off`` is
    soft. ``pareto`` names further objectives beside the metric, for the front of a search.
    """

    metric: Annotated[str, Field(min_length=1, description="Name of the metric")] = "accuracy"
    minimise: Annotated[bool, Field(description="Smaller is better; the reward is negated")] = False
    floor: Annotated[
        float, Field(allow_inf_nan=False, description="Reward of an architecture that fails")
    ] = 0.0
    limits: Annotated[
        tuple[Limit, ...], Field(max_length=10, description="Hard limits: metric and at_most")
    ] = ()
    trade_off: Annotated[
        TradeOff | None, Field(description="Soft limit: metric, target, and MnasNet's exponents")
    ] = None
    pareto: Annotated[
        tuple[Name, ...],
        Field(max_length=4, description="Further objectives: name for more, -name for less"),
    ] = ()

    @model_validator(mode="after")
    def _meaningful(self) -> Self:
        if self.trade_off and self.minimise:
            raise ValueError(
                "trade_off multiplies a metric that is maximised: minimise must be off"
            )
        if self.minimise and self.floor >= 0:
            raise ValueError(
                f"floor is {self.floor:g}, the reward of an architecture that fails; with minimise "
                "rewards are negated metrics: allowed is less than the worst of them, such as -10"
            )
        return self

    @property
    def objectives(self) -> tuple[str, ...]:
        """All objectives by name, with a minus sign where less is better."""
        return (f"-{self.metric}" if self.minimise else self.metric, *self.pareto)

    def reward(self, metrics: Metrics) -> float:
        """Return the reward; raise TrialFailure(BAD_METRIC) if a metric is no finite number."""
        value = _number(metrics, self.metric)
        excess = self.excess(metrics)
        if excess > 0:
            return self.floor - excess / (1 + excess)
        if self.trade_off:
            return value * self.trade_off.factor(_number(metrics, self.trade_off.metric))
        return -value if self.minimise else value

    def excess(self, metrics: Metrics) -> float:
        """Return by how much the limits are broken, as the sum of shares of them; 0 if none is.

        Raises TrialFailure(BAD_METRIC) if a limited metric is no finite number.
        """
        return sum(
            max(0.0, _number(metrics, limit.metric) / limit.at_most - 1) for limit in self.limits
        )


def _number(metrics: Metrics, name: str) -> float:
    value = metrics.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        known = ", ".join(sorted(metrics)) or "none"
        raise TrialFailure(
            FailureKind.BAD_METRIC,
            f"metric {name!r} is {value!r}, expected a number; metrics: {known}",
        )
    if not math.isfinite(value):
        raise TrialFailure(FailureKind.BAD_METRIC, f"metric {name!r} is {value}")
    return float(value)
