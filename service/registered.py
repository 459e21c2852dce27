"""Finds the images of a data set by its name, for whoever makes a search or a training."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import select

from nas.data import BUILT_IN
from nas.events import EventKind
from service import eventlog
from service.db import Database
from service.errors import Conflict, UserError
from service.tables import dataset

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from nas.data import DataSpec
    from nas.spec import SearchSpec
    from service.settings import Settings

NAME = r"[a-z0-9][a-z0-9_-]{0,63}"
PENDING, READY = "pending", "ready"
FAILED, REMOVED = "failed", "removed"  # only events tell of them: there is no row then
_NAME = re.compile(NAME)


def note(connection: Connection, name: str, state: str, reason: str = "") -> None:
    """Append the event of a data set that has entered a state, in the caller's transaction."""
    payload = {"dataset": name, "state": state} | ({"reason": reason} if reason else {})
    eventlog.append(connection, None, EventKind.DATASET_STATE, payload)


def located(database: Database, spec: SearchSpec) -> SearchSpec:
    """Return the search with the path of its images, if its source is a name that is registered.

    A path that came with it is never believed. Raises Conflict while it is being uploaded,
    UserError for a name that nothing has.
    """
    if spec.data is None:
        return spec
    found = located_data(database, spec.data)
    return spec if found is spec.data else spec.model_copy(update={"data": found})


def located_data(database: Database, data: DataSpec) -> DataSpec:
    """Return a description of images with the path where they lie, as :func:`located` does."""
    path = None
    if _NAME.fullmatch(data.source):
        with database.read() as connection:
            row = connection.execute(select(dataset).where(dataset.c.name == data.source)).first()
        if row is not None and row.state != READY:
            text = f"data set {data.source} is still being uploaded"
            raise Conflict(text, field="data.source", value=data.source)
        path = row.path if row is not None else None
        if row is None and data.source not in BUILT_IN and not Path(data.source).exists():
            text = (
                f"no data {data.source!r}: neither a built-in name ({', '.join(BUILT_IN)}), nor a "
                "registered one (nas data list), nor a path that exists"
            )
            raise UserError(text, field="data.source", value=data.source)
    return data if path == data.path else data.model_copy(update={"path": path})


def check_still_there(connection: Connection, data: DataSpec | None) -> None:
    """Raise UserError where a data set was removed since it was located."""
    if data is None or data.path is None:
        return
    query = select(dataset.c.name).where(dataset.c.name == data.source, dataset.c.path == data.path)
    if connection.execute(query).first() is None:
        text = f"data set {data.source} has just been removed"
        raise UserError(text, field="data.source", value=data.source)


def located_here(settings: Settings, data: DataSpec) -> DataSpec:
    """Return the same for a command that has no database open; there may be none yet."""
    name = _NAME.fullmatch(data.source) and not data.built_in
    if not name or not settings.database_path.exists():
        return data
    with Database.open(settings) as database:
        return located_data(database, data)
