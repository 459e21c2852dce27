"""Many clients and many writers: nothing made twice, nothing refused, nobody waits for ever."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx
import pytest
from sqlalchemy import select

from nas.events import EventKind
from service import eventlog, searches
from service.db import Database
from service.settings import Settings
from service.tables import search
from tests.service.living import Api, until
from tests.service.making import finished, toy_spec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOY = {
    "space": "toy",
    "controller": "random",
    "evaluator": "toy",
    "execution": {"executor": "inline"},
}
CLIENTS = 120
WRITERS, WRITES = 8, 50


@pytest.fixture
def settings(tmp_path) -> Settings:
    return Settings.load(home=tmp_path / "home")


@pytest.fixture
def api(settings) -> Iterator[Api]:
    running = Api(settings)
    running.ready()
    yield running
    running.close()


def create(api: Api, key: str, body: dict) -> httpx.Response:
    with api.client() as http:
        return http.post("/api/v1/searches", json=body, headers={"Idempotency-Key": key})


def count(settings: Settings) -> int:
    with Database.open(settings) as database, database.read() as connection:
        return len(connection.execute(select(search.c.id)).all())


def test_sixteen_requests_with_one_key_make_one_search(api, settings):
    for repeat in range(3):
        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda key: create(api, key, TOY), [f"k{repeat}"] * 16))
        assert [answer.status_code for answer in answers] == [201] * 16
        assert len({answer.json()["id"] for answer in answers}) == 1
        assert create(api, f"k{repeat}", TOY | {"seed": 1}).status_code == 422
    assert count(settings) == 3


def test_an_api_killed_while_it_creates_makes_one_search_for_a_client_that_repeats(api, settings):
    for kill in range(6):
        key = f"kill{kill}"
        killer = threading.Timer(0.004 * kill, restart, [api])
        killer.start()
        with contextlib.suppress(httpx.TransportError):
            create(api, key, TOY)
        killer.join()
        answer = until(lambda key=key: again(api, key), 60, "an answer")
        assert answer.status_code == 201
    assert count(settings) == 6


def restart(api: Api) -> None:
    api.kill()
    api.start()


def again(api: Api, key: str) -> httpx.Response | None:
    try:
        return create(api, key, TOY)
    except httpx.TransportError:
        return None


def test_more_clients_than_threads_all_get_answers(api, settings):
    with Database.open(settings) as database:
        search_id = finished(database, trials=20)
    paths = [
        "/healthz",
        f"/api/v1/searches/{search_id}",
        f"/api/v1/searches/{search_id}/trials?limit=20",
        f"/api/v1/searches/{search_id}/history",
        "/api/v1/searches",
    ]

    async def one(http: httpx.AsyncClient, number: int) -> list[tuple[int, float]]:
        answers = []
        for turn in range(4):
            begun = time.monotonic()
            if (number + turn) % 8 == 0:
                answer = await http.patch(f"/api/v1/searches/{search_id}", json={"hours": 1.0})
            else:
                answer = await http.get(paths[(number + turn) % len(paths)])
            answers.append((answer.status_code, time.monotonic() - begun))
        return answers

    async def everyone() -> list[tuple[int, float]]:
        limits = httpx.Limits(max_connections=CLIENTS, max_keepalive_connections=CLIENTS)
        async with httpx.AsyncClient(
            base_url=api.url, headers=api.headers, limits=limits, timeout=60
        ) as http:
            found = await asyncio.gather(*(one(http, number) for number in range(CLIENTS)))
        return [answer for answers in found for answer in answers]

    answers = asyncio.run(everyone())
    assert {status for status, _ in answers} == {200}
    # The trap of a pool that is used up shows as waits of 30 s, on any machine.
    assert statistics.quantiles([seconds for _, seconds in answers], n=100)[-1] < 25


def write(home: Path, number: int) -> None:
    """Read the seed of the one search and write it back one higher, many times."""
    with Database.open(Settings.load(home=home)) as database:
        for _ in range(WRITES):
            with database.write() as connection:
                seed = connection.execute(select(search.c.seed)).scalar_one()
                connection.execute(search.update().values(seed=seed + 1))
                eventlog.append(connection, None, EventKind.SEARCH_STATE, {"writer": number})


def test_processes_that_write_at_once_lose_no_update_and_no_event(settings):
    with Database.open(settings) as database:
        searches.create(database, toy_spec())
    context = multiprocessing.get_context("spawn")
    writers = [
        context.Process(target=write, args=(settings.home, number)) for number in range(WRITERS)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0] * WRITERS
    with Database.open(settings) as database, database.read() as connection:
        assert connection.execute(select(search.c.seed)).scalar_one() == WRITERS * WRITES
        events = eventlog.after(connection, 0, limit=10_000)
    assert [event.seq for event in events] == list(range(1, WRITERS * WRITES + 2))
