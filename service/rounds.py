"""Rounds of finals: their rows, and the fence that lets one process at a time write results."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select, update

from nas.events import EventKind
from nas.store import LostOwnership
from nas.trial import FailureKind
from service import eventlog
from service.clock import moment, moment_or_none, now
from service.errors import NotFound
from service.schemas import RoundView
from service.searchrows import finite
from service.states import FINALS_ACTIVE, FinalsState
from service.tables import final, final_round

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Row

    from nas.trial import Failure, Metrics
    from service.db import Database


class Fence:
    """The right to write to a round, until another process takes it over or it is ended.

    Every method raises LostOwnership when the right is gone.
    """

    def __init__(self, database: Database, round_id: str, epoch: int) -> None:
        """Hold the right that :func:`begin` has given."""
        self.database, self.round_id, self.epoch = database, round_id, epoch

    def note(self, trial: int, seed: int, step: int, metrics: Metrics) -> None:
        """Note how far a training is: ``step`` epochs are done."""
        progress = {"trial": trial, "seed": seed, "step": step, "metrics": finite(metrics)}
        with self.database.write() as connection:
            self._mine(connection)
            _change(connection, self.round_id, progress=progress)

    def keep(self, trial: int, seed: int, outcome: Metrics | Failure) -> None:
        """Keep the result of a training, or why it has none."""
        failed = None if isinstance(outcome, dict) else outcome
        with self.database.write() as connection:
            row = self._mine(connection)
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
            _change(connection, self.round_id, progress={})

    def end(self) -> None:
        """Note that the round has ended: nothing of it is missing."""
        with self.database.write() as connection:
            self._mine(connection)
            end(connection, self.round_id, *outcome(connection, self.round_id))

    def _mine(self, connection: Connection) -> Row[Any]:
        row = get(connection, self.round_id)
        if row.owner_epoch != self.epoch or row.state != FinalsState.RUNNING:
            raise LostOwnership(f"finals {self.round_id} are {row.state}, epoch {row.owner_epoch}")
        return row


def begin(database: Database, round_id: str) -> Fence | None:
    """Take a round over from whoever had it; return the right to write, None if it has ended."""
    with database.write() as connection:
        row = get(connection, round_id)
        if row.state not in FINALS_ACTIVE:
            return None
        epoch = row.owner_epoch + 1
        _change(
            connection,
            round_id,
            state=FinalsState.RUNNING,
            owner=f"process {os.getpid()}",
            owner_epoch=epoch,
            started_at=row.started_at or now(),
            progress={},
        )
        return Fence(database, round_id, epoch)


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
    round_id = secrets.token_hex(5)
    connection.execute(
        insert(final_round).values(
            id=round_id,
            search_id=search_id,
            state=FinalsState.PENDING,
            trials=list(trials),
            seeds=seeds,
            epochs=epochs,
            progress={},
            error="",
            owner_epoch=0,
            created_at=now(),
        )
    )
    if missing(connection, round_id):
        _note(connection, round_id)
    else:
        end(connection, round_id, *outcome(connection, round_id))
    return round_id


def end(connection: Connection, round_id: str, state: FinalsState, error: str = "") -> None:
    """End a round; one that has ended stays as it is."""
    if get(connection, round_id).state in FINALS_ACTIVE:
        _change(connection, round_id, state=state, error=error, progress={}, ended_at=now())


def missing(connection: Connection, round_id: str) -> list[tuple[int, int]]:
    """Return what is to be trained, as trial and seed: each finalist once before any twice."""
    row = get(connection, round_id)
    known = {(one.trial, one.seed) for one in _of_round(connection, row)}
    wanted = ((trial, seed) for seed in range(row.seeds) for trial in row.trials)
    return [pair for pair in wanted if pair not in known]


def outcome(connection: Connection, round_id: str) -> tuple[FinalsState, str]:
    """Return how a round ends of which nothing is missing: failed if all of its trainings have."""
    known = _of_round(connection, get(connection, round_id))
    failed = [one for one in known if one.failure_kind is not None]
    if len(failed) < len(known):
        return FinalsState.DONE, ""
    first = f"{failed[0].failure_kind}: {failed[0].failure_message}"
    return FinalsState.FAILED, f"all {len(failed)} trainings failed, the first: {first}"


def latest(connection: Connection, search_id: str) -> Row[Any] | None:
    """Return the newest round of a search, None before the first."""
    return connection.execute(
        select(final_round)
        .where(final_round.c.search_id == search_id)
        .order_by(final_round.c.created_at.desc(), final_round.c.id)
        .limit(1)
    ).first()


def get(connection: Connection, round_id: str) -> Row[Any]:
    """Return the row of a round; raise NotFound if there is none."""
    row = connection.execute(select(final_round).where(final_round.c.id == round_id)).first()
    if row is None:
        raise NotFound(f"no finals {round_id[:100]!r}", field="finals", value=round_id[:100])
    return row


def view(connection: Connection, row: Row[Any]) -> RoundView:
    """Return a round as it stands."""
    known = _of_round(connection, row)
    return RoundView(
        id=row.id,
        state=FinalsState(row.state),
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


def _change(connection: Connection, round_id: str, **values: Any) -> None:
    connection.execute(update(final_round).where(final_round.c.id == round_id).values(**values))
    _note(connection, round_id)


def _note(connection: Connection, round_id: str) -> None:
    row = get(connection, round_id)
    shown = view(connection, row).model_dump(
        mode="json", include={"state", "total", "done", "failed", "progress", "error"}
    )
    eventlog.append(connection, row.search_id, EventKind.FINALS_STATE, {"finals": row.id} | shown)
