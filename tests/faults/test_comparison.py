"""kill -9 in the middle of a comparison: it goes on, and nothing that is known is trained again."""

from __future__ import annotations

import os
import signal

import httpx
import pytest
from sqlalchemy import select

from service import comparisons, searches
from service.auth import token_of
from service.db import Database
from service.settings import Settings
from service.states import JOB_ACTIVE, JobState
from service.tables import comparison
from service.tables import comparison_training as training
from tests.service.living import Service, alive, until
from tests.service.making import digits_spec, run

WANTED = {"top": 1, "random": 1, "seeds": 2, "epochs": 15}


@pytest.fixture
def settings(tmp_path) -> Settings:
    return Settings.load(home=tmp_path / "home")


def results(database):
    with database.read() as connection:
        rows = connection.execute(select(training)).all()
    return {(row.network, row.seed): (row.created_at, row.metrics["accuracy"]) for row in rows}


def test_a_comparison_loses_at_most_a_training_when_its_process_is_killed(settings):
    with Database.open(settings) as database:
        search_id = searches.create(database, digits_spec(2, final_epochs=0))
        assert run(database, search_id) == 0
        service = Service(settings)
        try:
            assert service.url in service.greeting()
            headers = {"Authorization": f"Bearer {token_of(settings)}"}
            url = f"{service.url}/api/v1/searches/{search_id}/comparison"
            answer = httpx.post(url, json=WANTED, headers=headers, timeout=60)
            assert answer.status_code == 202, answer.text
            made = answer.json()["id"]
            until(lambda: results(database), 60, "a training")
            trainer = until(lambda: service.child("service.comparing"), 20, "the process")
            os.kill(trainer, signal.SIGKILL)
            until(lambda: not alive(trainer), 10, "its end")
            known = results(database)
            assert comparisons.of_id(database, made).state in JOB_ACTIVE, "too short"
            until(lambda: comparisons.of_id(database, made).state not in JOB_ACTIVE, 90, "all")
        finally:
            service.close()
        ended = comparisons.of_id(database, made)
        assert (ended.state, ended.done, ended.failed) == (JobState.DONE, 4, 0)
        assert all(one.p50_ms > 0 for one in ended.rows)
        after = results(database)
        assert len(after) == 4
        assert {pair: after[pair] for pair in known} == known
        with database.read() as connection:
            assert connection.execute(select(comparison.c.owner_epoch)).scalar_one() == 2
