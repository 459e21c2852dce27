"""Jobs that somebody asked for: their rows, and the fence that lets one process at a time write.

A job is a row with a state, and trainings whose results are rows of a table of its own. What is
asked for, and what its trainings are, belongs to the module of its kind: :mod:`service.rounds`.
"""

from __future__ import annotations

import os
import secrets
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update

from nas.store import LostOwnership
from service import eventlog
from service.clock import now
from service.errors import NotFound
from service.states import JOB_ACTIVE, JobState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from sqlalchemy import Connection, Row, Table

    from nas.events import EventKind
    from service.db import Database


@dataclass(frozen=True)
class Kind:
    """A kind of job: its table, what its events tell, and who may work at the same time.

    ``lock`` names what whoever works on a job holds. ``kept`` counts results: a process that died
    after more of them is forgiven.
    """

    name: str
    table: Table
    event: EventKind
    told: Callable[[Connection, Row[Any]], dict[str, Any]]
    lock: Callable[[Row[Any]], str]
    kept: Callable[[Connection, Row[Any]], int]

    def get(self, connection: Connection, job_id: str) -> Row[Any]:
        """Return the row of a job; raise NotFound if there is none."""
        row = connection.execute(select(self.table).where(self.table.c.id == job_id)).first()
        if row is None:
            raise NotFound(f"no {self.name} {job_id[:100]!r}", field=self.name, value=job_id[:100])
        return row

    def latest(self, connection: Connection, search_id: str) -> Row[Any] | None:
        """Return the newest job of a search, None before the first."""
        return connection.execute(
            select(self.table)
            .where(self.table.c.search_id == search_id)
            .order_by(self.table.c.created_at.desc(), self.table.c.id)
            .limit(1)
        ).first()

    def active(self, connection: Connection) -> Sequence[Row[Any]]:
        """Return the jobs that are asked for, or were left behind."""
        return connection.execute(
            select(self.table).where(self.table.c.state.in_(JOB_ACTIVE))
        ).all()

    def add(self, connection: Connection, **values: Any) -> str:
        """Ask for a job, and return its id; the caller tells of it."""
        job_id = secrets.token_hex(5)
        connection.execute(
            insert(self.table).values(
                id=job_id,
                state=JobState.PENDING,
                progress={},
                error="",
                owner_epoch=0,
                created_at=now(),
                **values,
            )
        )
        return job_id

    def begin(self, database: Database, job_id: str) -> int | None:
        """Take a job over from whoever had it; return the epoch of the right to write.

        None if the job has ended.
        """
        with database.write() as connection:
            row = self.get(connection, job_id)
            if row.state not in JOB_ACTIVE:
                return None
            self.change(
                connection,
                job_id,
                state=JobState.RUNNING,
                owner=f"process {os.getpid()}",
                owner_epoch=row.owner_epoch + 1,
                started_at=row.started_at or now(),
                progress={},
            )
            return int(row.owner_epoch) + 1

    def change(self, connection: Connection, job_id: str, **values: Any) -> None:
        """Change columns of a job, and tell of it."""
        connection.execute(update(self.table).where(self.table.c.id == job_id).values(**values))
        self.tell(connection, job_id)

    def tell(self, connection: Connection, job_id: str) -> None:
        """Append an event that says how a job stands."""
        row = self.get(connection, job_id)
        payload = {self.name: row.id} | self.told(connection, row)
        eventlog.append(connection, row._mapping.get("search_id"), self.event, payload)

    def end(
        self, connection: Connection, job_id: str, state: JobState, error: str = "", **values: Any
    ) -> None:
        """End a job; one that has ended stays as it is."""
        if self.get(connection, job_id).state in JOB_ACTIVE:
            ending = {"state": state, "error": error, "progress": {}, "ended_at": now()}
            self.change(connection, job_id, **ending, **values)

    def fail(self, database: Database, job_id: str, why: str) -> None:
        """Note that a job cannot be done."""
        with database.write() as connection:
            self.end(connection, job_id, JobState.FAILED, why)


class Fence:
    """The right to write to a job, until another process takes it over or it is ended.

    Every method raises LostOwnership when the right is gone.
    """

    def __init__(self, kind: Kind, database: Database, job_id: str, epoch: int) -> None:
        """Hold the right that :meth:`Kind.begin` has given."""
        self.kind, self.database, self.job_id, self.epoch = kind, database, job_id, epoch

    @contextmanager
    def writing(self) -> Iterator[tuple[Connection, Row[Any]]]:
        """Give a transaction and the row of the job."""
        with self.database.write() as connection:
            row = self.kind.get(connection, self.job_id)
            if row.owner_epoch != self.epoch or row.state != JobState.RUNNING:
                raise LostOwnership(
                    f"{self.kind.name} {self.job_id}: {row.state}, epoch {row.owner_epoch}"
                )
            yield connection, row

    def progress(self, **values: Any) -> None:
        """Note how far the training that runs now is."""
        with self.writing() as (connection, _):
            self.kind.change(connection, self.job_id, progress=values)


def each_once_first(
    names: Sequence[Any], seeds: int, known: Iterable[Any]
) -> list[tuple[Any, int]]:
    """Return what is to be trained, by name and seed: each once before any twice."""
    have = {(name, seed) for name, seed, *_ in known}
    return [(name, seed) for seed in range(seeds) for name in names if (name, seed) not in have]


def outcome(known: Sequence[Any]) -> tuple[JobState, str]:
    """Return how a job ends of which nothing is missing: failed if all of its trainings have."""
    failed = [one for one in known if one.failure_kind is not None]
    if len(failed) < len(known):
        return JobState.DONE, ""
    first = f"{failed[0].failure_kind}: {failed[0].failure_message}"
    return JobState.FAILED, f"all {len(failed)} trainings failed, the first: {first}"
