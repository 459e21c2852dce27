"""kill -9 of every process of the service, again and again: nothing lost, nothing told twice."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
import pytest
from sqlalchemy import func, select

from nas.events import EventKind
from nas.trial import FINAL, State
from searchspaces.toy import Toy
from service import eventlog, searches
from service.auth import token_of
from service.db import Database
from service.settings import Settings
from service.states import SearchState
from service.store import SqlStore
from service.tables import trial_attempt
from tests.service.living import Service, alive, descendants, until
from tests.service.making import toy_spec

if TYPE_CHECKING:
    from collections.abc import Iterator

WORKERS = 2


@pytest.fixture
def settings(tmp_path) -> Settings:
    return Settings.load(home=tmp_path / "home")


@pytest.fixture
def database(settings) -> Iterator[Database]:
    with Database.open(settings) as opened:
        yield opened


@contextmanager
def serving(settings: Settings) -> Iterator[Service]:
    service = Service(settings)
    try:
        yield service
    finally:
        service.close()


def start(database: Database, trials: int, seconds: float = 0.15) -> str:
    spec = toy_spec(trials, executor="local", seconds=seconds)
    # Chance may hit one trial three times in a row, which then would be given up, rightly.
    execution = spec.execution.model_copy(update={"attempts": 20})
    return searches.create(database, spec.model_copy(update={"execution": execution}))


def done(database: Database, search_id: str) -> int:
    return searches.view(database, search_id).counts.done


def finish(database: Database, search_id: str, seconds: float = 120.0) -> None:
    until(
        lambda: searches.view(database, search_id).state is SearchState.FINISHED,
        seconds,
        f"the end of {searches.view(database, search_id)}",
    )


def check(database: Database, search_id: str, trials: int, kills: int) -> None:
    """Assert the invariants that hold after every drill."""
    found = SqlStore(database, search_id, "").trials()
    space = Toy()
    assert [t.number for t in found] == list(range(trials))
    assert all(t.state in FINAL and t.told for t in found)
    for one in found:
        assert one.state is State.DONE, (one.number, one.attempt, one.failure)
        assert one.metrics["accuracy"] == space.value(one.proposal.decisions)
    with database.read() as connection:
        events = eventlog.after(connection, 0, limit=100_000)
        attempts = connection.execute(
            select(func.count()).where(trial_attempt.c.search_id == search_id)
        ).scalar_one()
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
    assert [e.seq for e in events] == list(range(1, len(events) + 1))
    ended = Counter(e.trial for e in events if e.kind is EventKind.TRIAL_DONE)
    assert ended == dict.fromkeys(range(trials), 1)
    assert attempts - trials <= kills * WORKERS


def unkilled(tmp_path, trials: int) -> list[tuple[int, ...]]:
    """Return the decisions of the same search where nothing is killed."""
    from tests.service.making import finished

    with Database.open(Settings.load(home=tmp_path / "unkilled")) as other:
        search_id = finished(other, trials=trials)
        return [t.proposal.decisions for t in SqlStore(other, search_id, "").trials()]


def kill(pid: int | None) -> bool:
    if pid is None or not alive(pid):
        return False
    os.kill(pid, signal.SIGKILL)
    return True


def workers_of(pid: int) -> list[int]:
    return [child for child in descendants(pid) if alive(child)]


def test_runners_and_workers_killed_at_random_lose_no_trial(database, settings, tmp_path):
    trials, kills, rng = 60, 0, random.Random(7)
    search_id = start(database, trials)
    with serving(settings) as service:
        until(lambda: done(database, search_id) >= 1, 90, "the first trial")
        while done(database, search_id) < trials - 6 and kills < 10:
            runner = service.child("service.runner")
            victims = [runner] if runner else []
            if runner and rng.random() < 0.6:
                victims = workers_of(runner) or victims
            before = done(database, search_id)
            if victims and kill(rng.choice(victims)):
                kills += 1
            until(lambda before=before: done(database, search_id) > before, 60, "progress")
        finish(database, search_id)
        check(database, search_id, trials, kills)
    assert kills >= 5
    decisions = [t.proposal.decisions for t in SqlStore(database, search_id, "").trials()]
    assert decisions == unkilled(tmp_path, trials)


def test_an_api_that_is_killed_does_not_touch_the_search_nor_fail_a_request(database, settings):
    trials = 40
    search_id = start(database, trials)
    headers = {"Authorization": f"Bearer {token_of(settings)}"}
    with serving(settings) as service, httpx.Client(base_url=service.url, headers=headers) as http:
        until(lambda: done(database, search_id) >= 1, 90, "the first trial")
        runner, counts = service.child("service.runner"), []
        for _ in range(3):
            api = until(lambda: service.child("service.api"), 30, "the API")
            assert kill(api)
            begun = time.monotonic()
            answer = ask_again(http, f"/api/v1/searches/{search_id}")
            assert time.monotonic() - begun < 30
            assert answer.status_code == 200
            counts.append(answer.json()["counts"]["done"])
            assert service.child("service.api") != api
        assert counts == sorted(counts)
        assert service.child("service.runner") in {runner, None}
        finish(database, search_id)
        check(database, search_id, trials, kills=0)


def ask_again(http: httpx.Client, path: str) -> httpx.Response:
    """Ask until there is an answer: a connection that the dead API had taken may break."""
    for _ in range(5):
        try:
            return http.get(path, timeout=60)
        except httpx.TransportError:
            continue
    raise AssertionError("no answer")


def test_a_supervisor_that_is_killed_comes_back_and_searches_go_on(database, settings):
    trials = 40
    search_id = start(database, trials)
    with serving(settings) as service:
        until(lambda: done(database, search_id) >= 1, 90, "the first trial")
        for _ in range(2):
            before = done(database, search_id)
            runner = service.child("service.runner")
            assert kill(service.child("service.supervisor"))
            until(lambda runner=runner: runner is None or not alive(runner), 20, "the old runner")
            until(lambda before=before: done(database, search_id) > before, 90, "progress")
        finish(database, search_id)
        check(database, search_id, trials, kills=2)


def test_everything_killed_at_once_goes_on_at_the_next_start_unasked(database, settings):
    trials = 30
    search_id = start(database, trials)
    service = Service(settings)
    try:
        until(lambda: done(database, search_id) >= 2, 90, "the first trials")
        everyone = [service.process.pid, *descendants(service.process.pid)]
        for pid in everyone:
            kill(pid)
        until(lambda: not any(alive(pid) for pid in everyone), 10, "the end of all processes")
        service.process.wait()
        service.process.stdout.close()
        assert searches.view(database, search_id).state is SearchState.RUNNING
        service.start()
        finish(database, search_id)
    finally:
        service.close()
    check(database, search_id, trials, kills=1)


def test_no_process_outlives_the_service_when_its_parent_is_killed(database, settings):
    search_id = start(database, 1000)
    service = Service(settings)
    try:
        until(lambda: done(database, search_id) >= 1, 90, "the first trial")
        orphans = descendants(service.process.pid)
        assert len(orphans) >= 4
        kill(service.process.pid)
        until(lambda: not any(alive(pid) for pid in orphans), 15, "the end of all processes")
    finally:
        service.process.wait()
        service.process.stdout.close()


def test_ctrl_c_ends_everything_within_ten_seconds_and_the_search_waits(database, settings):
    search_id = start(database, 1000)
    service = Service(settings)
    try:
        assert f"{service.url}/#token={token_of(settings)}" in service.greeting()
        until(lambda: done(database, search_id) >= 1, 90, "the first trial")
        family = descendants(service.process.pid)
        begun = time.monotonic()
        service.process.send_signal(signal.SIGINT)
        assert service.process.wait(20) == 0
        assert time.monotonic() - begun < 10
        assert not any(alive(pid) for pid in family)
    finally:
        service.close()
    view = searches.view(database, search_id)
    assert (view.state, view.desired) == (SearchState.PENDING, "run")
    assert view.counts.running == 0
