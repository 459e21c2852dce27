"""The Pareto front of a search: its finished trials in all objectives, from their metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import func, select

from nas.objective import EXCESS, Objective
from nas.pareto import front, hypervolume
from nas.trial import State
from service.course import CHUNK, inside
from service.errors import UserError
from service.schemas import FrontPoint, ParetoView
from service.searchrows import SearchRows
from service.tables import trial

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from nas.pareto import Point, Points
    from service.db import Database

MOST_OBJECTIVES = 5


def pareto(
    database: Database,
    search_id: str,
    objectives: Sequence[str] = (),
    reference: Sequence[float] = (),
) -> ParetoView:
    """Return the front of a search, by its own objectives where none are named.

    Trials that broke a limit, and those without one of the metrics, are left out. Raises UserError
    where objectives or the reference are wrong, NotFound if there is no such search.
    """
    with database.read() as connection:
        spec = SearchRows(connection, search_id).search().spec
        names = tuple(objectives) or Objective.model_validate(spec["objective"]).objectives
        _check(names, reference)
        numbers, points = _measured(connection, search_id, names)
    low = _reference(points, names, reference)
    best = front(points)
    return ParetoView(
        objectives=list(names),
        front=[
            FrontPoint(number=numbers[place], values=_named(points[place].tolist(), names))
            for place in best
        ],
        reference=_named(low, names),
        hypervolume=hypervolume(points[best], low),
        measured=len(numbers),
    )


def _measured(
    connection: Connection, search_id: str, names: Sequence[str]
) -> tuple[list[int], Points]:
    """Return the numbers of the trials that have all the metrics, and these with their signs."""
    values = [inside(trial.c.metrics, name.removeprefix("-")) for name in names]
    query = (
        select(trial.c.number, *values)
        .where(trial.c.search_id == search_id, trial.c.state == State.DONE)
        .where(func.coalesce(inside(trial.c.metrics, EXCESS), 0) == 0)
        .where(*(value.is_not(None) for value in values))
        .order_by(trial.c.number)
    )
    numbers: list[int] = []
    columns: list[list[float]] = [[] for _ in names]
    for rows in connection.execute(query).partitions(CHUNK):
        found, *more = zip(*rows, strict=True)
        numbers.extend(found)
        for column, part in zip(columns, more, strict=True):
            column.extend(part)
    signs = [-1.0 if name.startswith("-") else 1.0 for name in names]
    return numbers, np.array(columns, dtype=np.float64).T * signs


def _check(names: Sequence[str], reference: Sequence[float]) -> None:
    plain = [name.removeprefix("-") for name in names]
    if not 1 <= len(names) <= MOST_OBJECTIVES or len(set(plain)) < len(plain) or "" in plain:
        allowed = f"1 to {MOST_OBJECTIVES} different metrics, -name where less is better"
        text = f"objectives is {', '.join(names)}, allowed are {allowed}"
        raise UserError(text, field="objectives", value=list(names), allowed=allowed)
    if reference and len(reference) != len(names):
        text = f"reference has {len(reference)} values, {len(names)} objectives need as many"
        raise UserError(text, field="reference", value=list(reference))


def _reference(points: Points, names: Sequence[str], given: Sequence[float]) -> Point:
    """Return the reference as given in the metrics' own units, or the worst of the points."""
    if given:
        signs = [-1.0 if name.startswith("-") else 1.0 for name in names]
        return tuple(sign * value for sign, value in zip(signs, given, strict=True))
    return tuple(points.min(axis=0).tolist()) if len(points) else ()


def _named(point: Sequence[float], names: Sequence[str]) -> dict[str, float]:
    """Return a point by metric, in the metric's own units."""
    return {
        name.removeprefix("-"): -value if name.startswith("-") else value
        for name, value in zip(names, point, strict=False)
    }
