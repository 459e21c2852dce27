"""The pulse of the service's processes: who beats, and who is alive."""

from __future__ import annotations

import os
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel
from sqlalchemy import delete, select
from sqlalchemy.dialects.sqlite import insert as upsert

from service.clock import MICROS, moment, now
from service.processes import is_locked
from service.tables import process

if TYPE_CHECKING:
    from service.db import Database
    from service.settings import Settings

BEAT_SECONDS = 5.0
LEASE_SECONDS = 60.0  # far more than a beat: a starved machine is 10 to 40 times slower
SUPERVISOR = "supervisor"
RAY = "ray"
RUNNER = "runner/"


class Pulse(BaseModel):
    """A process: whether it lives, and when it was last heard of."""

    alive: bool
    pid: int | None = None
    seen_at: datetime | None = None
    detail: dict[str, Any] = {}


class RunnerPulse(Pulse):
    """The runner of a search."""

    search: str


class Storage(BaseModel):
    """The database."""

    ok: bool
    size_bytes: int


class Health(BaseModel):
    """All parts, each by itself."""

    database: Storage
    supervisor: Pulse
    runners: list[RunnerPulse]
    ray: Pulse


def beat(database: Database, name: str, detail: dict[str, Any] | None = None) -> None:
    """Note that this process lives under ``name``."""
    values = {"pid": os.getpid(), "detail": detail or {}, "heartbeat_at": now()}
    with database.write() as connection:
        connection.execute(
            upsert(process)
            .values(name=name, started_at=now(), **values)
            .on_conflict_do_update(set_=values)
        )


def silence(database: Database, name: str) -> None:
    """Note that nothing lives under ``name`` any more."""
    with database.write() as connection:
        connection.execute(delete(process).where(process.c.name == name))


def check(database: Database) -> None:
    """Read from the database; raise StorageError if it does not answer."""
    with database.read() as connection:
        connection.execute(select(process.c.name).limit(1)).first()


def supervised(settings: Settings) -> bool:
    """Say whether a supervisor lives that serves this HOME."""
    return is_locked(settings.folder("locks") / "supervisor.lock")


def health(database: Database, settings: Settings) -> Health:
    """Return the state of all parts."""
    with database.read() as connection:
        rows = {row.name: row for row in connection.execute(select(process))}
    pulses = {name: _pulse(row) for name, row in rows.items()}
    supervisor = pulses.get(SUPERVISOR, Pulse(alive=False))
    return Health(
        database=Storage(ok=True, size_bytes=settings.database_path.stat().st_size),
        supervisor=supervisor.model_copy(update={"alive": supervised(settings)}),
        runners=[
            RunnerPulse(search=name.removeprefix(RUNNER), **pulse.model_dump())
            for name, pulse in pulses.items()
            if name.startswith(RUNNER)
        ],
        ray=pulses.get(RAY, Pulse(alive=False)),
    )


def _pulse(row: Any) -> Pulse:
    fresh = now() - row.heartbeat_at < LEASE_SECONDS * MICROS
    return Pulse(alive=fresh, pid=row.pid, seen_at=moment(row.heartbeat_at), detail=row.detail)
