"""Searches that are thrown away: hidden, taken back for a week, then gone with their files."""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete as erase
from sqlalchemy import select

from nas.events import EventKind
from service import searches
from service.clock import MICROS, moment, now
from service.errors import Conflict
from service.schemas import View
from service.searchrows import SearchRows
from service.states import ENDED, JOB_ACTIVE, MODEL_ENDED
from service.tables import comparison, final_round, model, search

if TYPE_CHECKING:
    from service.db import Database
    from service.schemas import SearchView

KEPT = timedelta(days=7)


class DeletedView(View):
    """A search that was thrown away, and until when it can be taken back."""

    id: str
    name: str
    deleted_at: datetime
    restore_until: datetime


def delete(database: Database, search_id: str) -> DeletedView:
    """Throw a search away; again changes nothing.

    Raises Conflict while it or a job of it is not at its end, NotFound if there is none.
    """
    with database.write() as connection:
        rows = SearchRows(connection, search_id)
        row = rows.search(deleted=True)
        if row.deleted_at is None:
            if row.state not in ENDED:
                text = f"search {search_id} is {row.state}; stop it first"
                raise Conflict(text, field="state", value=row.state, allowed=sorted(ENDED))
            if what := _busy(rows):
                raise Conflict(f"search {search_id}: {what} not at its end yet", field="state")
            rows.set_search(deleted_at=now())
            rows.note(EventKind.SEARCH_DELETED, {"name": row.name})
            row = rows.search(deleted=True)
    return DeletedView(
        id=row.id,
        name=row.name,
        deleted_at=moment(row.deleted_at),
        restore_until=moment(row.deleted_at) + KEPT,
    )


def restore(database: Database, search_id: str) -> SearchView:
    """Take a search back; again changes nothing. Raises NotFound once it is gone."""
    with database.write() as connection:
        rows = SearchRows(connection, search_id)
        row = rows.search(deleted=True)
        if row.deleted_at is not None:
            rows.set_search(deleted_at=None)
            rows.note(EventKind.SEARCH_RESTORED, {"name": row.name})
    return searches.view(database, search_id)


def purge(database: Database) -> list[str]:
    """Erase searches whose week is over, with the files of their models; return their ids."""
    last = now() - round(KEPT.total_seconds() * MICROS)
    with database.write() as connection:
        old = search.c.deleted_at < last
        folders = connection.execute(
            select(model.c.folder).join(search, search.c.id == model.c.search_id).where(old)
        ).scalars()
        paths = [database.settings.home / folder for folder in folders]
        gone = list(connection.execute(erase(search).where(old).returning(search.c.id)).scalars())
    for path in paths:  # after the rows: a crash between leaves files that nothing names
        shutil.rmtree(path, ignore_errors=True)
    return gone


def _busy(rows: SearchRows) -> str:
    """Return which job of a search is not at its end, or nothing."""
    unfinished = (
        ("a model is", model, model.c.state.not_in(MODEL_ENDED)),
        ("its finals are", final_round, final_round.c.state.in_(JOB_ACTIVE)),
        ("its comparison is", comparison, comparison.c.state.in_(JOB_ACTIVE)),
    )
    for what, table, active in unfinished:
        found = select(table.c.id).where(table.c.search_id == rows.search_id, active).limit(1)
        if rows.connection.execute(found).first():
            return what
    return ""
