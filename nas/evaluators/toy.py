"""Scores points of the toy space by its formula: no data, no training, for tests and demos."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from nas.evaluators import Evaluator
from nas.trial import TrialStopped
from searchspaces.registry import RegistryError
from searchspaces.toy import Toy

if TYPE_CHECKING:
    from nas.evaluators import Report, Request
    from nas.trial import Metrics
    from searchspaces import SearchSpace

STEPS = 5


class ToyScore(Evaluator):
    """The known value of a point of the toy space, after a pause that stands for training."""

    name = "toy"
    measures = ("accuracy",)

    def __init__(
        self,
        space: SearchSpace,
        *,
        seconds: Annotated[
            float, Field(ge=0, le=3600, description="How long a trial takes, in 5 reports")
        ] = 0.0,
    ) -> None:
        """Keep the space; raise RegistryError unless it is the toy space."""
        self.check_space(space)
        self.space, self.seconds = space, seconds

    @classmethod
    def check_space(cls, space: SearchSpace) -> None:
        """Raise RegistryError unless the space is the toy space, which knows its own values."""
        if not isinstance(space, Toy):
            raise RegistryError(
                f"evaluator 'toy' scores the search space 'toy' only, got {space.name!r}",
                "evaluator",
                ("toy",),
            )

    def evaluate(self, request: Request, report: Report) -> Metrics:
        """Return {"accuracy": value}, reporting a rising share of it on the way."""
        if not isinstance(self.space, Toy):
            raise TypeError(f"expected the toy space, got {type(self.space).__name__}")
        value = self.space.value(request.decisions)
        for step in range(1, STEPS + 1):
            time.sleep(self.seconds / STEPS)
            if not report(step, {"accuracy": value * step / STEPS}):
                raise TrialStopped
        return {"accuracy": value}
