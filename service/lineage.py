"""From which trial a trial was changed, and in which decision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from nas.controllers.lineage import CHANGE, PARENT
from searchspaces import SpaceError
from searchspaces.registry import RegistryError
from service import architectures
from service.schemas import DecisionChange, LineageView
from service.searchrows import SearchRows
from service.tables import trial

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from searchspaces import Choice
    from service.db import Database


def origin(spec: dict[str, Any], note: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``parent`` and ``change`` of a trial with this note, None where it has none."""
    parent = note.get(PARENT)
    change = None if parent is None else _change(_choices(spec), note.get(CHANGE))
    return {"parent": parent, "change": change}


def lineage(database: Database, search_id: str) -> LineageView:
    """Return the parents of all trials of a search that have one."""
    query = select(trial.c.number, trial.c.note[PARENT], trial.c.note[CHANGE])
    query = query.where(
        trial.c.search_id == search_id, trial.c.note[PARENT].as_string().is_not(None)
    )
    with database.read() as connection:
        rows = SearchRows(connection, search_id)
        spec, count = rows.search().spec, rows.count()
        found = connection.execute(query.order_by(trial.c.number)).all()
    choices = _choices(spec)
    return LineageView(
        number=[row[0] for row in found],
        parent=[row[1] for row in found],
        change=[_change(choices, row[2]) for row in found],
        trials=count,
    )


def _choices(spec: dict[str, Any]) -> Sequence[Choice]:
    try:
        return architectures.space_of(spec).choices
    except (RegistryError, SpaceError):  # the space is gone, or has changed
        return ()


def _change(choices: Sequence[Choice], noted: Sequence[int] | None) -> DecisionChange | None:
    """Return a change in words; None where the space does not know it (any more)."""
    if noted is None:
        return None
    place, before, after = noted
    if place >= len(choices) or max(before, after) >= len(choices[place]):
        return None
    options = choices[place].options
    return DecisionChange(choice=choices[place].name, before=options[before], after=options[after])
