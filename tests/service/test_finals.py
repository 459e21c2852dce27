"""Finals of a real search: a job that trains each once, notes what fails, and can be stopped."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest
import torch
from sqlalchemy import select, update
from typer.testing import CliRunner

from nas.events import EventKind
from nas.objective import Objective
from nas.spec import Part
from nas.store import LostOwnership
from service import eventlog, finals, rounds, searches
from service.cli import app
from service.db import Database
from service.errors import Conflict, UserError
from service.settings import Settings
from service.states import JobState
from service.tables import final, search, trial
from tests.service.making import digits_spec, finished, retrain, run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """Return a HOME with one finished search on images, to be copied."""
    torch.set_num_threads(1)
    settings = Settings.load(home=tmp_path_factory.mktemp("searched") / "home")
    with Database.open(settings) as database:
        assert run(database, searches.create(database, digits_spec(4, final_epochs=0))) == 0
    return settings.home


@pytest.fixture
def settings(tmp_path, home) -> Settings:
    return Settings.load(home=shutil.copytree(home, tmp_path / "home"))


@pytest.fixture
def searched(database) -> str:
    return searches.resolve(database, "last")


def rows(database):
    with database.read() as connection:
        return {(row.trial, row.seed): row for row in connection.execute(select(final))}


def test_finals_are_trained_once_by_trial_and_seed_and_shown_everywhere(client, database, searched):
    assert retrain(database, searched, top=2, seeds=1, epochs=2).state is JobState.DONE
    half, before = finals.view(database, searched, top=2, epochs=2), rows(database)
    assert [list(one.tests) for one in half.finalists] == [[0], [0]]
    more = retrain(database, searched, top=2, seeds=2, epochs=2)
    assert (more.state, more.done, more.failed, more.total) == (JobState.DONE, 4, 0, 4)
    after = rows(database)
    assert {pair: after[pair] for pair in before} == before
    whole = finals.view(database, searched, top=2, epochs=2)
    assert [list(one.tests) for one in whole.finalists] == [[0, 1], [0, 1]]
    for one in whole.finalists:
        assert 0 <= one.mean <= 1
        assert one.spread >= 0
    assert whole.lead_before >= 0
    assert whole.trained == [2]
    # Nothing is missing: the round has ended as soon as it is asked for.
    assert finals.request(database, searched, top=2, seeds=2, epochs=2) != more.id
    whole = finals.view(database, searched, top=2, epochs=2)
    assert whole.round.state is JobState.DONE
    assert whole.round.started_at is None

    url = f"/api/v1/searches/{searched}/finals?top=2&epochs=2"
    assert client.get(url).json() == json.loads(whole.model_dump_json())
    printed = nas(database, "finals", searched, "--top", "2", "--seeds", "2", "--epochs", "2")
    assert printed.exit_code == 0, printed.output
    assert "its lead shrank by" in printed.stdout


def nas(database, *arguments):
    return CliRunner().invoke(app, ["--home", str(database.settings.home), *arguments])


def test_the_command_trains_them_itself_where_no_service_runs(database, searched):
    words = ["finals", searched, "--top", "1", "--seeds", "2", "--epochs", "1", "--json"]
    printed = nas(database, *words)
    assert printed.exit_code == 0, printed.output
    found = json.loads(printed.stdout)
    assert found == json.loads(finals.view(database, searched, top=1, epochs=1).model_dump_json())
    assert [list(one["tests"]) for one in found["finalists"]] == [["0", "1"]]
    assert found["round"]["state"] == "done"
    assert found["round"]["started_at"]
    refused = nas(database, "finals", searched, "--stop")
    assert refused.exit_code == 2
    assert "no finals of search" in refused.stderr


def test_what_is_asked_for_by_the_api_waits_tells_of_itself_and_can_be_stopped(
    client, database, searched
):
    url, key = f"/api/v1/searches/{searched}/finals", {"Idempotency-Key": "once"}
    wanted = {"top": 2, "seeds": 2, "epochs": 3}
    assert client.get(url).json()["round"] is None
    answer = client.post(url, json=wanted, headers=key)
    assert answer.status_code == 202
    assert answer.headers["Location"] == f"{url}?top=2&epochs=3"
    found = client.get(answer.headers["Location"]).json()
    assert found == answer.json()
    state = {name: found["round"][name] for name in ("state", "total", "done", "epochs")}
    assert state == {"state": "pending", "total": 4, "done": 0, "epochs": 3}
    # The same again is the same, by its key or by what is asked for.
    for headers in (key, {}):
        assert client.post(url, json=wanted, headers=headers).json()["round"] == found["round"]
    assert client.post(url, json=wanted | {"top": 1}, headers=key).status_code == 422
    other = client.post(url, json=wanted | {"seeds": 3})
    assert other.status_code == 409
    assert "the best 2, 2 seeds, 3 epochs" in other.json()["detail"]
    assert client.post(f"{url}/stop").status_code == 202
    assert client.get(url).json()["round"]["state"] == "stopped"
    assert client.post(f"{url}/stop").status_code == 409
    assert client.post(url, json=wanted, headers=key).json()["round"]["state"] == "stopped"
    with database.read() as connection:
        events = eventlog.after(connection, 0, searched)
    told = [e.payload for e in events if e.kind is EventKind.FINALS_STATE]
    assert [one["state"] for one in told] == ["pending", "stopped"]
    assert {one["finals"] for one in told} == {found["round"]["id"]}


def test_a_process_that_was_overtaken_or_stopped_writes_no_more(database, searched):
    round_id = finals.request(database, searched, top=1, seeds=2, epochs=2)
    old, new = rounds.begin(database, round_id), rounds.begin(database, round_id)
    number = finals.of_round(database, round_id).trials[0]
    for late in (
        lambda: old.note(number, 0, 1, {}),
        lambda: old.keep(number, 0, {"test_accuracy": 0.5}),
        old.end,
    ):
        with pytest.raises(LostOwnership, match="epoch 2"):
            late()
    assert rows(database) == {}
    new.note(number, 0, 1, {"train_loss": 2.0})
    progress = finals.of_round(database, round_id).progress
    assert (progress.seed, progress.step, progress.metrics) == (0, 1, {"train_loss": 2.0})
    finals.stop(database, searched)
    with pytest.raises(LostOwnership, match="stopped"):
        new.keep(number, 0, {"test_accuracy": 0.5})
    assert rows(database) == {}
    assert rounds.begin(database, round_id) is None


def test_a_training_that_fails_is_noted_and_does_not_stop_the_others(database, searched):
    ranked = [one.trial for one in finals.view(database, searched, top=2).finalists]
    with database.write() as connection:  # a point that the space does not have
        connection.execute(update(trial).where(trial.c.number == ranked[0]).values(decisions=[99]))
    ended = retrain(database, searched, top=2, seeds=2, epochs=1)
    assert (ended.state, ended.done, ended.failed) == (JobState.DONE, 2, 2)
    found = finals.view(database, searched, top=2, epochs=1)
    assert [list(one.tests) for one in found.finalists] == [[], [0, 1]]
    assert list(found.finalists[0].failures) == [0, 1]
    assert all(why.startswith("invalid: ") for why in found.finalists[0].failures.values())
    assert found.lead_before is None
    # Asked for again: a failure that another time may not have is tried again.
    again = finals.request(database, searched, top=2, seeds=2, epochs=1)
    with database.read() as connection:
        assert rounds.missing(connection, again) == [(ranked[0], 0), (ranked[0], 1)]


def test_finals_that_all_fail_have_failed_and_say_why_and_divergence_is_not_repeated(
    database, searched
):
    with database.write() as connection:
        spec = connection.execute(select(search.c.spec)).scalar_one()
        # Each step makes the weights nine times larger.
        wild = {"learning_rate": 10, "weight_decay": 1, "grad_clip": 0, "batch_size": 8}
        spec["evaluator"]["options"]["recipe"] |= wild
        connection.execute(update(search).values(spec=spec))
    wanted = {"top": 1, "seeds": 2, "epochs": 3}
    ended = retrain(database, searched, **wanted)
    assert ended.state is JobState.FAILED
    assert ended.error.startswith("all 2 trainings failed, the first: diverged: ")
    printed = nas(database, "finals", searched, "--top", "1", "--seeds", "2", "--epochs", "3")
    assert printed.exit_code == 1
    assert "the first: diverged: " in printed.stderr
    assert finals.view(database, searched).round.started_at is None  # nothing was left to train
    assert len(rows(database)) == 2


def test_the_finalists_are_different_architectures_by_reward(database):
    search_id = finished(database, 30)
    with database.read() as connection:
        best = finals.best(connection, search_id, 5)
    assert len({one.key for one in best}) == 5
    rewards = [one.reward for one in best]
    assert rewards == sorted(rewards, reverse=True)


def test_what_cannot_be_trained_is_refused_in_one_line(client, database):
    search_id = finished(database, 3)
    with pytest.raises(Conflict, match="no images"):
        finals.request(database, search_id)
    for wrong in ({"top": 0}, {"seeds": 0}, {"epochs": 10_001}):
        with pytest.raises(UserError, match=next(iter(wrong))):
            finals.request(database, search_id, **wrong)
        answer = client.post(f"/api/v1/searches/{search_id}/finals", json=wrong)
        assert (answer.status_code, answer.json()["field"]) == (422, next(iter(wrong)))


def test_finals_of_a_search_that_measured_no_accuracy_show_no_lead(database):
    torch.set_num_threads(1)
    spec = digits_spec(4, final_epochs=0).model_copy(
        update={
            "evaluator": Part(name="zero_cost", options={"batch": 8, "scale": {"filters": 4}}),
            "objective": Objective(metric="params"),
        }
    )
    search_id = searches.create(database, spec)
    assert run(database, search_id) == 0
    assert retrain(database, search_id, top=2, seeds=1, epochs=1).done == 2
    found = finals.view(database, search_id, top=2, epochs=1)
    assert [one.selection for one in found.finalists] == [None, None]
    assert all(0 <= one.mean <= 1 for one in found.finalists)
    assert found.lead_before is None
