"""Searches side by side: how far each is, the course of its best, whether they measure the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, or_, select

from nas.objective import EXCESS
from nas.trial import FINAL, State
from service import specs
from service.course import inside
from service.errors import NotFound, UserError
from service.schemas import Best, View
from service.searchrows import SearchRows
from service.states import SearchState  # noqa: TC001 - read when the views are made
from service.tables import trial

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection

    from service.db import Database

FEWEST, MOST = 2, 6
MOST_POINTS = 200
MEASURE = {"objective", "data", "evaluator", "seed"}  # what makes the rewards of a search
ALLOWED = f"{FEWEST} to {MOST} different ids of searches, with commas"


class BestCourse(View):
    """The best reward so far by the number of the trial, one column a key: a flight of steps.

    The trials are those that were better than all before, at most 199 of them, and the last that
    has ended; from one to the next the best stays what it was.
    """

    number: list[int]
    reward: list[float]


class ComparedSearch(View):
    """One of the searches. ``trials`` have ended, ``of`` so many."""

    search: str
    name: str
    state: SearchState
    trials: int
    of: int
    best: Best | None
    seconds_running: float
    course: BestCourse


class ComparedView(View):
    """Searches side by side, in the order in which they were asked for.

    ``differs`` are the fields of their objectives, data and evaluators that are not the same in
    all, and ``seed`` where it draws other images to train on and to select by; where there are
    none their rewards measure the same (``same_measure``).
    """

    same_measure: bool
    differs: list[str]
    items: list[ComparedSearch]


def compared(database: Database, ids: Sequence[str]) -> ComparedView:
    """Return searches side by side.

    Raises UserError where they are too few, too many or not different, NotFound where one is none.
    """
    if not FEWEST <= len(ids) <= MOST or len(set(ids)) < len(ids) or "" in ids:
        text = f"searches is {','.join(ids)[:200]!r}, allowed are {ALLOWED}"
        raise UserError(text, field="searches", value=list(ids), allowed=ALLOWED)
    with database.read() as connection:
        measures = [_measure(connection, search_id) for search_id in ids]
        items = [_item(connection, search_id) for search_id in ids]
    if any(one["data"] is None for one in measures):
        for one in measures:
            del one["seed"]  # without images nothing that is measured is drawn by it
    differs = sorted(_differing(measures))
    return ComparedView(same_measure=not differs, differs=differs, items=items)


def _measure(connection: Connection, search_id: str) -> dict[str, Any]:
    try:
        row = SearchRows(connection, search_id).search()
    except NotFound as error:
        raise NotFound(str(error), field="searches", value=search_id, allowed=ALLOWED) from error
    return specs.stored(row.spec).model_dump(mode="json", include=MEASURE)


def _item(connection: Connection, search_id: str) -> ComparedSearch:
    rows = SearchRows(connection, search_id)
    row, best = rows.search(), rows.best()
    ended = select(func.count(), func.max(trial.c.number)).where(
        trial.c.search_id == search_id, trial.c.state.in_(FINAL)
    )
    count, last = connection.execute(ended).one()
    return ComparedSearch(
        search=row.id,
        name=row.name,
        state=row.state,
        trials=count,
        of=row.trials_limit,
        best=best and Best(number=best.number, reward=best.reward, metrics=best.metrics),
        seconds_running=round(row.seconds_running, 1),
        course=_course(connection, search_id, last),
    )


def _course(connection: Connection, search_id: str, last: int | None) -> BestCourse:
    """Return the steps of the best; the same trials count that can be the best of the search."""
    before = func.max(trial.c.reward).over(order_by=trial.c.number, rows=(None, -1))
    found = (
        select(trial.c.number, trial.c.reward, before.label("before"))
        .where(
            trial.c.search_id == search_id,
            trial.c.state == State.DONE,
            trial.c.reward.is_not(None),
            inside(trial.c.metrics, EXCESS).is_(None),
        )
        .subquery()
    )
    steps = connection.execute(
        select(found.c.number, found.c.reward)
        .where(or_(found.c.before.is_(None), found.c.reward > found.c.before))
        .order_by(found.c.number)
    ).all()
    kept = [(number, reward) for number, reward in _thinned(steps, MOST_POINTS - 1)]
    if kept and last is not None and last > kept[-1][0]:
        kept.append((last, kept[-1][1]))
    return BestCourse(number=[one[0] for one in kept], reward=[one[1] for one in kept])


def _thinned(steps: Sequence[Any], most: int) -> list[Any]:
    """Return at most so many of the steps, spread evenly, the first and the last among them."""
    if len(steps) <= most:
        return list(steps)
    return [steps[place * (len(steps) - 1) // (most - 1)] for place in range(most)]


def _differing(values: Sequence[Any], place: str = "") -> Iterator[str]:
    """Yield the dotted paths at which not all of some JSON data are the same."""
    if all(value == values[0] for value in values):
        return
    if not all(isinstance(value, dict) for value in values):
        yield place
        return
    for name in sorted({name for value in values for name in value}):
        below = f"{place}.{name}" if place else name
        yield from _differing([value.get(name) for value in values], below)
