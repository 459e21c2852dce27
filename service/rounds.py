"""Rounds of finals: their rows, their results, and the right to write those."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, select

from nas.events import EventKind
from nas.trial import FailureKind
from service import asked
from service.clock import moment, moment_or_none, now
from service.schemas import RoundView
from service.searchrows import finite
from service.states import JobState
from service.tables import final, final_round

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Row

    from nas.trial import Failure, Metrics
    from service.db import Database


class Fence(asked.Fence):
    """The right to write the results of a round."""

    def note(self, trial: int, seed: int, step: int, metrics: Metrics) -> None:
        """Note how far a training is: ``step`` epochs are done."""
        self.progress(trial=trial, seed=seed, step=step, metrics=finite(metrics))

    def keep(self, trial: int, seed: int, outcome: Metrics | Failure) -> None:
        """Keep the result of a training, or why it has none."""
        failed = None if isinstance(outcome, dict) else outcome
        with self.writing() as (connection, row):
            connection.execute(
                insert(final).values(
                    search_id=row.search_id,
                    trial=trial,
                    epochs=row.epochs,
                    seed=seed,
                    metrics=finite(outcome) if isinstance(outcome, dict) else {},
                    created_at=now(),
                    failure_kind=failed and failed.kind,
                    failure_message=failed and failed.message,
                )
            )
            FINALS.change(connection, row.id, progress={})

    def end(self) -> None:
        """Note that the round has ended: nothing of it is missing."""
        with self.writing() as (connection, row):
            FINALS.end(connection, row.id, *asked.outcome(_of_round(connection, row)))


def begin(database: Database, round_id: str) -> Fence | None:
    """Take a round over from whoever had it; return the right to write, None if it has ended."""
    epoch = FINALS.begin(database, round_id)
    return None if epoch is None else Fence(FINALS, database, round_id, epoch)


def add(
    connection: Connection, search_id: str, trials: Sequence[int], seeds: int, epochs: int
) -> str:
    """Ask for a round; return its id. One of which all is known has ended with that.

    Trainings that failed before are tried again, but for those that would diverge again.
    """
    connection.execute(
        delete(final).where(
            final.c.search_id == search_id,
            final.c.epochs == epochs,
            final.c.trial.in_(trials),
            final.c.seed < seeds,
            final.c.failure_kind.is_not(None),
            final.c.failure_kind != FailureKind.DIVERGED,
        )
    )
    round_id = FINALS.add(
        connection, search_id=search_id, trials=list(trials), seeds=seeds, epochs=epochs
    )
    if missing(connection, round_id):
        FINALS.tell(connection, round_id)
    else:
        known = _of_round(connection, FINALS.get(connection, round_id))
        FINALS.end(connection, round_id, *asked.outcome(known))
    return round_id


def missing(connection: Connection, round_id: str) -> list[tuple[int, int]]:
    """Return what is to be trained, as trial and seed: each finalist once before any twice."""
    row = FINALS.get(connection, round_id)
    return asked.each_once_first(row.trials, row.seeds, _of_round(connection, row))


def view(connection: Connection, row: Row[Any]) -> RoundView:
    """Return a round as it stands."""
    known = _of_round(connection, row)
    return RoundView(
        id=row.id,
        state=JobState(row.state),
        trials=row.trials,
        seeds=row.seeds,
        epochs=row.epochs,
        total=len(row.trials) * row.seeds,
        done=sum(one.failure_kind is None for one in known),
        failed=sum(one.failure_kind is not None for one in known),
        progress=row.progress or None,
        error=row.error,
        created_at=moment(row.created_at),
        started_at=moment_or_none(row.started_at),
        ended_at=moment_or_none(row.ended_at),
    )


def _of_round(connection: Connection, row: Row[Any]) -> Sequence[Any]:
    return connection.execute(
        select(final.c.trial, final.c.seed, final.c.failure_kind, final.c.failure_message)
        .where(
            final.c.search_id == row.search_id,
            final.c.epochs == row.epochs,
            final.c.trial.in_(row.trials),
            final.c.seed < row.seeds,
        )
        .order_by(final.c.seed, final.c.trial)
    ).all()


def _told(connection: Connection, row: Row[Any]) -> dict[str, Any]:
    shown = {"state", "total", "done", "failed", "progress", "error"}
    return view(connection, row).model_dump(mode="json", include=shown)


def _kept(connection: Connection, row: Row[Any]) -> int:
    query = select(func.count()).where(final.c.search_id == row.search_id)
    return connection.execute(query).scalar_one()


FINALS = asked.Kind(
    "finals",
    final_round,
    EventKind.FINALS_STATE,
    _told,
    lambda row: f"finals-{row.search_id}.lock",
    _kept,
)
