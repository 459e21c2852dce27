"""Searches side by side: the steps of the best of each, and whether they measure the same."""

from __future__ import annotations

import random
import time

import pytest
from sqlalchemy import insert, select, update

from nas.objective import Objective
from nas.store import Desired
from service import searches
from service.compared import MOST_POINTS, compared
from service.tables import search, trial
from tests.service.making import digits_spec, fill, finished, toy_spec

PATH = "/api/v1/compare"


def asked(client, *ids: str):
    return client.get(PATH, params={"searches": ",".join(ids)})


def steps(database, search_id: str) -> dict[int, float]:
    """Return the best so far after each trial that has ended, the slow way."""
    found, best = {}, None
    for one in searches.trials(database, search_id, limit=500).items:
        if one.state == "done" and one.reward is not None and "excess" not in one.metrics:
            best = one.reward if best is None else max(best, one.reward)
        if best is not None and one.state in {"done", "failed", "stopped"}:
            found[one.number] = best
    return found


def read_off(course: dict[str, list], number: int) -> float:
    """Return what the steps of an answer say at a trial."""
    return [r for n, r in zip(course["number"], course["reward"], strict=True) if n <= number][-1]


def with_rewards(database, rewards, states=None) -> str:
    """Return a search of trials with these rewards; one that is None has broken a limit."""
    search_id = searches.create(database, toy_spec(len(rewards)))
    common = {"search_id": search_id, "decisions": [0] * 6, "key": "", "note": {}, "seed": 0}
    common |= {"attempt": 1, "told": True, "figures": {}, "created_at": 0}
    rows = [
        {
            **common,
            "number": number,
            "state": "done" if states is None else states[number],
            "reward": 9.0 if reward is None else reward,
            "metrics": {"excess": 1.0} if reward is None else {},
        }
        for number, reward in enumerate(rewards)
    ]
    with database.write() as connection:
        connection.execute(insert(trial), rows)
    return search_id


def test_searches_stand_side_by_side_in_the_order_asked_for(client, database):
    first, second = finished(database, 6, name="first"), finished(database, 4, name="second")
    view = asked(client, second, first).json()
    assert (view["same_measure"], view["differs"]) == (True, [])
    assert [one["search"] for one in view["items"]] == [second, first]
    for one in view["items"]:
        shown = client.get(f"/api/v1/searches/{one['search']}").json()
        for name in ("name", "state", "best", "seconds_running"):
            assert one[name] == shown[name], name
        assert one["trials"] == one["of"] == shown["counts"]["done"]
        truth = steps(database, one["search"])
        assert {number: read_off(one["course"], number) for number in truth} == truth
        assert one["course"]["number"][-1] == max(truth)


def test_the_steps_are_those_of_the_slow_way_with_ties_failures_and_broken_limits(database):
    rng = random.Random(5)
    states = [rng.choice(["done"] * 6 + ["failed", "stopped", "running"]) for _ in range(400)]
    rewards = [rng.choice([None, *range(40)]) for _ in range(400)]
    one, other = with_rewards(database, rewards, states), with_rewards(database, [1.0, 0.5, 1.0])
    items = compared(database, [one, other]).items
    for item in items:
        course, truth = item.course.model_dump(), steps(database, item.search)
        assert {number: read_off(course, number) for number in truth} == truth
        assert course["number"][-1] == max(truth)
    assert items[1].course.number == [0, 2]


def test_many_steps_are_thinned_and_the_first_and_the_last_stay(database):
    one = with_rewards(database, [float(n) for n in range(1000)] + [0.0])
    other = searches.create(database, toy_spec())
    items = compared(database, [one, other]).items
    course = items[0].course
    assert len(course.number) == MOST_POINTS
    assert course.number == sorted(set(course.number))
    assert (course.number[0], course.number[-2:]) == (0, [999, 1000])
    assert course.reward[-2:] == [999.0, 999.0]
    assert (items[1].course.number, items[1].best, items[1].trials) == ([], None, 0)


def test_searches_that_measure_something_else_say_what(client, database):
    plain = digits_spec()
    other = plain.model_copy(
        update={
            "objective": Objective(metric="accuracy", floor=0.1),
            "data": plain.data.model_copy(update={"train_images": 100}),
            "seed": 9,
        }
    )
    ids = [searches.create(database, spec) for spec in (plain, other, toy_spec())]
    for one in ids:
        searches.request(database, one, Desired.STOP)
    two = asked(client, *ids[:2]).json()
    assert not two["same_measure"]
    assert two["differs"] == ["data.train_images", "objective.floor", "seed"]
    three = asked(client, *ids).json()["differs"]
    assert {"data", "evaluator.name", "objective.floor"} <= set(three)
    assert "seed" not in three  # not all have images that a seed could divide


def test_the_seed_makes_a_difference_where_it_draws_the_images(client, database):
    for described, differs in ((digits_spec(), ["seed"]), (toy_spec(), [])):
        specs = [described.model_copy(update={"seed": seed}) for seed in (0, 1)]
        view = asked(client, *(searches.create(database, spec) for spec in specs)).json()
        assert (view["same_measure"], view["differs"]) == (not differs, differs)


def test_a_search_of_an_older_version_without_a_later_field_measures_the_same(client, database):
    ids = [searches.create(database, digits_spec()) for _ in range(2)]
    with database.write() as connection:
        spec = connection.execute(select(search.c.spec).where(search.c.id == ids[0])).scalar_one()
        del spec["data"]["selection_fraction"], spec["objective"]["floor"]
        connection.execute(update(search).where(search.c.id == ids[0]).values(spec=spec))
    assert asked(client, *ids).json()["differs"] == []


@pytest.mark.parametrize("count", [0, 1, 7])
def test_too_few_and_too_many_are_refused(client, database, count):
    ids = [searches.create(database, toy_spec()) for _ in range(count)]
    answer = asked(client, *ids)
    assert (answer.status_code, answer.json()["field"]) == (422, "searches")
    assert answer.json()["allowed"] == "2 to 6 different ids of searches, with commas"
    assert answer.json()["value"] == (ids or [""])


def test_the_same_twice_and_what_is_none_are_refused(client, database):
    one = searches.create(database, toy_spec())
    twice = asked(client, one, one)
    assert (twice.status_code, twice.json()["value"]) == (422, [one, one])
    unknown = asked(client, one, "nobody")
    assert unknown.status_code == 404
    assert (unknown.json()["field"], unknown.json()["value"]) == ("searches", "nobody")
    assert unknown.json()["allowed"]
    missing = client.get(PATH)
    assert (missing.status_code, missing.json()["field"]) == (422, "searches")


def test_very_many_trials_take_a_moment(database):
    ids = [searches.create(database, toy_spec(20_000)) for _ in range(2)]
    for one in ids:
        fill(database, one, 20_000)
    begin = time.process_time()
    view = compared(database, ids)
    assert time.process_time() - begin < 0.5
    assert view.items[0].course.number[-1] == 19_999
