"""Trials as they are shown: pages, and one trial in full."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, func, or_, select

from nas.honesty.arms import ARM
from nas.trial import State
from service import architectures, cursors, filters, lineage
from service.clock import MICROS, moment, moment_or_none
from service.errors import UserError
from service.rows import failure_of
from service.schemas import (
    AttemptView,
    CurvePoint,
    FailureView,
    Report,
    TrialDetail,
    TrialPage,
    TrialView,
)
from service.searchrows import SearchRows
from service.tables import report, trial, trial_attempt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Connection, Row, Select

    from service.db import Database

LONGEST_SORT = 101  # a metric, with a minus sign: falling


def trials(
    database: Database,
    search_id: str,
    *,
    sort: str = "number",
    after: str | None = None,
    limit: int = 100,
    state: State | None = None,
    wanted: str = "",
) -> TrialPage:
    """Return a page of trials by a number of theirs; those that lack it come last.

    ``sort`` is one of ``filters.NUMBERS`` or a metric, with a minus sign falling. ``wanted`` is a
    filter, see :mod:`service.filters`.
    """
    if not sort.removeprefix("-") or len(sort) > LONGEST_SORT:
        raise _unsorted(sort, [])
    query = select(trial, _key(sort).label("key_of_sort")).where(trial.c.search_id == search_id)
    if state is not None:
        query = query.where(trial.c.state == state)
    query = query.where(*filters.conditions(wanted))
    query = _ordered(query, sort, after).limit(limit + 1)
    with database.read() as connection:
        spec = SearchRows(connection, search_id).search().spec
        _check_known(connection, search_id, sort)
        rows = connection.execute(query).all()
        shown = rows[:limit]
        reports = last_reports(connection, search_id, shown)
    following = None
    if len(rows) > limit:
        following = _cursor(sort, shown[-1])
    items = [TrialView(**_fields(row, spec, reports.get(row.number))) for row in shown]
    return TrialPage(items=items, next=following)


def detail(database: Database, search_id: str, number: int) -> TrialDetail:
    """Return one trial in full; raise NotFound if there is none."""
    with database.read() as connection:
        rows = SearchRows(connection, search_id)
        spec, row = rows.search().spec, rows.trial(number)
        last = last_reports(connection, search_id, [row]).get(number)
        curve = connection.execute(
            select(report)
            .where(report.c.search_id == search_id, report.c.number == number)
            .order_by(report.c.attempt, report.c.step)
        ).all()
        attempts = connection.execute(
            select(trial_attempt)
            .where(trial_attempt.c.search_id == search_id, trial_attempt.c.number == number)
            .order_by(trial_attempt.c.attempt)
        ).all()
    arch = architectures.decoded(spec, row.decisions)
    return TrialDetail(
        **_fields(row, spec, last),
        **lineage.origin(spec, row.note),
        curve=[CurvePoint(attempt=p.attempt, step=p.step, metrics=p.metrics) for p in curve],
        attempts=[_attempt(one) for one in attempts],
        arch=arch.to_json() if arch else None,
        cells=[cell.name for cell in arch.cells] if arch else [],
        text=architectures.texts(arch),
    )


def drawing(database: Database, search_id: str, number: int, cell: str) -> str:
    """Return a cell of a trial as SVG; raise NotFound if there is none."""
    with database.read() as connection:
        rows = SearchRows(connection, search_id)
        spec, row = rows.search().spec, rows.trial(number)
    return architectures.drawing(architectures.decoded(spec, row.decisions), cell)


def _key(sort: str) -> ColumnElement[Any]:
    return filters.number(sort.removeprefix("-"))


def _ordered(query: Select[Any], sort: str, after: str | None) -> Select[Any]:
    """Return the query in order, behind the cursor; trials with equal values come by number."""
    number, key, falls = trial.c.number, _key(sort), sort.startswith("-")
    if key is number:
        if after is not None:
            (last,) = cursors.unpack(after, int)
            query = query.where(number < last if falls else number > last)
        return query.order_by(number.desc() if falls else number)
    if after is not None:
        value, last = cursors.unpack(after, (float, int, type(None)), int)
        behind = and_(key.is_(None), number > last)
        if value is not None:
            further = key < value if falls else key > value
            behind = or_(key.is_(None), further, and_(key == value, number > last))
        query = query.where(behind)
    return query.order_by(key.is_(None), key.desc() if falls else key, number)


def _cursor(sort: str, row: Row[Any]) -> str:
    if _key(sort) is trial.c.number:
        return cursors.pack(row.number)
    return cursors.pack(row.key_of_sort, row.number)


def _check_known(connection: Connection, search_id: str, sort: str) -> None:
    """Raise UserError where trials have ended and none of them has what they are sorted by."""
    name = sort.removeprefix("-")
    if name in filters.NUMBERS:
        return
    here = select(trial.c.metrics).where(
        trial.c.search_id == search_id, trial.c.state == State.DONE
    )
    if connection.execute(here.where(_key(sort).is_not(None)).limit(1)).first() is None:
        some = connection.execute(here.limit(1)).first()
        if some is not None:
            raise _unsorted(sort, sorted(some.metrics))


def _unsorted(sort: str, metrics: list[str]) -> UserError:
    names = [*filters.NUMBERS, *metrics]
    more = "" if metrics else ", or a metric"
    text = f"sort is {sort[:100]!r}, allowed are {', '.join(names)}{more}; with - they fall"
    return UserError(text, field="sort", value=sort[:100], allowed=names)


def last_reports(
    connection: Connection, search_id: str, rows: Sequence[Row[Any]]
) -> dict[int, Report]:
    """Return the last report of the present attempt of the running trials among ``rows``."""
    attempts = {row.number: row.attempt for row in rows if row.state == State.RUNNING}
    if not attempts:
        return {}
    newest = (
        select(report.c.number, report.c.attempt, func.max(report.c.step).label("step"))
        .where(report.c.search_id == search_id, report.c.number.in_(attempts))
        .group_by(report.c.number, report.c.attempt)
        .subquery()
    )
    found = connection.execute(
        select(report)
        .join(
            newest,
            and_(
                report.c.number == newest.c.number,
                report.c.attempt == newest.c.attempt,
                report.c.step == newest.c.step,
            ),
        )
        .where(report.c.search_id == search_id)
    )
    return {
        row.number: Report(step=row.step, metrics=row.metrics)
        for row in found
        if row.attempt == attempts[row.number]
    }


def _fields(row: Row[Any], spec: dict[str, Any], progress: Report | None) -> dict[str, Any]:
    failure = failure_of(row)
    seconds = None
    if row.started_at is not None and row.finished_at is not None:
        seconds = (row.finished_at - row.started_at) / MICROS
    return {
        "number": row.number,
        "state": row.state,
        "attempt": row.attempt,
        "decisions": row.decisions,
        "key": row.key,
        "budget": row.budget,
        "seed": str(row.seed),
        "metrics": row.metrics,
        "reward": row.reward,
        "failure": failure
        and FailureView(kind=failure.kind, message=failure.message, trace=failure.trace),
        "cached_from": row.cached_from,
        "arm": row.note.get(ARM),
        "created_at": moment(row.created_at),
        "started_at": moment_or_none(row.started_at),
        "finished_at": moment_or_none(row.finished_at),
        "seconds": seconds,
        "progress": progress,
        "barcode": architectures.barcode(architectures.decoded(spec, row.decisions)),
    }


def _attempt(row: Row[Any]) -> AttemptView:
    return AttemptView(
        attempt=row.attempt,
        worker=row.worker,
        outcome=row.outcome,
        message=row.message,
        started_at=moment(row.started_at),
        ended_at=moment_or_none(row.ended_at),
    )
