"""The Pareto front of a search: its finished trials in all objectives, from their metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nas.objective import EXCESS, Objective
from nas.pareto import front, hypervolume, read
from nas.trial import State
from service.errors import UserError
from service.schemas import FrontPoint, ParetoView
from service.searchrows import SearchRows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nas.pareto import Point
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
        rows = SearchRows(connection, search_id)
        spec, trials = rows.search().spec, rows.trials()
    names = tuple(objectives) or Objective.model_validate(spec["objective"]).objectives
    _check(names, reference)
    found = [
        (trial.number, point)
        for trial in trials
        if trial.state is State.DONE and not trial.metrics.get(EXCESS)
        if (point := read(trial.metrics, names)) is not None
    ]
    points = [point for _, point in found]
    low = _reference(points, names, reference)
    best = front(points)
    return ParetoView(
        objectives=list(names),
        front=[FrontPoint(number=found[i][0], values=_named(points[i], names)) for i in best],
        reference=_named(low, names),
        hypervolume=hypervolume([points[i] for i in best], low),
        measured=len(found),
    )


def _check(names: Sequence[str], reference: Sequence[float]) -> None:
    plain = [name.removeprefix("-") for name in names]
    if not 1 <= len(names) <= MOST_OBJECTIVES or len(set(plain)) < len(plain) or "" in plain:
        allowed = f"1 to {MOST_OBJECTIVES} different metrics, -name where less is better"
        text = f"objectives is {', '.join(names)}, allowed are {allowed}"
        raise UserError(text, field="objectives", value=list(names), allowed=allowed)
    if reference and len(reference) != len(names):
        text = f"reference has {len(reference)} values, {len(names)} objectives need as many"
        raise UserError(text, field="reference", value=list(reference))


def _reference(points: list[Point], names: Sequence[str], given: Sequence[float]) -> Point:
    """Return the reference as given in the metrics' own units, or the worst of the points."""
    if given:
        signs = [-1.0 if name.startswith("-") else 1.0 for name in names]
        return tuple(sign * value for sign, value in zip(signs, given, strict=True))
    if not points:
        return ()
    return tuple(min(values) for values in zip(*points, strict=True))


def _named(point: Point, names: Sequence[str]) -> dict[str, float]:
    """Return a point by metric, in the metric's own units."""
    return {
        name.removeprefix("-"): -value if name.startswith("-") else value
        for name, value in zip(names, point, strict=False)
    }
