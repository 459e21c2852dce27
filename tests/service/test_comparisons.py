"""Comparisons: what is trained and kept, what is refused, and the same numbers as the command."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest
import torch
from sqlalchemy import select
from typer.testing import CliRunner

from nas.events import EventKind
from nas.store import LostOwnership
from service import comparing, comparisons, eventlog, searches
from service.cli import app
from service.comparisons import COMPARISON, Fence
from service.contests import ComparisonRequest
from service.db import Database
from service.errors import Conflict, UserError
from service.settings import Settings
from service.states import JobState
from service.tables import comparison_training as training
from tests.service.making import digits_spec, finished, run, stopping

if TYPE_CHECKING:
    from pathlib import Path

    from service.contests import ComparisonView


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """Return a HOME with one finished search on images, to be copied."""
    torch.set_num_threads(1)
    settings = Settings.load(home=tmp_path_factory.mktemp("searched") / "home")
    with Database.open(settings) as database:
        assert run(database, searches.create(database, digits_spec(3, final_epochs=0))) == 0
    return settings.home


@pytest.fixture
def settings(tmp_path, home) -> Settings:
    return Settings.load(home=shutil.copytree(home, tmp_path / "home"))


@pytest.fixture
def searched(database) -> str:
    return searches.resolve(database, "last")


def compare(database: Database, search_id: str, **wanted: object) -> ComparisonView:
    """Ask for a comparison and train it in this process as the supervisor's does."""
    made = comparisons.request(database, search_id, ComparisonRequest(**wanted))
    with stopping() as stop:
        return comparing.train(database, made, stop)


def results(database: Database) -> dict[tuple[str, int], tuple[int, float]]:
    with database.read() as connection:
        return {
            (row.network, row.seed): (row.created_at, row.metrics["accuracy"])
            for row in connection.execute(select(training))
            if row.metrics
        }


def test_networks_are_trained_once_by_name_and_seed_and_as_the_command_trains_them(
    client, database, searched, tmp_path
):
    wanted = {"top": 2, "random": 1, "zoo": ["nasbench201_resnet"], "epochs": 1}
    first = compare(database, searched, seeds=1, **wanted)
    assert (first.state, first.done, first.total) == (JobState.DONE, 4, 4)
    before = results(database)
    ended = compare(database, searched, seeds=2, **wanted)
    assert (ended.state, ended.done, ended.failed, ended.total) == (JobState.DONE, 8, 0, 8)
    after = results(database)
    assert len(after) == 8
    assert {pair: after[pair] for pair in before} == before
    assert [one.kind for one in sorted(ended.rows, key=lambda one: one.name)] == [
        "zoo",
        "random",
        "searched",
        "searched",
    ]
    for one in ended.rows:
        assert list(one.tests) == [0, 1]
        assert one.mean == pytest.approx(sum(one.tests.values()) / 2)
        assert one.epochs == 1
        assert min(one.params, one.madds, one.p50_ms, one.p95_ms, one.train_seconds) > 0
    assert [one.mean for one in ended.rows] == sorted((r.mean for r in ended.rows), reverse=True)
    least = min(ended.rows, key=lambda one: one.params)
    assert {ended.rows[0].name, least.name} & set(ended.fronts["params"])
    url = f"/api/v1/searches/{searched}/comparison"
    assert client.get(url).json() == json.loads(ended.model_dump_json())

    command = ["--home", str(database.settings.home), "compare", searched, "--top", "2"]
    command += ["--zoo", "nasbench201_resnet", "--epochs", "1", "--seeds", "2", "--json"]
    printed = CliRunner().invoke(app, [*command, "--output", str(tmp_path / "out")])
    assert printed.exit_code == 0, printed.output
    rows = {row["name"]: row for row in json.loads(printed.stdout)["rows"]}
    for one in ended.rows:
        assert rows[one.name]["accuracies"] == list(one.tests.values())
        assert (rows[one.name]["params"], rows[one.name]["madds"]) == (one.params, one.madds)


def test_what_cannot_be_built_for_these_images_is_noted_and_the_others_go_on(database, searched):
    ended = compare(database, searched, random=0, zoo=["alexnet"], seeds=2, epochs=1)
    assert (ended.state, ended.done, ended.failed) == (JobState.DONE, 2, 2)
    good, bad = ended.rows
    assert good.kind == "searched"
    assert list(bad.failures) == [0, 1]
    assert bad.failures[0].startswith("invalid: ")
    assert (bad.mean, bad.params, bad.p50_ms) == (None, None, None)
    assert ended.fronts == {cost: [good.name] for cost in ("params", "madds", "p50_ms")}


def test_a_budget_of_seconds_is_measured_once_and_then_kept(database, searched):
    first = compare(database, searched, seeds=1, seconds=0.2)
    assert first.epochs is None
    epochs = {one.name: one.epochs for one in first.rows}
    assert min(epochs.values()) >= 1
    again = compare(database, searched, seeds=2, seconds=0.2)
    assert {one.name: one.epochs for one in again.rows} == epochs
    assert all(list(one.tests) == [0, 1] for one in again.rows)


def test_what_is_asked_for_by_the_api_waits_tells_of_itself_and_can_be_stopped(
    client, database, searched
):
    url = f"/api/v1/searches/{searched}/comparison"
    wanted = {"top": 1, "random": 1, "zoo": ["lenet5", "lenet5"], "seeds": 2, "epochs": 3}
    assert client.get(url).json() is None
    answer = client.post(url, json=wanted)
    assert answer.status_code == 202, answer.text
    found = client.get(url).json()
    assert found == answer.json()
    assert (found["state"], found["total"], found["epochs"]) == ("pending", 6, 3)
    assert client.post(url, json=wanted).json()["id"] == found["id"]  # the same is the same
    other = client.post(url, json=wanted | {"seeds": 3})
    assert other.status_code == 409
    assert "3 networks, 2 seeds, 3 epochs" in other.json()["detail"]
    assert client.post(f"{url}/stop").json()["state"] == "stopped"
    assert client.post(f"{url}/stop").status_code == 409
    with database.read() as connection:
        events = eventlog.after(connection, 0, searched)
    told = [e.payload for e in events if e.kind is EventKind.COMPARISON_STATE]
    assert [one["state"] for one in told] == ["pending", "stopped"]
    assert {one["comparison"] for one in told} == {found["id"]}


def test_a_repeat_with_the_same_key_is_the_same_comparison(client, searched):
    path, key = f"/api/v1/searches/{searched}/comparison", {"Idempotency-Key": "once"}
    wanted = {"top": 1, "random": 1, "epochs": 1, "seeds": 1}
    first = client.post(path, json=wanted, headers=key)
    assert first.status_code == 202, first.text
    client.post(f"{path}/stop")  # without the key it would be a new one
    again = client.post(path, json=wanted, headers=key)
    assert (again.json()["id"], again.json()["state"]) == (first.json()["id"], "stopped")
    other = client.post(path, json=wanted | {"seeds": 2}, headers=key)
    assert (other.status_code, other.json()["field"]) == (422, "Idempotency-Key")
    assert client.post(path, json=wanted).json()["id"] != first.json()["id"]


def test_a_process_that_was_overtaken_or_stopped_writes_no_more(database, searched):
    made = comparisons.request(database, searched, ComparisonRequest(seeds=1, epochs=1))
    old, new = (Fence(COMPARISON, database, made, COMPARISON.begin(database, made)) for _ in "ab")
    for late in (
        lambda: old.note("random 0", 0, 1, 1, {}),
        lambda: old.keep("random 0", 0, {"accuracy": 0.5}),
        lambda: old.end({}),
    ):
        with pytest.raises(LostOwnership, match="epoch 2"):
            late()
    new.note("random 0", 0, 1, 5, {"train_loss": 2.0})
    progress = comparisons.of_id(database, made).progress
    assert (progress.network, progress.step, progress.epochs) == ("random 0", 1, 5)
    comparisons.stop(database, searched)
    with pytest.raises(LostOwnership, match="stopped"):
        new.keep("random 0", 0, {"accuracy": 0.5})
    assert results(database) == {}


def test_what_cannot_be_compared_is_refused_in_one_line(client, database, searched):
    url = f"/api/v1/searches/{searched}/comparison"
    for wrong, field in (
        ({"zoo": ["resnet21"]}, "zoo"),
        ({"top": 1, "random": 0}, "zoo"),
        ({"epochs": 3, "seconds": 2.0}, "seconds"),
        ({"seeds": 0}, "seeds"),
    ):
        answer = client.post(url, json=wrong)
        assert (answer.status_code, answer.json()["field"]) == (422, field), answer.text
    with pytest.raises(UserError, match="at least two"):
        comparisons.request(database, searched, ComparisonRequest(top=0))
    with pytest.raises(Conflict, match="no images"):
        comparisons.request(database, finished(database, 2), ComparisonRequest())
    assert client.get("/api/v1/searches/none/comparison").status_code == 404
