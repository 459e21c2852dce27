"""The database: what is promised of a write, and what happens when the disk says no."""

from __future__ import annotations

import sqlite3
import threading

import pytest
from sqlalchemy import select, text

from nas.events import EventKind
from service import eventlog, searches
from service.db import Database
from service.errors import StorageError, UserError
from service.settings import Settings
from service.tables import search
from tests.service.making import toy_spec


def test_a_commit_survives_a_power_cut_and_rows_have_their_parents(database):
    with database.read() as connection:
        pragmas = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert pragmas == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": 10_000,
    }


def test_what_is_read_stays_the_same_inside_one_read(database):
    with database.read() as reading:
        before = eventlog.last_seq(reading)
        with database.write() as writing:
            eventlog.append(writing, None, EventKind.SEARCH_STATE, {})
        assert eventlog.last_seq(reading) == before
    with database.read() as reading:
        assert eventlog.last_seq(reading) == before + 1


def test_a_write_that_fails_leaves_nothing_not_even_a_number(database):
    with pytest.raises(RuntimeError), database.write() as connection:
        eventlog.append(connection, None, EventKind.SEARCH_STATE, {})
        raise RuntimeError
    with database.write() as connection:
        eventlog.append(connection, None, EventKind.SEARCH_STATE, {"kept": True})
    with database.read() as connection:
        assert [(e.seq, e.payload) for e in eventlog.after(connection, 0)] == [(1, {"kept": True})]


def test_threads_that_read_and_write_the_same_row_lose_no_update(database):
    search_id = searches.create(database, toy_spec())

    def add() -> None:
        for _ in range(25):
            with database.write() as connection:
                seed = connection.execute(select(search.c.seed)).scalar_one()
                connection.execute(search.update().values(seed=seed + 1))

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read() as connection:
        found = connection.execute(select(search.c.seed).where(search.c.id == search_id))
        assert found.scalar_one() == 200


def test_a_full_database_says_so_and_recovers(database):
    long = {"text": "x" * 200_000}
    with database.read() as connection:
        pages = connection.execute(text("PRAGMA page_count")).scalar()
    set_limit(database, pages + 5)
    with pytest.raises(StorageError, match="full") as caught, database.write() as connection:
        eventlog.append(connection, None, EventKind.SEARCH_STATE, long)
    assert caught.value.full
    set_limit(database, 2**30)
    with database.write() as connection:
        eventlog.append(connection, None, EventKind.SEARCH_STATE, long)
    with database.read() as connection:
        assert [e.seq for e in eventlog.after(connection, 0)] == [1]
        assert connection.execute(text("PRAGMA integrity_check")).scalar() == "ok"


def set_limit(database: Database, pages: int) -> None:
    """Limit the pages of the database; the limit belongs to a connection, and the pool has one."""
    with database.engine.connect() as connection:
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")


def test_a_busy_database_is_a_storage_error_after_a_while(database, monkeypatch):
    other = sqlite3.connect(database.settings.database_path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout=50")
    with pytest.raises(StorageError, match="busy"), database.write():
        pass
    other.execute("ROLLBACK")
    other.close()
    with database.write() as connection:
        eventlog.append(connection, None, EventKind.SEARCH_STATE, {})


def test_a_long_reader_does_not_let_the_log_grow_for_ever(database):
    with database.read() as reading:
        eventlog.last_seq(reading)
        for _ in range(200):
            with database.write() as connection:
                eventlog.append(connection, None, EventKind.SEARCH_STATE, {"x": "y" * 20_000})
    wal = database.settings.database_path.with_name("nasturtium.db-wal")
    for _ in range(5):
        with database.write() as connection:
            eventlog.append(connection, None, EventKind.SEARCH_STATE, {})
    assert wal.stat().st_size <= 64 * 2**20


def test_a_file_that_is_no_database_is_refused(tmp_path):
    settings = Settings.load(home=tmp_path)
    settings.database_path.write_bytes(b"certainly not a database, but long enough " * 50)
    with pytest.raises(UserError, match="cannot be used") as caught:
        Database.open(settings)
    assert "\n" not in str(caught.value)


def test_a_database_url_may_name_another_place(tmp_path):
    place = tmp_path / "elsewhere.db"
    with Database.open(Settings.load(home=tmp_path / "home", db_url=f"sqlite:///{place}")) as db:
        searches.create(db, toy_spec())
    assert place.exists()
    assert not (tmp_path / "home" / "nasturtium.db").exists()


def test_json_that_is_none_is_refused_before_it_is_kept(database):
    with pytest.raises(Exception, match="not JSON compliant"), database.write() as connection:
        eventlog.append(connection, None, EventKind.SEARCH_STATE, {"x": float("nan")})
