"""kill -9 in the middle of finals: they go on, and nothing that is known is trained again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from service import finals, searches
from service.auth import token_of
from service.db import Database
from service.settings import Settings
from service.states import JOB_ACTIVE, JobState
from service.tables import final, final_round
from tests.service.living import Service, alive, descendants, until
from tests.service.making import digits_spec, retrain, run

WANTED = {"top": 2, "seeds": 2, "epochs": 15}


@pytest.fixture
def settings(tmp_path) -> Settings:
    return Settings.load(home=tmp_path / "home")


def results(database):
    with database.read() as connection:
        rows = connection.execute(select(final).order_by(final.c.created_at)).all()
    return {(row.trial, row.seed): (row.created_at, row.metrics["test_accuracy"]) for row in rows}


def test_finals_go_on_after_their_process_and_the_whole_service_were_killed(settings):
    with Database.open(settings) as database:
        search_id = searches.create(database, digits_spec(3, final_epochs=0))
        assert run(database, search_id) == 0
        service = Service(settings)
        try:
            assert service.url in service.greeting()
            headers = {"Authorization": f"Bearer {token_of(settings)}"}
            url = f"{service.url}/api/v1/searches/{search_id}/finals"
            answer = httpx.post(url, json=WANTED, headers=headers, timeout=60)
            assert answer.status_code == 202, answer.text
            round_id = answer.json()["round"]["id"]
            known = {}
            for whole in (False, True):
                before = len(known)
                until(lambda before=before: len(results(database)) > before, 60, "another training")
                trainer = until(lambda: service.child("service.retraining"), 20, "the process")
                victims = [trainer, service.process.pid] if whole else [trainer]
                for victim in victims:
                    os.kill(victim, signal.SIGKILL)
                until(lambda trainer=trainer: not alive(trainer), 10, "its end")
                known |= results(database)
                assert finals.of_round(database, round_id).state in JOB_ACTIVE, "too short"
            service.process.wait()
            service.process.stdout.close()
            service.start()
            until(lambda: finals.of_round(database, round_id).state not in JOB_ACTIVE, 90, "all")
        finally:
            service.close()
        ended = finals.of_round(database, round_id)
        assert (ended.state, ended.done, ended.failed) == (JobState.DONE, 4, 0)
        after = results(database)
        assert {pair: after[pair] for pair in known} == known
        with database.read() as connection:
            assert connection.execute(select(final_round.c.owner_epoch)).scalar_one() == 3
    # Where nothing is killed the same numbers come out.
    with Database.open(Settings.load(home=settings.home.with_name("unkilled"))) as other:
        other_id = searches.create(other, digits_spec(3, final_epochs=0))
        assert run(other, other_id) == 0
        assert retrain(other, other_id, **WANTED).state is JobState.DONE
        assert {pair: value for pair, (_, value) in results(other).items()} == {
            pair: value for pair, (_, value) in after.items()
        }


def test_ctrl_c_of_the_command_stops_the_finals_and_the_same_command_goes_on(settings):
    with Database.open(settings) as database:
        search_id = searches.create(database, digits_spec(1, final_epochs=0))
        assert run(database, search_id) == 0
        nas = str(Path(sys.executable).with_name("nas"))
        words = [nas, "--home", str(settings.home), "finals", search_id]
        words += ["--top", "1", "--seeds", "2", "--epochs", "60"]
        command = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
        until(lambda: results(database), 90, "the first training")
        known, (trainer,) = results(database), descendants(command.pid)
        command.send_signal(signal.SIGINT)
        assert "the same command goes on" in command.communicate(timeout=60)[1]
        assert command.returncode == 130
        assert not alive(trainer)
        stopped = finals.view(database, search_id).round
        assert stopped.state == JobState.STOPPED
        assert stopped.done == 1
        assert subprocess.run(words, capture_output=True, check=False).returncode == 0
        after = results(database)
        assert len(after) == 2
        assert after.items() >= known.items()
