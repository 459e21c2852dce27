"""Searches as they are shown: counts, the best trial, the time left, models."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from nas.honesty.verdict import Measured, lift
from nas.store import Desired
from nas.trial import Proposal
from service import models
from service.clock import moment, moment_or_none
from service.schemas import Best, Counts, LiftView, LimitsView, ModelView, SearchView
from service.searchrows import SearchRows
from service.states import SearchState
from service.tables import event, search, trial

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Row


def views(connection: Connection, rows: Sequence[Row[Any]], prefix: str) -> list[SearchView]:
    """Return the views of rows of the search table; ``prefix`` goes before the links."""
    ids = [row.id for row in rows]
    counts = _counts(connection, ids)
    seqs = _last_events(connection, ids)
    made = models.of_searches(connection, ids, prefix)
    return [
        _view(
            row,
            counts[row.id],
            _best(connection, row.id),
            _lift(connection, row),
            made[row.id],
            seqs.get(row.id, 0),
        )
        for row in rows
    ]


def _view(
    row: Row[Any],
    counts: Counts,
    best_trial: Best | None,
    over_random: LiftView | None,
    made: list[ModelView],
    seq: int,
) -> SearchView:
    return SearchView(
        id=row.id,
        name=row.name,
        spec=row.spec,
        state=SearchState(row.state),
        desired=Desired(row.desired),
        reason=row.reason,
        created_at=moment(row.created_at),
        started_at=moment_or_none(row.started_at),
        ended_at=moment_or_none(row.ended_at),
        counts=counts,
        limits=LimitsView(trials=row.trials_limit, hours=row.hours_limit, workers=workers_of(row)),
        best=best_trial,
        lift=over_random,
        seconds_running=round(row.seconds_running, 1),
        eta_seconds=_eta(row, counts),
        models=made,
        seq=seq,
    )


def workers_of(row: Row[Any]) -> int:
    """Return how many trials of a search may run at once."""
    changed: int | None = row.workers_limit
    described: int = row.spec["execution"]["workers"]
    return described if changed is None else changed


def _best(connection: Connection, search_id: str) -> Best | None:
    row = SearchRows(connection, search_id).best()
    if row is None:
        return None
    return Best(number=row.number, reward=row.reward, metrics=row.metrics)


def _lift(connection: Connection, row: Row[Any]) -> LiftView | None:
    """Return the lift over the random arm, None where the search has none."""
    if not row.spec.get("control_fraction"):
        return None
    rows = connection.execute(
        select(trial.c.decisions, trial.c.budget, trial.c.note, trial.c.key, trial.c.reward)
        .where(trial.c.search_id == row.id, trial.c.reward.is_not(None))
        .order_by(trial.c.number)
    )
    found = lift(
        Measured(Proposal(tuple(one.decisions), one.budget, one.note), one.key, one.reward)
        for one in rows
    )
    return LiftView(**asdict(found)) if found else None


def _eta(row: Row[Any], counts: Counts) -> float | None:
    """Return the seconds left at the pace so far, None before the first trial has ended."""
    ended = counts.done + counts.failed + counts.stopped
    if row.state != SearchState.RUNNING or not ended:
        return None
    spent: float = row.seconds_running
    left: float = max(row.trials_limit - ended, 0) * spent / ended
    if row.hours_limit is not None:
        hours: float = row.hours_limit
        left = min(left, max(hours * 3600 - spent, 0.0))
    return round(left, 1)


def _counts(connection: Connection, ids: list[str]) -> dict[str, Counts]:
    found: dict[str, dict[str, int]] = {search_id: defaultdict(int) for search_id in ids}
    rows = connection.execute(
        select(
            trial.c.search_id,
            trial.c.state,
            func.count().label("number"),
            func.count(trial.c.cached_from).label("cached"),
        )
        .where(trial.c.search_id.in_(ids))
        .group_by(trial.c.search_id, trial.c.state)
    )
    for row in rows:
        one = found[row.search_id]
        one[row.state] += row.number
        one["total"] += row.number
        one["cached"] += row.cached
    return {search_id: Counts(**numbers) for search_id, numbers in found.items()}


def _last_events(connection: Connection, ids: list[str]) -> dict[str, int]:
    last = select(func.max(event.c.seq)).where(event.c.search_id == search.c.id).scalar_subquery()
    rows = connection.execute(select(search.c.id, last.label("seq")).where(search.c.id.in_(ids)))
    return {row.id: row.seq or 0 for row in rows}
