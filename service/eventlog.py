"""The log of events: appended inside the transaction of the change, read in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select

from nas.events import EventKind
from service.clock import now
from service.tables import event

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class Logged:
    """An event as the log keeps it. ``seq`` has no gaps over all searches; ``at`` is in micros."""

    seq: int
    search: str | None
    kind: EventKind
    trial: int | None
    at: int
    payload: dict[str, Any]


def append(
    connection: Connection,
    search_id: str | None,
    kind: EventKind,
    payload: dict[str, Any],
    trial: int | None = None,
) -> None:
    """Append an event in the caller's write transaction."""
    connection.execute(
        insert(event).values(search_id=search_id, kind=kind, trial=trial, at=now(), payload=payload)
    )


def after(
    connection: Connection, seq: int, search_id: str | None = None, limit: int = 1000
) -> list[Logged]:
    """Return at most ``limit`` events that follow ``seq``, in order, of one search or of all."""
    query = select(event).where(event.c.seq > seq).order_by(event.c.seq).limit(limit)
    if search_id is not None:
        query = query.where(event.c.search_id == search_id)
    return [
        Logged(row.seq, row.search_id, EventKind(row.kind), row.trial, row.at, row.payload)
        for row in connection.execute(query)
    ]


def last_seq(connection: Connection, search_id: str | None = None) -> int:
    """Return the ``seq`` of the last event, 0 before the first."""
    query = select(func.max(event.c.seq))
    if search_id is not None:
        query = query.where(event.c.search_id == search_id)
    return connection.execute(query).scalar() or 0
