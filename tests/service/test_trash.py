"""Searches that are thrown away: hidden, taken back, and gone after a week with their files."""

from __future__ import annotations

from datetime import datetime

import pytest
from sqlalchemy import func, select, update

from service import models, searches, tables, trash
from service.errors import NotFound
from service.states import ModelState
from tests.service.making import digits_spec, finished, run, toy_spec

WEEK = 7 * 24 * 3600


def age(database, search_id, seconds):
    with database.write() as connection:
        connection.execute(
            update(tables.search)
            .where(tables.search.c.id == search_id)
            .values(deleted_at=tables.search.c.deleted_at - seconds * 1_000_000)
        )


def ids(client, query=""):
    return [one["id"] for one in client.get(f"/api/v1/searches{query}").json()["items"]]


def test_a_search_is_hidden_and_taken_back(client, database):
    keep, drop = finished(database, 3), finished(database, 3)
    path = f"/api/v1/searches/{drop}"
    answer = client.delete(path)
    assert answer.status_code == 200
    given = answer.json()
    begun, end = (datetime.fromisoformat(given[k]) for k in ("deleted_at", "restore_until"))
    assert (end - begun).total_seconds() == WEEK
    assert client.delete(path).json() == given
    assert (ids(client), ids(client, "?deleted=true")) == ([keep], [drop])
    assert client.get(path).status_code == client.get(f"{path}/trials").status_code == 404
    assert client.post(f"{path}/resume").status_code == 404
    assert searches.resolve(database, "last") == keep
    assert client.post(f"{path}/restore").json()["counts"]["done"] == 3
    assert client.post(f"{path}/restore").status_code == 200
    assert set(ids(client)) == {keep, drop}


def test_both_are_events(client, database):
    search_id = finished(database, 2)
    trash.delete(database, search_id)
    trash.restore(database, search_id)
    with database.read() as connection:
        kinds = connection.execute(
            select(tables.event.c.kind).order_by(tables.event.c.seq.desc()).limit(2)
        ).scalars()
        assert list(kinds) == ["search.restored", "search.deleted"]


def test_what_is_not_at_its_end_stays(client, database):
    search_id = searches.create(database, toy_spec(3))
    answer = client.delete(f"/api/v1/searches/{search_id}")
    assert (answer.status_code, answer.json()["field"]) == (409, "state")
    trained = searches.create(database, digits_spec(final_epochs=0))
    assert run(database, trained) == 0
    models.request(database, trained, epochs=1)
    answer = client.delete(f"/api/v1/searches/{trained}")
    assert answer.status_code == 409
    assert "a model is not at its end" in answer.json()["detail"]
    assert client.delete("/api/v1/searches/nobody").status_code == 404


def test_after_a_week_rows_and_files_are_gone(database):
    young, old = finished(database, 2), searches.create(database, digits_spec(final_epochs=0))
    assert run(database, old) == 0
    made = models.request(database, old, epochs=1)
    models.change(database, made, state=ModelState.FAILED)
    folder = models.folder(database, made)
    folder.mkdir(parents=True)
    (folder / "weights.safetensors").write_bytes(b"x")
    for search_id in (young, old):
        trash.delete(database, search_id)
    age(database, old, WEEK + 1)
    age(database, young, WEEK - 60)
    assert trash.purge(database) == [old]
    assert trash.purge(database) == []
    assert not folder.exists()
    with pytest.raises(NotFound):
        trash.restore(database, old)
    with database.read() as connection:
        for table in (tables.trial, tables.model, tables.report, tables.trial_attempt):
            column = table.c.get("search_id")
            if column is not None:
                query = select(func.count()).select_from(table).where(column == old)
                assert connection.execute(query).scalar() == 0
    assert trash.restore(database, young).counts.done == 2
