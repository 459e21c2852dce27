"""Filters of trials, as written by people, through the API."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import update

from nas.spec import Part
from service import searches
from service.tables import trial
from tests.service.making import fill, run, toy_spec

PLUGINS = Path(__file__).resolve().parents[1] / "browser" / "plugins"


@pytest.fixture
def path(database, monkeypatch):
    """The trials of a search with failures and a random arm."""
    monkeypatch.setenv("NAS_PLUGINS", str(PLUGINS))
    spec = toy_spec(40, control_fraction=0.3).model_copy(update={"evaluator": Part(name="moody")})
    search_id = searches.create(database, spec)
    assert run(database, search_id) == 0
    return f"/api/v1/searches/{search_id}/trials"


def listed(client, path, text, **query):
    answer = client.get(path, params={"filter": text, "limit": 200, **query})
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


def test_a_filter_keeps_what_its_clauses_say(client, path):
    everything = listed(client, path, "")
    for text, passes in (
        ("accuracy>0.6", lambda t: t["metrics"].get("accuracy", 0) > 0.6),
        ("accuracy>0.5 and params<6e3", lambda t: t["metrics"].get("accuracy", 0) > 0.5
            and t["metrics"]["params"] < 6000),
        ("state=failed", lambda t: t["state"] == "failed"),
        ("state!=failed AND number>=20", lambda t: t["state"] != "failed" and t["number"] >= 20),
        ("failure = diverged", lambda t: (t["failure"] or {}).get("kind") == "diverged"),
        ("arm=random && reward<=0.7", lambda t: t["arm"] == "random" and t["reward"] is not None
            and t["reward"] <= 0.7),
        ("seconds<3600", lambda t: t["seconds"] is not None),
        ("nobody>0", lambda _: False),
    ):  # fmt: skip
        wanted = [t["number"] for t in everything if passes(t)]
        assert [t["number"] for t in listed(client, path, text)] == wanted, text
        assert wanted or "nobody" in text
        assert len(wanted) < len(everything) or "seconds" in text


def test_a_filter_goes_with_an_order_and_pages(client, path):
    query = {"filter": "accuracy>0.5", "sort": "-reward", "limit": 3}
    first = client.get(path, params=query).json()
    second = client.get(path, params=query | {"after": first["next"]}).json()
    rewards = [t["reward"] for t in (*first["items"], *second["items"])]
    assert len(rewards) == 6
    assert rewards == sorted(rewards, reverse=True)
    assert min(rewards) > 0.5


def test_a_metric_of_any_name_can_be_asked_for(client, database):
    search_id = searches.create(database, toy_spec(9))
    fill(database, search_id, 9)
    names = ["val/acc", "top-5", 'the "best" and all', "Müh \\ sal", "$.x", "a && b = 3"]
    with database.write() as connection:
        for number in range(9):
            metrics = {name: number / 10 for name in names if number}
            place = (trial.c.search_id == search_id, trial.c.number == number)
            connection.execute(update(trial).where(*place).values(metrics=metrics))
    path = f"/api/v1/searches/{search_id}/trials"
    for name in names:
        quoted = '"' + name.replace('"', '""') + '"'
        for text, numbers in (
            (f"{quoted}>0.65", [7, 8]),
            (f" {quoted} <= 0.2 and {quoted}!=0.1 && state=done", [2]),
        ):
            assert [one["number"] for one in listed(client, path, text)] == numbers, text
        falling = [one["number"] for one in listed(client, path, f"{quoted}<0.3", sort=f"-{name}")]
        assert falling == [2, 1]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("accuracy", "is no clause"),
        ("accuracy>", "is no clause"),
        ("accuracy > high", "allowed are numbers"),
        ("accuracy > nan", "allowed are numbers"),
        ("state=finished", "pending, running, done, failed, stopped"),
        ("state>done", "allowed are = and !="),
        ("accuracy>0.5 or params<3", "is no clause"),
        ("a=1; drop table trial", "is no clause"),
        ("val/acc>0.9", 'in "quotation marks"'),
        ('"val/acc>0.9', "is no clause"),
        ('"">0.9', "is no clause"),
        ('"state"=finished', "pending, running, done, failed, stopped"),
        (" and ".join(["number>1"] * 21), "21 clauses"),
    ],
)
def test_what_is_no_filter_is_said_in_words(client, database, text, said):
    path = f"/api/v1/searches/{searches.create(database, toy_spec(1))}/trials"
    answer = client.get(path, params={"filter": text})
    assert (answer.status_code, answer.json()["field"]) == (422, "filter")
    assert said in answer.json()["detail"]
