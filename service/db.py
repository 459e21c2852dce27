"""The database: one engine with the settings that make SQLite safe, and two kinds of transaction.

A write takes SQLite's lock at its beginning (BEGIN IMMEDIATE): a deferred transaction that reads
first and writes later fails with SQLITE_BUSY_SNAPSHOT, whatever the time-out. Inside one process a
lock queues the writers fairly. Connections are opened and closed inside a function, never held
across a response, so that a hundred clients cannot use the pool up.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, event
from sqlalchemy.exc import DBAPIError

from service.errors import StorageError, UserError
from service.migrate import upgrade
from service.settings import prepare_home

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Connection, Engine

    from service.settings import Settings

BUSY_SECONDS = 10.0
POOL_SIZE = 64  # more than the threads that may ask: anyio's 40 and our own
_WRITE = "nas_write"
_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",  # an answered request survives a power cut
    "PRAGMA foreign_keys=ON",
    "PRAGMA journal_size_limit=67108864",
    "PRAGMA wal_autocheckpoint=1000",
)


class Database:
    """The service's memory. Safe to use from many threads."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        """Keep the engine; use :meth:`open`."""
        self.engine, self.settings = engine, settings
        self._writing = threading.Lock()

    @classmethod
    def open(cls, settings: Settings) -> Database:
        """Open the database of ``settings``, made or brought up to date as need be.

        Raises UserError: the folder or the file cannot be used, or is of a newer version.
        """
        prepare_home(settings)
        path = settings.database_path
        _probe(path)
        engine = _engine(path)
        try:
            upgrade(engine, path, settings.folder("locks"), settings.folder("backups"))
        except BaseException:
            engine.dispose()
            raise
        return cls(engine, settings)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection that sees one state of the database throughout."""
        with translated(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection with the write lock; commits at the end, rolls back on an error.

        Raises StorageError when the lock cannot be had or the disk is full.
        """
        with (
            self._writing,
            translated(),
            self.engine.connect().execution_options(**{_WRITE: True}) as connection,
            connection.begin(),
        ):
            yield connection

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def __enter__(self) -> Database:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close all connections."""
        self.close()


@contextmanager
def translated() -> Iterator[None]:
    """Raise SQLite's transient errors as StorageError; everything else as it is."""
    try:
        yield
    except DBAPIError as error:
        storage = _storage_error(error)
        if storage is None:
            raise
        raise storage from error


def _storage_error(error: DBAPIError) -> StorageError | None:
    code = getattr(error.orig, "sqlite_errorcode", None)
    primary = code & 0xFF if isinstance(code, int) else None
    if primary in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return StorageError("the database is busy, try again")
    if primary == sqlite3.SQLITE_FULL:
        return StorageError("the disk is full: the database cannot grow", full=True)
    if primary == sqlite3.SQLITE_READONLY:
        return StorageError("the database is read-only")
    if primary in {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}:
        return StorageError("the database cannot be read or written: check the disk")
    return None


def _engine(path: Path) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}",
        pool_size=POOL_SIZE,
        max_overflow=0,
        json_serializer=dump_json,
        connect_args={"timeout": BUSY_SECONDS, "isolation_level": None},
    )
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def dump_json(value: Any) -> str:
    """Return compact JSON; raise ValueError on NaN and infinity, which are no JSON."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False, ensure_ascii=False)


def _prepare(connection: sqlite3.Connection, _: object) -> None:
    for pragma in _PRAGMAS:
        connection.execute(pragma)


def _begin(connection: Connection) -> None:
    write = connection.get_execution_options().get(_WRITE, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _probe(path: Path) -> None:
    """Raise UserError unless ``path`` is, or can become, a database in WAL mode."""
    try:
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
        try:
            mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise _unusable(path, str(error)) from error
    if mode != "wal":
        raise _unusable(path, f"its disk cannot hold a write-ahead log (journal mode {mode})")


def _unusable(path: Path, why: str) -> UserError:
    return UserError(
        f"the database {path} cannot be used: {why}",
        field="db_url",
        value=str(path),
        allowed="a writable SQLite file on a local disk",
    )
