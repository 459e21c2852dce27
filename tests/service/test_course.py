"""The course of a search as columns of bytes: the same as the JSON, and what changed since."""

from __future__ import annotations

import json
import math
from array import array
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import insert

from nas.client.columns import Columns, unpack
from nas.client.errors import ClientError
from nas.spec import SearchSpec
from nas.store import Draft, Told
from nas.trial import Failure, FailureKind, Outcome, Proposal
from service import eventlog, searches
from service.course import MEDIA_TYPE, STATES, Course
from service.store import SqlStore
from service.tables import trial
from tests.service.making import run, toy_spec

if TYPE_CHECKING:
    from fastapi.testclient import TestClient

    from service.db import Database

BYTES = {"Accept": MEDIA_TYPE}
LOST = Failure(FailureKind.LOST, "the worker is gone")
BAD = Failure(FailureKind.ERROR, "it broke")


def nulls(column: array[float]) -> list[float | None]:
    return [None if math.isnan(one) else one for one in column]


def asked(client: TestClient, search: str, **query: int) -> Columns:
    """Return the columns, after a look that JSON says the same."""
    path = f"/api/v1/searches/{search}/history"
    answer = client.get(path, headers=BYTES, params=query)
    assert answer.headers["content-type"] == MEDIA_TYPE
    assert "Accept" in answer.headers["vary"]
    found = unpack(answer.content)
    assert client.get(path, params=query).json() == {
        "seq": found.seq,
        "number": found.number.tolist(),
        "reward": nulls(found.reward),
        "state": found.state,
        "arm": found.arm,
        "figures": {name: nulls(column) for name, column in found.figures.items()},
    }
    return found


@pytest.fixture
def owned(database: Database) -> SqlStore:
    """A search of four trials, none of which has been taken up."""
    store = SqlStore(database, searches.create(database, toy_spec()), "runner")
    store.adopt()
    store.start([Draft(Proposal((0,) * 6), "k")] * 4, {})
    return store


def end(store: SqlStore, number: int, outcome: Outcome, told: dict[int, float]) -> None:
    """End a trial, and tell the controller of others, whose figures this gives."""
    figures = [Told(one, {"baseline": value}) for one, value in told.items()]
    store.finish(number, 1, outcome, outcome.metrics.get("accuracy"), figures, {})


def test_the_bytes_say_what_the_json_says_of_both_arms_of_failures_and_of_a_pause(client, database):
    spec = toy_spec(30).model_dump() | {"control_fraction": 0.3, "controller": "reinforce"}
    search = searches.create(database, SearchSpec.model_validate(spec))
    assert run(database, search) == 0
    store = SqlStore(database, search, "another")
    store.adopt()
    store.start([Draft(Proposal((0,) * 6, note={"arm": "random"}), "k")] * 5, {})
    for number in range(30, 34):
        store.launch(number, 1)
    end(store, 30, Outcome(failure=BAD), {30: 0.25})
    end(store, 31, Outcome(stopped=True), {})
    store.requeue(32, 1, LOST)
    store.end("paused")
    found = asked(client, search)
    assert found.number.tolist() == list(range(35))
    assert found.state[30:] == ["failed", "stopped", "pending", "pending", "pending"]
    assert set(found.arm) == {"random", "search"}
    assert found.arm.count("random") == 9 + 5
    assert "entropy" in found.figures
    assert found.figures["baseline"][30] == 0.25
    assert math.isnan(found.figures["entropy"][30])
    assert len({one for one in found.reward if not math.isnan(one)}) > 5
    assert asked(client, search, after=31).number.tolist() == [32, 33, 34]
    assert asked(client, search, after=3, limit=2).number.tolist() == [4, 5]


def test_since_gives_what_has_changed_and_nothing_else(client, owned):
    search = owned.search_id
    owned.launch(0, 1)
    seen = asked(client, search).seq

    def changed() -> list[int]:
        nonlocal seen
        found = asked(client, search, since=seen)
        assert found.since == seen
        seen = found.seq
        assert asked(client, search, since=seen).number.tolist() == []
        return found.number.tolist()

    owned.launch(1, 1)
    owned.launch(3, 1)
    assert changed() == [1, 3]
    owned.progress(0, 1, 1, {"accuracy": 0.4})
    assert changed() == []
    end(owned, 1, Outcome({"accuracy": 0.5}), {})  # held back: the controller hears in order
    assert changed() == [1]
    end(owned, 0, Outcome({"accuracy": 0.7}), {0: 0.1, 1: 0.2})
    assert changed() == [0, 1]
    end(owned, 0, Outcome({"accuracy": 0.9}), {})  # a second report of one that has ended
    owned.progress(1, 1, 5, {"accuracy": 0.9})
    assert changed() == []
    owned.requeue(3, 1, LOST)
    assert changed() == [3]
    owned.launch(2, 1)
    end(owned, 2, Outcome(failure=BAD), {2: 0.3})
    assert changed() == [2]
    owned.launch(3, 2)
    owned.end("paused")
    assert changed() == [3]
    assert nulls(asked(client, search).reward) == [0.7, 0.5, None, None]


def test_a_trial_that_no_event_tells_of_yet_is_there_until_one_does(client, owned):
    seen = asked(client, owned.search_id).seq
    assert asked(client, owned.search_id, since=seen).number.tolist() == [0, 1, 2, 3]
    owned.start([Draft(Proposal((1,) * 6), "l")], {})
    assert asked(client, owned.search_id, since=seen).number.tolist() == [0, 1, 2, 3, 4]
    owned.launch(0, 1)
    assert asked(client, owned.search_id, since=seen + 1).number.tolist() == []


def test_changes_of_another_search_are_not_given(client, database, owned):
    seen = asked(client, owned.search_id).seq
    other = searches.create(database, toy_spec(3))
    assert run(database, other) == 0
    now = asked(client, owned.search_id, since=seen)
    assert now.seq > seen
    assert asked(client, owned.search_id, since=now.seq).number.tolist() == []


def test_merged_again_and_again_the_changes_are_the_whole(client, database):
    search = searches.create(database, toy_spec(20))
    known: dict[int, tuple[object, ...]] = {}
    store, seen = SqlStore(database, search, "runner"), 0
    store.adopt()

    def rows(found: Columns) -> dict[int, tuple[object, ...]]:
        figures = found.figures.get("baseline", array("d", [math.nan] * len(found.number)))
        parts = (nulls(found.reward), found.state, nulls(figures))
        return dict(zip(found.number, zip(*parts, strict=True), strict=True))

    for number in range(20):
        store.start([Draft(Proposal((0,) * 6), "k")], {})
        store.launch(number, 1)
        if number >= 2:
            how = Outcome(failure=BAD) if number % 5 == 0 else Outcome({"accuracy": number / 20})
            end(store, number - 2, how, {number - 2: 0.5, max(0, number - 7): number / 10})
        if number % 3 == 0:
            found = asked(client, search, since=seen)
            known |= rows(found)
            seen = found.seq
            assert known == rows(asked(client, search)), number


def test_an_event_that_has_not_been_is_of_another_database_and_gives_all(client, owned):
    found = asked(client, owned.search_id, since=10_000)
    assert (found.since, found.number.tolist()) == (0, [0, 1, 2, 3])


def test_trials_of_an_older_version_are_given_to_who_knows_none(client, database):
    search = searches.create(database, toy_spec())
    old = {
        "search_id": search,
        "number": 0,
        "decisions": [0] * 6,
        "key": "k",
        "note": {},
        "seed": 1,
        "state": "done",
        "attempt": 1,
        "metrics": {},
        "reward": 0.5,
        "told": True,
        "figures": {},
        "created_at": 1,
    }
    with database.write() as connection:
        connection.execute(insert(trial), [old])
        assert eventlog.last_seq(connection) > 0
    assert asked(client, search).number.tolist() == [0]


def test_head_and_columns_begin_at_multiples_of_eight():
    made = Course(7, 3, array("i", [5, 6, 9]), array("d", [0.5, math.nan, 1 / 3]))
    made.state, made.arm = bytearray([2, 0, 3]), bytearray([0, 1, 2])
    made.figures = {"a figure": array("d", [1, 2, 3])}
    data = made.packed()
    assert data[:4] == b"NAS1"
    begin = 8 + int.from_bytes(data[4:8], "little")
    head = json.loads(data[8:begin])
    assert (head["count"], head["seq"], head["since"]) == (3, 7, 3)
    places = [one["at"] for one in head["columns"]]
    assert places == [0, 16, 40, 48, 56]
    assert (begin % 8, len(data)) == (0, begin + 56 + 24)
    assert data[begin : begin + 12] == b"\5\0\0\0\6\0\0\0\x09\0\0\0"
    read = unpack(data)
    assert (read.number.tolist(), nulls(read.reward)) == ([5, 6, 9], [0.5, None, 1 / 3])
    assert read.state == [STATES[2], STATES[0], STATES[3]]
    assert read.arm == [None, "search", "random"]
    assert read.figures["a figure"].tolist() == [1, 2, 3]
    with pytest.raises(ClientError, match="columns that this client does not know"):
        unpack(b"<html>")


def test_a_search_without_trials_has_empty_columns(client, database):
    found = asked(client, searches.create(database, toy_spec()))
    assert (found.number.tolist(), found.figures) == ([], {})
