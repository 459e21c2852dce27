"""The service as one command: what it refuses before anything starts, and what it keeps alive."""

from __future__ import annotations

import socket
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx
import pytest
from sqlalchemy import update

from nas.store import Desired
from service import models, searches, vitals
from service.auth import token_of
from service.cluster import RayCluster
from service.db import Database
from service.demo import NAME, demo_spec, ensure_demo
from service.errors import UserError
from service.jobs import MOST_CRASHES, Patience
from service.listening import address_of, listen
from service.processes import LockHeld, child_environment, file_lock, is_locked
from service.serve import serve
from service.settings import Settings
from service.states import ModelState, SearchState
from service.supervisor import Supervisor, run_supervisor
from service.tables import search
from tests.service.living import Service, alive, descendants, free_port, until
from tests.service.making import digits_spec, run, toy_spec

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def supervisor(database) -> Iterator[Supervisor]:
    made = Supervisor(database)
    yield made
    made.close()


def test_a_port_in_use_is_one_line_and_nothing_has_started(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=f"port {port} .* is in use") as caught:
            serve(Settings.load(home=tmp_path / "home", port=port))
    assert caught.value.field == "port"
    assert not (tmp_path / "home").exists()


def test_an_address_of_another_machine_is_one_line():
    with pytest.raises(UserError, match="cannot listen"):
        listen("203.0.113.7", free_port())


def test_a_newer_database_stops_the_start_with_one_line(settings):
    Database.open(settings).close()
    with sqlite3.connect(settings.database_path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(UserError, match="newer version"):
        serve(settings.model_copy(update={"port": free_port()}))


@pytest.mark.parametrize("module", ["service.api", "service.supervisor"])
def test_a_part_that_cannot_start_says_so_in_one_line(module, tmp_path):
    (tmp_path / "home").touch()
    environment = child_environment(NAS_HOME=str(tmp_path / "home"))
    ended = subprocess.run(
        [sys.executable, "-m", module], env=environment, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: ")
    assert ended.stderr.count("\n") == 1


def test_a_second_supervisor_of_the_same_home_is_refused(settings):
    with (
        file_lock(settings.folder("locks") / "supervisor.lock"),
        pytest.raises(UserError, match="another service runs"),
    ):
        run_supervisor(settings)


def test_the_address_is_one_that_a_browser_can_open(tmp_path):
    token = "a-secret-of-my-own-0123"
    for host, shown in [
        ("127.0.0.1", "http://127.0.0.1:8000/"),
        ("0.0.0.0", "http://127.0.0.1:8000/"),
        ("::1", "http://[::1]:8000/"),
    ]:
        assert address_of(Settings.load(host=host, token=token)) == shown
    assert address_of(Settings.load(root_path="/nas")) == "http://127.0.0.1:8000/nas/"


def test_a_lock_is_held_by_one_and_seen_by_all(tmp_path):
    path = tmp_path / "a.lock"
    assert not is_locked(path)
    with file_lock(path):
        assert is_locked(path)
        with pytest.raises(LockHeld), file_lock(path):
            pass
    assert not is_locked(path)


def test_secrets_do_not_reach_the_processes_that_run_trials(monkeypatch):
    monkeypatch.setenv("NAS_TOKEN", "a-secret-of-my-own-0123")
    assert "NAS_TOKEN" not in child_environment()
    assert "NAS_TOKEN" not in child_environment(NAS_TOKEN="x")


def test_the_demo_is_made_once(database):
    first = ensure_demo(database)
    assert ensure_demo(database) == first
    view = searches.view(database, first)
    assert (view.name, view.spec["data"]["source"]) == (NAME, "digits")
    assert view.spec["final"]["epochs"] > 0
    assert demo_spec().execution.executor == "ray"


def test_the_service_runs_a_search_that_is_posted_and_makes_the_model_that_is_asked_for(settings):
    service = Service(settings)
    try:
        greeting = service.greeting()
        assert greeting.strip().endswith(f"#token={token_of(settings)}")
        headers = {"Authorization": f"Bearer {token_of(settings)}"}
        with httpx.Client(base_url=service.url, headers=headers, timeout=60) as http:
            body = digits_spec(2, final_epochs=0).model_dump(mode="json")
            body["execution"]["executor"] = "local"
            search_id = http.post("/api/v1/searches", json=body).json()["id"]

            def view() -> dict:
                return http.get(f"/api/v1/searches/{search_id}").json()

            until(lambda: view()["state"] == "finished", 120, "the end of the search")
            health = http.get("/api/v1/health").json()
            assert health["supervisor"]["alive"]
            model = http.post(f"/api/v1/searches/{search_id}/models", json={"epochs": 1}).json()
            path = f"/api/v1/models/{model['id']}"
            until(lambda: http.get(path).json()["state"] in {"done", "failed"}, 120, "the model")
            made = http.get(path).json()
            assert made["state"] == "done", made["error"]
            assert http.get(made["files"][0]["url"]).status_code == 200
    finally:
        service.close()


def test_a_search_that_is_run_by_someone_else_is_left_alone(database, settings, supervisor):
    search_id = searches.create(database, toy_spec())
    with file_lock(settings.folder("locks") / f"search-{search_id}.lock"):
        supervisor.step()
        assert supervisor.runners == {}


def test_only_so_many_searches_run_at_a_time_and_wishes_do_not_wait(database, settings):
    ids = [searches.create(database, toy_spec(100, seconds=5)) for _ in range(3)]
    limited = Database(database.engine, settings.model_copy(update={"searches": 1}))
    supervisor = Supervisor(limited)
    try:
        supervisor.step()
        assert set(supervisor.runners) == {ids[0]}
        with database.write() as connection:
            connection.execute(
                update(search)
                .where(search.c.id == ids[2])
                .values(owner_epoch=1, state=SearchState.RUNNING, desired=Desired.STOP)
            )
        supervisor.step()
        assert set(supervisor.runners) == {ids[0], ids[2]}
        until(lambda: not supervisor.step() and ids[2] not in supervisor.runners, 60, "the stop")
        assert searches.view(database, ids[2]).state is SearchState.STOPPED
    finally:
        supervisor.close()


def test_a_runner_that_dies_again_and_again_fails_the_search(database, supervisor, monkeypatch):
    monkeypatch.setattr("service.jobs.FIRST_PAUSE_SECONDS", 0.01)
    spec = toy_spec(executor="ray")
    execution = spec.execution.model_copy(update={"ray_address": "127.0.0.1:1"})
    search_id = searches.create(database, spec.model_copy(update={"execution": execution}))

    def failed() -> bool:
        supervisor.step()
        return searches.view(database, search_id).state is SearchState.FAILED

    until(failed, 120, "the supervisor to give up")
    reason = searches.view(database, search_id).reason
    assert f"failed {MOST_CRASHES} times" in reason
    assert "127.0.0.1:1" in reason
    assert "logs" in reason


def test_patience_grows_with_crashes_and_comes_back_with_progress():
    patience = Patience()
    patience.note_crash(1)
    assert patience.ready
    for _ in range(MOST_CRASHES - 1):
        assert not patience.exhausted
        patience.note_crash(1)
        assert not patience.ready
    assert patience.exhausted
    patience.note_crash(2)
    assert patience.ready
    assert not patience.exhausted


def test_a_model_left_behind_by_a_dead_process_is_made_by_the_supervisor(database, supervisor):
    search_id = searches.create(database, digits_spec(1, final_epochs=0))
    run(database, search_id)
    model_id = models.request(database, search_id, epochs=1)
    models.begin(database, model_id)

    def ended() -> bool:
        supervisor.step()
        return models.view(database, model_id).state is ModelState.DONE

    until(ended, 120, "the model")


def test_the_supervisor_ends_its_children_when_it_is_closed(database, supervisor):
    searches.create(database, toy_spec(1000, executor="local", seconds=1))
    supervisor.step()
    (runner,) = supervisor.runners.values()
    until(lambda: descendants(runner.pid), 60, "workers")
    family = [runner.pid, *descendants(runner.pid)]
    supervisor.close()
    until(lambda: not any(alive(pid) for pid in family), 5, "the end of all")


@pytest.mark.ray
def test_a_cluster_is_started_when_needed_and_again_when_it_dies(monkeypatch, tmp_path):
    monkeypatch.setenv("NAS_HOME", str(tmp_path))
    cluster = RayCluster()
    try:
        cluster.step(needed=False)
        assert not cluster.running

        def address() -> str | None:
            cluster.step(needed=True)
            return cluster.address

        first = until(address, 180, "the cluster")
        assert ":" in str(first)
        cluster._head._process.kill()
        until(lambda: cluster.step(needed=True) or cluster.address != first, 30, "the news")
        second = until(address, 180, "the cluster again")
        assert second
        monkeypatch.setattr("service.cluster.IDLE_SECONDS", 0.0)
        until(lambda: cluster.step(needed=False) or not cluster.running, 30, "the end")
    finally:
        cluster.close()


def test_health_knows_runners_by_their_beats(database, settings):
    vitals.beat(database, vitals.RUNNER + "abc")
    vitals.beat(database, vitals.RAY, {"address": "127.0.0.1:1"})
    health = vitals.health(database, settings)
    assert [(one.search, one.alive) for one in health.runners] == [("abc", True)]
    assert health.ray.detail == {"address": "127.0.0.1:1"}
    vitals.silence(database, vitals.RAY)
    assert not vitals.health(database, settings).ray.alive
