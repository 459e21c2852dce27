"""An evaluator for the browser tests: every third trial fails, in the ways that trials do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from nas.evaluators import Evaluator
from nas.trial import FailureKind, TrialFailure

if TYPE_CHECKING:
    from nas.evaluators import Report, Request
    from nas.trial import Metrics
    from searchspaces import SearchSpace

FAILURES = (
    (FailureKind.DIVERGED, "the loss became NaN in epoch 2"),
    (FailureKind.OUT_OF_MEMORY, "3.1 GiB were asked for, 1.2 GiB are free"),
)


class Moody(Evaluator):
    """Fails for a third of the seeds, scores the rest by their seed."""

    name = "moody"

    def __init__(
        self,
        space: SearchSpace,
        *,
        spread: Annotated[float, Field(gt=0, le=1, description="How far scores differ")] = 0.5,
    ) -> None:
        """Keep the spread of the scores."""
        self.space, self.spread = space, spread

    def evaluate(self, request: Request, report: Report) -> Metrics:
        """Return an accuracy made from the seed; every third seed fails."""
        score = 0.4 + self.spread * (request.seed % 997) / 997
        report(1, {"accuracy": score / 2, "loss": 2.0})
        if request.seed % 3 == 0:
            kind, message = FAILURES[request.seed // 3 % 2]
            raise TrialFailure(kind, message)
        report(2, {"accuracy": score, "loss": 1 - score})
        return {"accuracy": score, "loss": 1 - score, "params": float(1000 + request.seed % 9000)}
