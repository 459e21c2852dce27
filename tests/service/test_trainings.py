"""Models and finals take turns: one process at a time, the oldest first, given up after crashes."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select, update

from service import finals, models, searches
from service.jobs import MOST_CRASHES
from service.processes import file_lock
from service.states import JobState
from service.tables import search
from service.trainings import Trainings
from tests.service.living import alive, until
from tests.service.making import digits_spec, retrain, run

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def searched(database) -> str:
    search_id = searches.create(database, digits_spec(1, final_epochs=0))
    assert run(database, search_id) == 0
    return search_id


@pytest.fixture
def trainings(database) -> Iterator[Trainings]:
    made = Trainings(database)
    yield made
    kill(made)


def kill(trainings: Trainings) -> None:
    for job in trainings.jobs:
        job.kill_after(0.0)


def running(trainings: Trainings) -> tuple[str, str] | None:
    return trainings.job and (trainings.job[0].kind, trainings.job[0].id)


def test_models_and_finals_take_turns_in_the_order_in_which_they_were_asked_for(
    database, settings, searched, trainings
):
    round_id = finals.request(database, searched, top=1, seeds=1, epochs=1)
    model_id = models.request(database, searched, epochs=1)
    with file_lock(settings.folder("locks") / f"finals-{searched}.lock"):
        trainings.step()  # somebody trains the finals already
        assert running(trainings) == ("model", model_id)
        kill(trainings)
        trainings.step()
        assert running(trainings) == ("model", model_id)
    kill(trainings)
    trainings.step()
    assert running(trainings) == ("finals", round_id)
    (job,) = trainings.jobs
    trainings.step()
    assert trainings.jobs == [job]


def test_finals_that_a_user_stops_are_ended_at_once(database, searched, trainings):
    finals.request(database, searched, top=1, seeds=1, epochs=10_000)
    trainings.step()
    (job,) = trainings.jobs
    until(lambda: finals.view(database, searched).round.state is JobState.RUNNING, 60)
    finals.stop(database, searched)
    until(lambda: trainings.step() or not trainings.jobs, 20, "the end of the process")
    assert not alive(job.pid)
    assert finals.view(database, searched).round.state is JobState.STOPPED


def test_finals_whose_process_dies_again_and_again_have_failed(
    database, searched, trainings, monkeypatch
):
    monkeypatch.setattr("service.jobs.FIRST_PAUSE_SECONDS", 0.01)
    round_id = finals.request(database, searched, top=1, seeds=1, epochs=1)
    kills = 0

    def failed() -> bool:
        nonlocal kills
        trainings.step()
        for job in trainings.jobs:
            if job.code() is None:
                os.kill(job.pid, signal.SIGKILL)
                kills += 1
                job.kill_after(0.0)
        return finals.of_round(database, round_id).state is JobState.FAILED

    until(failed, 60, "the end of patience")
    assert kills == MOST_CRASHES
    assert f"logs/finals-{round_id}.log" in finals.of_round(database, round_id).error


def test_finals_without_their_images_fail_in_one_line(database, searched, tmp_path):
    with database.write() as connection:
        spec = connection.execute(select(search.c.spec)).scalar_one()
        spec["data"]["source"] = str(tmp_path / "gone.npz")
        connection.execute(update(search).values(spec=spec))
    ended = retrain(database, searched, top=1, seeds=1, epochs=1)
    assert ended.state is JobState.FAILED
    assert "gone.npz" in ended.error
    assert "\n" not in ended.error
