"""What a search would take: measured once, scaled to the description, refused as a search is."""

from __future__ import annotations

import io
import json
import time

import pytest
from fastapi.testclient import TestClient
from PIL import Image
from typer.testing import CliRunner

from service import estimates
from service.app import create_app
from service.auth import token_of
from service.cli import app
from service.db import Database
from service.processes import file_lock
from service.settings import Settings
from service.tables import trial
from tests.service.making import digits_spec, finished, run, toy_spec

PATH = "/api/v1/estimate"


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Settings:
    return Settings.load(home=tmp_path_factory.mktemp("estimates") / "home")


@pytest.fixture(scope="module")
def asked(place):
    """A client of a service that has measured the small search."""
    with TestClient(create_app(place), base_url="http://localhost:8000") as client:
        client.headers["Authorization"] = f"Bearer {token_of(place)}"
        yield client


def body(**parts: object) -> dict[str, object]:
    return digits_spec(6).model_dump(mode="json") | parts


def ask(client: TestClient, **parts: object) -> dict[str, object]:
    answer = client.post(PATH, json=body(**parts))
    assert answer.status_code == 200, answer.text
    return answer.json()


RANGES = ("seconds_per_trial", "memory_bytes_per_trial", "disk_bytes_per_trial")
TOTALS = ("seconds", "memory_bytes", "disk_bytes")


def test_an_estimate_has_ranges_and_says_on_what_they_rest(asked):
    found = ask(asked)
    for name in (*RANGES, *TOTALS):
        assert 0 < found[name]["low"] <= found[name]["high"], name
    assert found["space_size"] == "4096"
    assert found["gpu_bytes_per_trial"] is None
    for part in ("a small and a large random architecture", "160 training and 40 selection images"):
        assert part in found["basis"]


def test_more_of_anything_is_scaled_from_the_same_measurement(asked):
    one = ask(asked, final={"epochs": 0})
    twice = ask(asked, final={"epochs": 0}, limits={"trials": 12})
    assert twice["measured_before"]
    assert twice["seconds_per_trial"] == one["seconds_per_trial"]
    for edge in ("low", "high"):
        assert twice["seconds"][edge] == pytest.approx(2 * one["seconds"][edge])
        assert twice["disk_bytes"][edge] == pytest.approx(2 * one["disk_bytes"][edge])
    final = ask(asked, final={"epochs": 50})
    assert final["seconds"]["low"] > one["seconds"]["low"]
    assert final["disk_bytes"]["low"] > one["disk_bytes"]["low"]
    short = ask(asked, final={"epochs": 0}, limits={"trials": 12, "hours": 1e-5})
    assert short["seconds"]["high"] == pytest.approx(0.036)


def test_without_measuring_the_answer_is_that_of_an_earlier_measurement(asked):
    measured = ask(asked, limits={"trials": 12})
    found = asked.post(PATH, json=body(limits={"trials": 12}), params={"measure": False})
    assert found.json() == measured | {"measured_before": True}


def test_without_measuring_nothing_is_trained_nor_waited_for(client, settings):
    with file_lock(settings.folder("locks") / "probe.lock"):
        answer = client.post(PATH, json=body(), params={"measure": False})
    assert answer.status_code == 200
    found = answer.json()
    assert found["basis"].startswith("not measured yet: ")
    assert found["space_size"] == "4096"
    assert not found["measured_before"]
    assert {found[name] for name in (*RANGES, *TOTALS)} == {None}
    assert list(settings.folder("estimates").iterdir()) == []
    wrong = client.post(PATH, json=body(limits={"trials": 0}), params={"measure": False})
    assert (wrong.status_code, wrong.json()["field"]) == (422, "limits.trials")


def test_without_measuring_an_answer_is_quick_enough_for_every_key_typed(client, tmp_path):
    picture = io.BytesIO()
    Image.new("L", (8, 8)).save(picture, "png")
    for number in range(4000):
        place = tmp_path / "photos" / f"class{number % 4}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number}.png").write_bytes(picture.getvalue())
    given = body(data={"source": str(tmp_path / "photos")})
    spent = []
    for _ in range(4):
        begin = time.process_time()
        assert client.post(PATH, json=given, params={"measure": False}).status_code == 200
        spent.append(time.process_time() - begin)
    assert min(spent[1:]) < 0.05, spent


def test_places_share_the_trials_but_not_more_than_there_are_cores(asked, monkeypatch):
    monkeypatch.setattr(estimates.os, "sched_getaffinity", lambda _: set(range(2)))
    one = ask(asked, final={"epochs": 0})
    four = ask(asked, final={"epochs": 0}, execution={"executor": "local", "workers": 4})
    assert four["seconds"]["low"] == pytest.approx(one["seconds"]["low"] / 2)
    assert four["memory_bytes"]["low"] == pytest.approx(2 * one["memory_bytes"]["low"])


def test_the_estimate_is_that_of_a_trial_as_it_really_runs(asked, place):
    from service import searches

    found = ask(asked)["seconds_per_trial"]
    with Database.open(place) as database:
        search_id = searches.create(database, digits_spec(2, final_epochs=0))
        assert run(database, search_id) == 0
        page = searches.trials(database, search_id)
    for one in page.items:  # other work on the machine can slow either down, a wrong unit is worse
        assert found["low"] / 20 < one.metrics["train_seconds"] < found["high"] * 20


def test_the_disk_is_that_of_a_search_as_it_is_kept(database):
    def size() -> int:
        with database.read() as connection:
            connection.execute(trial.select().limit(1))
            return connection.exec_driver_sql("select sum(pgsize) from dbstat").scalar_one()

    finished(database, 1)
    before = size()
    finished(database, 100)
    grown = (size() - before) / 100
    low = estimates.TRIAL_BYTES
    assert low / 2 < grown < 2 * estimates.SPREAD * low


def test_what_is_not_trained_is_not_measured_and_says_so(client):
    answer = client.post(PATH, json=toy_spec().model_dump(mode="json")).json()
    assert answer["seconds"] is None
    assert answer["basis"].startswith("nothing was measured: evaluator 'toy'")
    assert answer["space_size"] == "4096"


@pytest.mark.parametrize(
    "wrong",
    [
        {"limits": {"trials": 0}},
        {"space": "moon"},
        {"space": {"name": "toy", "options": {"legs": 4}}},
        {"data": {"source": "/nowhere/at/all"}},
        {"colour": "red"},
    ],
)
def test_a_wrong_description_is_refused_as_a_search_would_be(client, wrong):
    refusal = client.post(PATH, json=wrong)
    assert refusal.status_code == 422
    assert refusal.json() == client.post("/api/v1/searches", json=wrong).json()
    assert refusal.json()["field"]


def test_one_is_measured_at_a_time_and_the_next_is_told_to_come_again(client, settings):
    with file_lock(settings.folder("locks") / "probe.lock"):
        answer = client.post(PATH, json=body())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.json()["detail"].startswith("another estimate is being measured")


def test_a_probe_that_takes_too_long_is_ended_and_is_no_number(client, settings, monkeypatch):
    monkeypatch.setattr(estimates, "LIMIT_SECONDS", 0.05)
    found = client.post(PATH, json=body()).json()
    assert found["seconds"] is None
    assert found["basis"] == "nothing was measured: a few steps took more than 0.05 seconds"
    assert list(settings.folder("estimates").iterdir()) == []


def test_a_training_that_cannot_begin_says_why_and_is_not_kept(client, settings):
    options = {"recipe": {"device": "cuda:7"}, "scale": {"filters": 4}}
    found = client.post(PATH, json=body(evaluator={"name": "trained", "options": options})).json()
    assert found["seconds"] is None
    assert "device is 'cuda:7', but" in found["basis"]
    assert list(settings.folder("estimates").iterdir()) == []


def test_the_command_line_says_the_same(asked, place, tmp_path):
    ask(asked)
    file = tmp_path / "search.json"
    file.write_text(json.dumps(body()))
    given = ["--home", str(place.home), "estimate", "--spec", str(file), "--trials", "12"]
    done = CliRunner().invoke(app, [*given, "--json"])
    assert done.exit_code == 0, done.output
    same = ask(asked, limits={"trials": 12})
    assert json.loads(done.stdout)["seconds"] == same["seconds"]
    shown = CliRunner().invoke(app, given).stdout
    assert "4096 architectures" in shown
    assert "each trial" in shown
