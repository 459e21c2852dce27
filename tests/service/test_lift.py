"""A search with a random arm: who proposed what, the verdict in the API and on the command line."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from nas.spec import PrefilterSpec, SearchSpec
from nas.store import Desired
from service import searches
from service.cli import app
from service.course import course
from tests.service.making import digits_spec, finished, run, toy_spec


@pytest.fixture
def searched(database) -> str:
    return finished(database, 30, control_fraction=0.4)


def test_the_view_of_a_search_has_both_arms_and_a_verdict(client, searched):
    view = client.get(f"/api/v1/searches/{searched}").json()
    lift = view["lift"]
    assert view["spec"]["control_fraction"] == 0.4
    assert lift["verdict"] in {"better", "not shown to be better", "worse"}
    assert lift["low"] <= lift["difference"] <= lift["high"]
    assert lift["random"] == 12
    assert lift["searched"] == 13  # 17 different ones without the first quarter
    history = client.get(f"/api/v1/searches/{searched}/history").json()
    assert history["arm"].count("random") == 12
    page = client.get(f"/api/v1/searches/{searched}/trials").json()["items"]
    assert [one["arm"] for one in page] == history["arm"]


def test_random_against_random_is_not_shown_to_be_better(database, searched):
    assert searches.view(database, searched).lift.verdict == "not shown to be better"


def test_a_search_without_a_random_arm_has_no_lift(client, database):
    search_id = finished(database, 5)
    assert client.get(f"/api/v1/searches/{search_id}").json()["lift"] is None
    page = client.get(f"/api/v1/searches/{search_id}/trials").json()["items"]
    assert [one["arm"] for one in page] == [None] * 5


def test_the_command_line_says_the_verdict(database, searched):
    home = ["--home", str(database.settings.home)]
    shown = CliRunner().invoke(app, [*home, "show", searched])
    assert "against random: not shown to be better (mean " in shown.stdout
    data = json.loads(CliRunner().invoke(app, [*home, "show", searched, "--json"]).stdout)
    assert data["search"]["lift"]["level"] == 0.99


@pytest.mark.parametrize("wrong", [-0.1, 1.0, float("nan")])
def test_a_share_outside_its_limits_is_refused(wrong):
    with pytest.raises(ValueError, match="control_fraction"):
        SearchSpec(control_fraction=wrong)


def test_the_arms_are_the_same_after_a_restart(database):
    whole = finished(database, 20, control_fraction=0.5)
    search_id = searches.create(database, toy_spec(10, control_fraction=0.5))
    run(database, search_id)
    searches.change_limits(database, search_id, trials=20)
    searches.request(database, search_id, Desired.RUN)
    run(database, search_id)
    there, here = (searches.trials(database, s).items for s in (whole, search_id))
    assert [(t.arm, t.decisions) for t in there] == [(t.arm, t.decisions) for t in here]


def test_a_search_with_a_prefilter_and_a_random_arm_runs_and_shows_the_tau(database):
    spec = digits_spec(4, final_epochs=0).model_copy(
        update={"prefilter": PrefilterSpec(score="params"), "control_fraction": 0.25}
    )
    search_id = searches.create(database, spec)
    assert run(database, search_id) == 0
    items = searches.trials(database, search_id).items
    assert [one.arm for one in items] == ["search", "search", "search", "random"]
    history = course(database, search_id).history()
    assert "prefilter_dropped" in history.figures
