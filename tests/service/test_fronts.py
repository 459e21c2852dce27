"""Limits and fronts of a whole search, through the API."""

from __future__ import annotations

import random
import time

import pytest
from sqlalchemy import insert

from nas.objective import Limit, Objective
from nas.spec import Part
from service import searches
from service.errors import UserError
from service.fronts import pareto
from service.tables import trial
from tests.service.making import fill, run, toy_spec

ROWS = [
    ("a", 0.90, 9.0),
    ("b", 0.80, 4.0),
    ("c", 0.70, 5.0),  # beaten by b in both
    ("d", 0.60, 1.0),
]


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "table.csv"
    lines = [f"{op},{accuracy},{cost}" for op, accuracy, cost in ROWS]
    path.write_text("\n".join(["choice:op,accuracy,params", *lines]) + "\n")
    return str(path)


def searched(database, table, objective):
    """Search the table until all four rows are found; return the search's id."""
    spec = toy_spec(20).model_copy(
        update={
            "space": Part(name="table", options={"path": table}),
            "evaluator": Part(name="tabular", options={"column": "accuracy"}),
            "objective": objective,
        }
    )
    search_id = searches.create(database, spec)
    assert run(database, search_id) == 0
    return search_id


def test_the_front_of_a_search_has_what_nothing_beats(client, database, table):
    search_id = searched(database, table, Objective(pareto=("-params",)))
    found = client.get(f"/api/v1/searches/{search_id}/pareto").json()
    values = {(p["values"]["accuracy"], p["values"]["params"]) for p in found["front"]}
    assert values == {(0.9, 9.0), (0.8, 4.0), (0.6, 1.0)}
    assert found["objectives"] == ["accuracy", "-params"]
    assert found["reference"] == {"accuracy": 0.6, "params": 9.0}
    assert found["hypervolume"] == pytest.approx(0.2 * 5)  # b alone is inside the reference
    assert found["measured"] == 20


def test_objectives_may_be_asked_for_by_name(client, database, table):
    search_id = searched(database, table, Objective())
    plain = client.get(f"/api/v1/searches/{search_id}/pareto").json()
    assert {p["values"]["accuracy"] for p in plain["front"]} == {0.9}
    url = f"/api/v1/searches/{search_id}/pareto?objectives=-params"
    assert {p["values"]["params"] for p in client.get(url).json()["front"]} == {1.0}
    for wrong in ("accuracy,accuracy", "accuracy,-accuracy", "a,,b", "a,b,c,d,e,f"):
        answer = client.get(f"/api/v1/searches/{search_id}/pareto", params={"objectives": wrong})
        assert answer.status_code == 422, wrong
        assert "objectives" in answer.text


def test_a_metric_that_nobody_measured_gives_an_empty_front(client, database, table):
    search_id = searched(database, table, Objective())
    found = client.get(f"/api/v1/searches/{search_id}/pareto?objectives=nothing").json()
    assert (found["front"], found["hypervolume"], found["measured"]) == ([], 0.0, 0)


def test_the_reference_may_be_given_in_the_units_of_the_metrics(database, table):
    search_id = searched(database, table, Objective(pareto=("-params",)))
    found = pareto(database, search_id, reference=(0.0, 10.0))
    assert found.hypervolume == pytest.approx(0.9 * 1 + 0.8 * 5 + 0.6 * 3)
    with pytest.raises(UserError, match="reference"):
        pareto(database, search_id, reference=(0.0,))


METRICS = ("accuracy", "loss", "params", 'a "quoted" one', "größe")


def measured_at_random(database, count):
    """Return a search and the metrics of its trials: with ties, and with holes."""
    rng = random.Random(count)
    search_id = searches.create(database, toy_spec(count))

    def metrics():
        found = {name: rng.choice([0, 1, 2.5, -1.25]) for name in METRICS if rng.random() < 0.9}
        return found | ({"excess": rng.choice([0.0, 0.5])} if rng.random() < 0.2 else {})

    states = [rng.choice(["done"] * 9 + ["failed", "running"]) for _ in range(count)]
    made = [metrics() for _ in range(count)]
    common = {"search_id": search_id, "decisions": [], "key": "", "note": {}, "seed": 0}
    common |= {"attempt": 1, "told": True, "figures": {}, "created_at": 0}
    rows = [
        {**common, "number": number, "state": state, "metrics": found}
        for number, (state, found) in enumerate(zip(states, made, strict=True))
    ]
    with database.write() as connection:
        connection.execute(insert(trial), rows)
    done = {n: one for n, one in enumerate(made) if states[n] == "done" and not one.get("excess")}
    return search_id, done


@pytest.mark.parametrize(
    "names",
    [
        ("accuracy",),
        ("accuracy", "-params"),
        ("-loss", "accuracy", "-params"),
        ('a "quoted" one', "-größe"),
        METRICS,
    ],
)
def test_the_front_is_that_of_the_slow_way_with_ties_and_missing_metrics(database, names):
    search_id, done = measured_at_random(database, 300)
    points = {
        number: tuple(-one[name[1:]] if name[0] == "-" else one[name] for name in names)
        for number, one in done.items()
        if all(name.removeprefix("-") in one for name in names)
    }
    wanted = [
        number
        for number, point in points.items()
        if not any(
            other != point and all(a >= b for a, b in zip(other, point, strict=True))
            for other in points.values()
        )
    ]
    found = pareto(database, search_id, names)
    assert [one.number for one in found.front] == wanted
    assert found.measured == len(points) < len(done)
    for one in found.front:
        assert one.values == {
            name.removeprefix("-"): done[one.number][name.removeprefix("-")] for name in names
        }
    worst = [min(point[place] for point in points.values()) for place in range(len(names))]
    signs = [-1 if name[0] == "-" else 1 for name in names]
    assert list(found.reference.values()) == [s * w for s, w in zip(signs, worst, strict=True)]


def test_the_front_of_very_many_trials_takes_a_moment(database):
    search_id = searches.create(database, toy_spec(20_000))
    fill(database, search_id, 20_000)
    begin = time.process_time()
    found = pareto(database, search_id, ("accuracy", "-params"))
    assert time.process_time() - begin < 0.4  # the way through all that is known of a trial: 0.9
    assert found.measured == 20_000


def test_what_breaks_a_limit_is_never_the_best(client, database, table):
    limit = Objective(limits=(Limit(metric="params", at_most=4.5),))
    search_id = searched(database, table, limit)
    view = searches.view(database, search_id)
    assert view.best.metrics["accuracy"] == 0.8
    items = client.get(f"/api/v1/searches/{search_id}/trials").json()["items"]
    broken = {t["metrics"]["params"]: t for t in items if t["metrics"].get("excess")}
    assert set(broken) == {9.0, 5.0}
    assert broken[9.0]["metrics"]["excess"] == pytest.approx(1.0)
    assert broken[9.0]["reward"] < broken[5.0]["reward"] < 0
    front = client.get(f"/api/v1/searches/{search_id}/pareto").json()["front"]
    assert {p["values"]["accuracy"] for p in front} == {0.8}


def test_a_search_that_finds_nothing_within_its_limits_has_no_best(database, table):
    limit = Objective(limits=(Limit(metric="params", at_most=0.5),))
    assert searches.view(database, searched(database, table, limit)).best is None
