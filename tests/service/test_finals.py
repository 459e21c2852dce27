"""Finals of a real search: they are trained once, go on after an interruption, and are shown."""

from __future__ import annotations

import json

import pytest
import torch
from typer.testing import CliRunner

from nas.objective import Objective
from nas.spec import Part
from nas.trial import TrialStopped
from service import finals, searches
from service.cli import app
from service.errors import Conflict, UserError
from tests.service.making import digits_spec, finished, run


@pytest.fixture
def searched(database) -> str:
    torch.set_num_threads(1)
    search_id = searches.create(database, digits_spec(4, final_epochs=0))
    assert run(database, search_id) == 0
    return search_id


def counting(done):
    def report(trial, seed):
        done.append((trial, seed))
        return lambda *_: True

    return report


def test_finals_are_resumed_by_trial_and_seed_and_shown_everywhere(client, database, searched):
    begun = []

    def interrupt(trial, seed):
        begun.append((trial, seed))
        return lambda *_: len(begun) < 3

    with pytest.raises(TrialStopped):
        finals.run(database, searched, top=2, seeds=2, epochs=2, report=interrupt)
    half = finals.view(database, searched, top=2, epochs=2)
    assert [len(one.tests) for one in half.finalists] == [1, 1]  # every finalist once, then again
    again = []
    whole = finals.run(database, searched, top=2, seeds=2, epochs=2, report=counting(again))
    assert set(again) == {(one.trial, 1) for one in whole.finalists}
    assert [list(one.tests) for one in whole.finalists] == [[0, 1], [0, 1]]
    for before, after in zip(half.finalists, whole.finalists, strict=True):
        assert after.tests[0] == before.tests[0]
        assert 0 <= after.mean <= 1
        assert after.spread >= 0
    assert whole.lead_before >= 0
    assert finals.run(database, searched, top=2, seeds=2, epochs=2, report=counting([])) == whole

    url = f"/api/v1/searches/{searched}/finals?top=2&epochs=2"
    assert client.get(url).json() == json.loads(whole.model_dump_json())
    home = ["--home", str(database.settings.home)]
    arguments = ["finals", searched, "--top", "2", "--seeds", "2", "--epochs", "2"]
    printed = CliRunner().invoke(app, [*home, *arguments])
    assert printed.exit_code == 0, printed.output
    assert "its lead shrank by" in printed.stdout
    data = json.loads(CliRunner().invoke(app, [*home, *arguments, "--json"]).stdout)
    assert data == json.loads(whole.model_dump_json())


def test_the_finalists_are_different_architectures_by_reward(database):
    search_id = finished(database, 30)
    best = finals._best(database, search_id, 5)
    assert len({trial.key for trial in best}) == 5
    rewards = [trial.reward for trial in best]
    assert rewards == sorted(rewards, reverse=True)


def test_what_cannot_be_trained_is_refused_in_one_line(database):
    search_id = finished(database, 3)
    with pytest.raises(Conflict, match="no images"):
        finals.run(database, search_id)
    for wrong in ({"top": 0}, {"seeds": 0}):
        with pytest.raises(UserError, match=next(iter(wrong))):
            finals.run(database, search_id, **wrong)


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
    found = finals.run(database, search_id, top=2, seeds=1, epochs=1)
    assert [one.selection for one in found.finalists] == [None, None]
    assert all(0 <= one.mean <= 1 for one in found.finalists)
    assert found.lead_before is None
