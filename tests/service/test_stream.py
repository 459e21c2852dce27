"""The live stream: nothing missed, nothing twice, in order, whoever dies or is slow."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from typing import TYPE_CHECKING

import pytest

from nas.events import EventKind
from service import eventlog, searches
from service.stream import MOST_LISTENERS, QUEUE_EVENTS, Broadcaster
from tests.service.living import Api, until
from tests.service.making import finished, toy_spec

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def api(settings) -> Iterator[Api]:
    running = Api(settings)
    yield running
    running.close()


def note(database, count: int, search: str | None = None) -> None:
    for _ in range(count):
        with database.write() as connection:
            eventlog.append(connection, search, EventKind.SEARCH_STATE, {})


def parse(frames: list[bytes]) -> list[int]:
    """Return the ids of frames, after checking that each is well formed."""
    ids = []
    for frame in b"".join(frames).split(b"\n\n"):
        if not frame.startswith(b"id:"):
            continue
        fields = dict(line.split(": ", 1) for line in frame.decode().splitlines())
        data = json.loads(fields["data"])
        assert fields["event"] == data["kind"]
        assert int(fields["id"]) == data["seq"]
        ids.append(data["seq"])
    return ids


async def take(stream, count: int) -> list[int]:
    """Return the ids of the next ``count`` events of a stream, and of those that come with them."""
    ids: list[int] = []
    while len(ids) < count:
        ids += parse([await asyncio.wait_for(anext(stream), 30)])
    return ids


def broadcast(database, scenario) -> None:
    """Run a scenario with a broadcaster that polls."""

    async def main() -> None:
        broadcaster = Broadcaster(database)
        task = asyncio.create_task(broadcaster.run())
        try:
            await scenario(broadcaster)
        finally:
            broadcaster.close()
            await task

    asyncio.run(main())


def test_a_listener_gets_what_it_missed_and_then_what_happens(database):
    note(database, 3)

    async def scenario(broadcaster):
        stream = broadcaster.stream(1, None)
        assert await take(stream, 2) == [2, 3]
        note(database, 2)
        assert await take(stream, 2) == [4, 5]
        await stream.aclose()
        assert not broadcaster.listeners

    broadcast(database, scenario)


def test_the_first_event_of_an_empty_log_is_not_missed(database):
    async def scenario(broadcaster):
        stream = broadcaster.stream(0, None)
        await anext(stream)
        note(database, 1)
        assert await take(stream, 1) == [1]

    broadcast(database, scenario)


def test_from_now_on_means_without_the_past(database):
    note(database, 3)

    async def scenario(broadcaster):
        stream = broadcaster.stream(None, None)
        await anext(stream)
        first = asyncio.create_task(take(stream, 1))
        await asyncio.sleep(0.1)
        note(database, 1)
        assert await first == [4]

    broadcast(database, scenario)


def test_events_written_while_a_listener_catches_up_come_once(database):
    note(database, 1200)

    async def scenario(broadcaster):
        stream = broadcaster.stream(0, None)
        ids = await take(stream, 600)
        note(database, 50)
        ids += await take(stream, 1250 - len(ids))
        note(database, 10)
        ids += await take(stream, 1260 - len(ids))
        assert ids == list(range(1, 1261))

    broadcast(database, scenario)


def test_a_listener_to_one_search_hears_of_that_alone(database):
    first = searches.create(database, toy_spec())
    second = searches.create(database, toy_spec())

    async def scenario(broadcaster):
        stream = broadcaster.stream(0, second)
        assert await take(stream, 1) == [2]
        note(database, 1, first)
        note(database, 1, second)
        assert await take(stream, 1) == [4]

    broadcast(database, scenario)


def test_a_listener_that_is_too_slow_is_cut_off_and_others_are_not(database):
    async def scenario(broadcaster):
        slow, fast = broadcaster.stream(0, None), broadcaster.stream(0, None)
        await anext(fast)
        note(database, 1)
        await anext(slow)
        assert await take(slow, 1) == [1]
        reader = asyncio.create_task(take(fast, QUEUE_EVENTS + 200))
        await asyncio.sleep(0.05)
        note(database, QUEUE_EVENTS + 199)
        assert await reader == list(range(1, QUEUE_EVENTS + 201))
        ids = [1]
        async for frame in slow:
            ids += parse([frame])
        assert ids == list(range(1, len(ids) + 1))
        again = broadcaster.stream(ids[-1], None)
        rest = QUEUE_EVENTS + 200 - ids[-1]
        assert rest > 0
        assert await take(again, rest) == list(range(ids[-1] + 1, QUEUE_EVENTS + 201))

    broadcast(database, scenario)


def test_only_so_many_streams_are_served(client):
    broadcaster = client.app.state.broadcaster
    broadcaster.listeners |= {object() for _ in range(MOST_LISTENERS)}
    try:
        answer = client.get("/api/v1/events")
    finally:
        broadcaster.listeners.clear()
    assert (answer.status_code, answer.json()["status"]) == (429, 429)


def read_ids(client, count: int, query: str = "", **headers: str) -> list[int]:
    """Return the ids of the first ``count`` events of a stream over HTTP."""
    ids: list[int] = []
    with client.stream("GET", f"/api/v1/events{query}", headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["x-accel-buffering"] == "no"
        for line in answer.iter_lines():
            if line.startswith("id: "):
                ids.append(int(line.removeprefix("id: ")))
            if len(ids) == count:
                return ids
    return ids


def test_over_http_a_stream_goes_on_behind_the_last_event_id(api, database):
    finished(database, trials=2)
    with database.read() as connection:
        last = eventlog.last_seq(connection)
    with api.client() as client:
        assert read_ids(client, last) == list(range(1, last + 1))
        assert read_ids(client, last - 5, **{"Last-Event-ID": "5"})[0] == 6
        assert read_ids(client, last - 4, "?after=0", **{"Last-Event-ID": "4"})[0] == 5
        assert read_ids(client, 1, f"?after={last - 1}") == [last]


def test_an_api_that_was_killed_goes_on_where_its_streams_ended(api, database):
    finished(database, trials=2)
    with api.client() as client:
        seen = read_ids(client, 4)
    api.kill()
    finished(database, trials=2)
    api.start()
    with database.read() as connection:
        last = eventlog.last_seq(connection)
    with api.client() as client:
        seen += read_ids(client, last - 4, **{"Last-Event-ID": str(seen[-1])})
    assert seen == list(range(1, last + 1))


def test_an_api_with_open_streams_ends_within_five_seconds(api, database):
    note(database, 1)
    with api.client() as client:
        streams = [client.stream("GET", "/api/v1/events") for _ in range(10)]
        answers = [stream.__enter__() for stream in streams]
        lines = [answer.iter_lines() for answer in answers]
        for one in lines:
            until(lambda one=one: next(one).startswith("data"), 30, "the first event")
        begun = time.monotonic()
        api.process.send_signal(signal.SIGTERM)
        assert api.process.wait(10) in {0, -signal.SIGTERM}
        assert time.monotonic() - begun < 5
        for one in lines:
            assert [line for line in one if line.startswith("data")] == []
        for stream in streams:
            stream.__exit__(None, None, None)
