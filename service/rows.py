"""Rows of the database as the values that the search loop works with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nas.trial import Failure, FailureKind, Proposal, State, Trial
from service.clock import seconds, seconds_or_none

if TYPE_CHECKING:
    from sqlalchemy import Row


def trial_of(row: Row[Any]) -> Trial:
    """Return the trial of a row of the trial table."""
    return Trial(
        number=row.number,
        proposal=Proposal(tuple(row.decisions), row.budget, row.note),
        key=row.key,
        seed=row.seed,
        state=State(row.state),
        attempt=row.attempt,
        metrics=row.metrics,
        reward=row.reward,
        failure=failure_of(row),
        told=row.told,
        cached_from=row.cached_from,
        created_at=seconds(row.created_at),
        started_at=seconds_or_none(row.started_at),
        finished_at=seconds_or_none(row.finished_at),
    )


def failure_of(row: Row[Any]) -> Failure | None:
    """Return the failure of a row of the trial table, None if it has not failed."""
    if row.failure_kind is None:
        return None
    return Failure(
        FailureKind(row.failure_kind), row.failure_message or "", row.failure_trace or ""
    )
