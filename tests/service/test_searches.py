"""Searches and trials as the API and the command line use them."""

from __future__ import annotations

import math

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from PIL import Image
from sqlalchemy import insert, update

from nas.data import DataSpec
from nas.execution.local import Local
from nas.spec import Part
from nas.store import Desired, Draft, Told
from nas.trial import Failure, FailureKind, Outcome, Proposal, State
from service import cursors, eventlog, models, searches
from service.clock import now
from service.course import course
from service.errors import Conflict, NotFound, UserError
from service.idempotency import Key
from service.states import SearchState
from service.store import SqlStore
from service.tables import search, trial
from tests.service.making import digits_spec, finished, run, toy_spec


def wish_state(database, search_id):
    view = searches.view(database, search_id)
    return view.desired, view.state


def test_a_search_is_kept_with_all_options_filled_in(database):
    search_id = searches.create(database, toy_spec())
    view = searches.view(database, search_id)
    assert view.spec["evaluator"] == {"name": "toy", "options": {"seconds": 0.0}}
    assert view.spec["data"] is None
    assert (view.state, view.desired) == (SearchState.PENDING, Desired.RUN)
    assert (view.limits.trials, view.counts.total, view.best, view.seq) == (5, 0, None, 1)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"space": Part(name="nope")}, "space.name"),
        ({"controller": Part(name="nope")}, "controller.name"),
        ({"evaluator": Part(name="nope")}, "evaluator.name"),
        ({"evaluator": Part(name="toy", options={"second": 1})}, "evaluator.options.second"),
        ({"evaluator": Part(name="toy", options={"seconds": -1})}, "evaluator.options.seconds"),
        ({"space": Part(name="nasnet", options={"blocks": 99})}, "space.options.blocks"),
        ({"space": Part(name="nasnet")}, "evaluator.name"),
    ],
)
def test_a_wrong_spec_is_refused_with_the_field_and_nothing_is_kept(database, change, field):
    with pytest.raises(UserError) as caught:
        searches.create(database, toy_spec().model_copy(update=change))
    assert caught.value.field == field
    assert "\n" not in str(caught.value)
    assert searches.list(database).items == []


@pytest.mark.parametrize("source", ["/nowhere/at/all", "no-such-name"])
def test_images_that_are_not_there_are_noticed_before_the_search_is_kept(database, source):
    spec = digits_spec().model_copy(update={"data": DataSpec(source=source)})
    with pytest.raises(UserError) as caught:
        searches.create(database, spec)
    assert caught.value.field.startswith("data.")
    assert searches.list(database).items == []


def test_the_same_key_gives_the_same_search(database):
    first = searches.create(database, toy_spec(), Key("key"))
    assert searches.create(database, toy_spec(), Key("key")) == first
    assert searches.create(database, toy_spec(), Key("other")) != first
    assert searches.create(database, toy_spec()) != first


def test_a_key_used_for_another_search_is_refused(database):
    searches.create(database, toy_spec(), Key("key"))
    with pytest.raises(UserError, match="another request") as caught:
        searches.create(database, toy_spec(seed=1), Key("key"))
    assert caught.value.field == "Idempotency-Key"


def test_a_repeat_is_known_though_its_images_are_gone(database, tmp_path):
    place = tmp_path / "photos"
    for number in range(24):
        shade = place / f"shade{number % 2}"
        shade.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8), number).save(shade / f"{number}.png")
    spec = digits_spec().model_copy(update={"data": DataSpec(source=str(place))})
    first = searches.create(database, spec, Key("key"))
    place.rename(tmp_path / "moved")
    assert searches.create(database, spec, Key("key")) == first
    with pytest.raises(UserError):
        searches.create(database, spec)


def test_a_repeat_whose_search_was_thrown_away_says_so(client, database):
    body, key = toy_spec().model_dump(mode="json"), {"Idempotency-Key": "key"}
    made = client.post("/api/v1/searches", json=body, headers=key).json()["id"]
    client.post(f"/api/v1/searches/{made}/stop")
    client.delete(f"/api/v1/searches/{made}")
    again = client.post("/api/v1/searches", json=body, headers=key)
    assert (again.status_code, again.json()["field"]) == (409, "Idempotency-Key")
    client.post(f"/api/v1/searches/{made}/restore")
    assert client.post("/api/v1/searches", json=body, headers=key).json()["id"] == made


@pytest.mark.parametrize("key", ["", "x" * 201, "a\nb"])
def test_a_strange_key_is_refused(database, key):
    with pytest.raises(UserError, match="Idempotency-Key"):
        searches.create(database, toy_spec(), Key(key))


def test_a_key_is_forgotten_after_a_day(database, monkeypatch):
    first = searches.create(database, toy_spec(), Key("key"))
    later = now() + 25 * 3600 * 1_000_000
    monkeypatch.setattr("service.idempotency.now", lambda: later)
    searches.remove_expired(database)
    assert searches.create(database, toy_spec(), Key("key")) != first


def test_a_search_is_found_by_id_by_name_and_as_the_last(database):
    first = searches.create(database, toy_spec(name="one"))
    second = searches.create(database, toy_spec(name="two"))
    third = searches.create(database, toy_spec(name="one"))
    assert searches.resolve(database, second) == second
    assert searches.resolve(database, "two") == second
    assert searches.resolve(database, "one") == third
    assert searches.resolve(database, "last") == third
    assert searches.resolve(database, first) == first
    with pytest.raises(NotFound, match="'three'"):
        searches.resolve(database, "three")


def test_there_is_no_last_search_in_an_empty_database(database):
    with pytest.raises(NotFound):
        searches.resolve(database, "last")


def test_a_finished_search_tells_its_counts_and_its_best(database):
    search_id = finished(database, trials=8)
    view = searches.view(database, search_id)
    rewards = [t.reward for t in searches.trials(database, search_id).items]
    assert view.state is SearchState.FINISHED
    assert view.counts.done == view.counts.total == 8
    assert view.best.reward == max(rewards)
    assert view.best.number == rewards.index(max(rewards))
    assert view.started_at <= view.ended_at
    assert view.eta_seconds is None


def test_a_wish_for_a_search_that_nobody_runs_yet_is_fulfilled_at_once(database):
    search_id = searches.create(database, toy_spec())
    searches.request(database, search_id, Desired.PAUSE)
    assert wish_state(database, search_id) == (Desired.PAUSE, SearchState.PAUSED)
    searches.request(database, search_id, Desired.RUN)
    assert wish_state(database, search_id) == (Desired.RUN, SearchState.PENDING)
    searches.request(database, search_id, Desired.STOP)
    assert wish_state(database, search_id) == (Desired.STOP, SearchState.STOPPED)


def test_a_wish_for_a_running_search_is_only_noted(database):
    search_id = searches.create(database, toy_spec())
    SqlStore(database, search_id, "runner").adopt()
    for wish in (Desired.PAUSE, Desired.RUN, Desired.STOP):
        searches.request(database, search_id, wish)
        assert wish_state(database, search_id) == (wish, SearchState.RUNNING)


def test_a_stopped_search_goes_on_when_it_is_resumed(database):
    search_id = searches.create(database, toy_spec(3))
    searches.request(database, search_id, Desired.STOP)
    searches.request(database, search_id, Desired.RUN)
    run(database, search_id)
    assert searches.view(database, search_id).counts.done == 3


def test_a_finished_search_can_go_on_once_its_limit_is_raised(database):
    search_id = finished(database, trials=3)
    with pytest.raises(Conflict, match="limit of 3 trials"):
        searches.request(database, search_id, Desired.RUN)
    searches.change_limits(database, search_id, trials=5)
    searches.request(database, search_id, Desired.RUN)
    run(database, search_id)
    assert searches.view(database, search_id).counts.done == 5


def test_an_ended_search_cannot_be_paused_and_is_stopped_already(database):
    search_id = finished(database)
    with pytest.raises(Conflict, match="cannot be paused"):
        searches.request(database, search_id, Desired.PAUSE)
    before = searches.view(database, search_id)
    assert searches.request(database, search_id, Desired.STOP) == before


def test_a_paused_search_keeps_what_is_done_and_ends_when_resumed(database):
    search_id = searches.create(database, toy_spec(6))
    searches.request(database, search_id, Desired.PAUSE)
    searches.request(database, search_id, Desired.RUN)
    run(database, search_id)
    assert searches.view(database, search_id).counts.done == 6


def test_limits_can_be_changed_and_the_hours_taken_away(database):
    search_id = searches.create(database, toy_spec())
    view = searches.change_limits(database, search_id, trials=9, hours=1.5)
    assert (view.limits.trials, view.limits.hours) == (9, 1.5)
    view = searches.change_limits(database, search_id, hours=None)
    assert (view.limits.trials, view.limits.hours) == (9, None)


def test_the_workers_of_a_search_are_those_of_its_description_until_they_are_changed(database):
    search_id = searches.create(database, toy_spec())
    assert searches.view(database, search_id).limits.workers == 2
    assert searches.change_limits(database, search_id, trials=9).limits.workers == 2
    view = searches.change_limits(database, search_id, workers=5)
    assert (view.limits.trials, view.limits.workers) == (9, 5)
    assert view.spec["execution"]["workers"] == 2


@pytest.mark.parametrize(
    ("field", "value"),
    [*(("trials", value) for value in (0, -1, 1_000_001, None)), ("workers", 0), ("workers", None)],
)
def test_a_limit_of_no_sense_is_refused(database, field, value):
    search_id = searches.create(database, toy_spec())
    with pytest.raises(UserError) as caught:
        searches.change_limits(database, search_id, **{field: value})
    assert caught.value.field == field


def test_more_local_workers_than_the_machine_takes_are_refused(client, database):
    most = Local.most_workers()
    body = toy_spec().model_dump(mode="json")
    body["execution"] |= {"executor": "local", "workers": most + 1}
    for path in ("searches", "estimate"):
        problem = client.post(f"/api/v1/{path}", json=body).json()
        assert problem["status"] == 422
        assert (problem["field"], problem["value"]) == ("execution.workers", most + 1)
        assert problem["allowed"] == f"1 to {most}"
        assert problem["detail"] == (
            f"execution.workers is {most + 1}, but executor 'local' has room for {most} here"
        )
    search_id = searches.create(database, toy_spec(executor="local"))
    path = f"/api/v1/searches/{search_id}"
    problem = client.patch(path, json={"workers": 5000, "trials": 9}).json()
    assert (problem["status"], problem["field"], problem["value"]) == (422, "workers", 5000)
    assert problem["allowed"] == f"1 to {most}"
    limits = client.patch(path, json={"workers": most}).json()["limits"]
    assert (limits["workers"], limits["trials"]) == (most, 5)
    body["execution"] |= {"executor": "ray", "workers": 5000}
    assert client.post("/api/v1/searches", json=body).status_code == 201


def test_a_search_with_more_workers_than_this_machine_takes_runs_with_fewer(database):
    search_id = searches.create(database, toy_spec(executor="local"))
    with database.write() as connection:
        connection.execute(update(search).values(workers_limit=5000))
    assert run(database, search_id) == 0
    assert searches.view(database, search_id).state == "finished"


def test_searches_are_found_by_a_pattern_of_their_names(client, database):
    for name in ("cifar 1", "cifar 2", "flowers", "CIFAR", "50% [x]"):
        searches.create(database, toy_spec(name=name))

    def found(pattern: str, **more: object) -> list[str]:
        query = {"name": pattern, **more}
        return [one["name"] for one in client.get("/api/v1/searches", params=query).json()["items"]]

    assert found("cifar*") == ["cifar 2", "cifar 1"]
    assert found("cifar*", limit=1) == ["cifar 2"]
    assert found("flower?") == ["flowers"]
    assert found("*%*") == found("50% [[]x]") == ["50% [x]"]
    assert found("nothing") == []
    assert found("*", state="running") == []


def test_pages_of_searches_together_are_all_searches_the_newest_first(database):
    ids = [searches.create(database, toy_spec(name=f"s{i}")) for i in range(7)]
    found, after = [], None
    while True:
        page = searches.list(database, after=after, limit=3)
        found += [one.id for one in page.items]
        after = page.next
        if after is None:
            break
    assert found == ids[::-1]


def test_searches_made_in_the_same_microsecond_are_all_on_some_page(database):
    ids = {searches.create(database, toy_spec()) for _ in range(5)}
    with database.write() as connection:
        connection.execute(update(search).values(created_at=1))
    first = searches.list(database, limit=2)
    second = searches.list(database, limit=2, after=first.next)
    third = searches.list(database, limit=2, after=second.next)
    pages = [one.id for page in (first, second, third) for one in page.items]
    assert (set(pages), len(pages), third.next) == (ids, 5, None)


def test_searches_can_be_listed_by_state(database):
    ended = finished(database, trials=1)
    waiting = searches.create(database, toy_spec())
    for state, search_id in ((SearchState.FINISHED, ended), (SearchState.PENDING, waiting)):
        assert [one.id for one in searches.list(database, state=state).items] == [search_id]


METRICS = ("cost", "val/acc", 'the "top" 5')


def trial_rows(search_id, rewards):
    """Return rows of trials; all else that they are sorted by follows from reward and number."""
    return [
        {
            "search_id": search_id,
            "number": number,
            "decisions": [0] * 6,
            "key": "k",
            "note": {},
            "seed": 2**62,
            "state": State.DONE if reward is not None else State.FAILED,
            "attempt": 1 + number % 3,
            "budget": number % 4 or None,
            "metrics": {} if reward is None else dict.fromkeys(METRICS, round(2 - 3 * reward)),
            "reward": reward,
            "told": True,
            "figures": {},
            "created_at": 0,
            "started_at": 0,
            "finished_at": None if reward is None else round(abs(reward) * 1e7),
        }
        for number, reward in enumerate(rewards)
    ]


def sorted_by(name, number, reward):
    """Return what a trial of ``trial_rows`` is sorted by."""
    if name in METRICS:
        return None if reward is None else round(2 - 3 * reward)
    seconds = None if reward is None else round(abs(reward) * 1e7)
    found = {"number": number, "reward": reward, "seconds": seconds}
    return (found | {"attempt": 1 + number % 3, "budget": number % 4 or None})[name]


REWARDS = st.lists(
    st.one_of(st.none(), st.sampled_from([0.0, 0.1, 0.5, 1 / 3]), st.floats(-1, 1)), max_size=30
)


@hypothesis_settings(
    max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(
    rewards=REWARDS,
    limit=st.integers(1, 7),
    name=st.sampled_from(["number", "reward", "seconds", "budget", "attempt", *METRICS]),
    falls=st.booleans(),
)
def test_pages_of_trials_together_are_the_whole_list_in_order(
    database, rewards, limit, name, falls
):
    sort = "-" + name if falls else name
    search_id = searches.create(database, toy_spec())
    with database.write() as connection:
        if rewards:
            connection.execute(insert(trial), trial_rows(search_id, rewards))
    found, after = [], None
    while True:
        page = searches.trials(database, search_id, sort=sort, limit=limit, after=after)
        assert len(page.items) <= limit
        found += [one.number for one in page.items]
        after = page.next
        if after is None:
            break
    sign, values = -1 if falls else 1, [sorted_by(name, *one) for one in enumerate(rewards)]
    expected = sorted(
        range(len(rewards)), key=lambda n: (values[n] is None, sign * (values[n] or 0), n)
    )
    assert found == expected


def test_trials_are_sorted_by_what_they_have(database):
    search_id = searches.create(database, toy_spec())
    assert searches.trials(database, search_id, sort="-accuracy").items == []
    with database.write() as connection:
        connection.execute(insert(trial), trial_rows(search_id, [0.5, None, 0.1]))
    for sort in ("costs", "--cost", "cost desc", "-", "state", "", "a" * 102):
        with pytest.raises(UserError, match="allowed are number, reward, ") as caught:
            searches.trials(database, search_id, sort=sort)
        assert (caught.value.field, caught.value.value) == ("sort", sort[:100])
    with pytest.raises(UserError, match='seconds, cost, the "top" 5, val/acc; with - they fall'):
        searches.trials(database, search_id, sort="-costs")


@pytest.mark.parametrize("after", ["", "x", "bm9wZQ", "W10", "é", "WzFd" * 200, cursors.pack("a")])
def test_a_cursor_that_is_not_ours_is_refused(database, after):
    search_id = finished(database, trials=1)
    with pytest.raises(UserError, match="cursor") as caught:
        searches.trials(database, search_id, after=after)
    assert caught.value.field == "after"


@pytest.mark.parametrize("values", [(1, "\ud800"), (True, "a"), (2**63, "a"), (1,), (1, None)])
def test_a_cursor_of_searches_that_is_not_ours_is_refused(client, values):
    answer = client.get("/api/v1/searches", params={"after": cursors.pack(*values)})
    assert (answer.status_code, answer.json()["field"]) == (422, "after")


@pytest.mark.parametrize("value", [math.nan, math.inf, "0.5"])
def test_a_cursor_of_a_reward_that_is_no_number_is_refused(client, database, value):
    path = f"/api/v1/searches/{searches.create(database, toy_spec())}/trials"
    query = {"sort": "-reward", "after": cursors.pack(value, 3)}
    answer = client.get(path, params=query)
    assert (answer.status_code, answer.json()["field"]) == (422, "after")


def test_a_trial_shows_its_architecture_its_reports_and_its_attempts(database):
    search_id = searches.create(database, toy_spec())
    store = SqlStore(database, search_id, "runner")
    store.adopt()
    store.start([Draft(Proposal((0, 1, 2, 3, 0, 1)), "k")], {})
    store.launch(0, 1)
    store.progress(0, 1, 1, {"accuracy": 0.1})
    store.requeue(0, 1, Failure(FailureKind.LOST, "worker died"))
    store.launch(0, 2)
    store.progress(0, 2, 1, {"accuracy": 0.2})
    store.progress(0, 2, 2, {"accuracy": 0.3, "loss": float("nan")})
    running = searches.detail(database, search_id, 0)
    assert (running.progress.step, running.progress.metrics) == (2, {"accuracy": 0.3})
    store.finish(0, 2, Outcome({"accuracy": 0.4}, worker="w1"), 0.4, [Told(0)], {})
    detail = searches.detail(database, search_id, 0)
    assert [(p.attempt, p.step, p.metrics["accuracy"]) for p in detail.curve] == [
        (1, 1, 0.1),
        (2, 1, 0.2),
        (2, 2, 0.3),
    ]
    assert [(a.attempt, a.outcome, a.worker) for a in detail.attempts] == [
        (1, "lost", ""),
        (2, "done", "w1"),
    ]
    assert detail.cells == ["chain"]
    assert detail.barcode == {"chain": ["skip", "conv", "sep", "max", "skip", "conv"]}
    assert detail.arch["cells"][0]["name"] == "chain"
    assert "conv" in detail.text["chain"]
    assert detail.seconds >= 0


def test_a_trial_that_is_no_architecture_is_still_shown(database):
    search_id = searches.create(database, toy_spec())
    store = SqlStore(database, search_id, "runner")
    store.adopt()
    store.start([Draft(Proposal((99,)), "")], {})
    detail = searches.detail(database, search_id, 0)
    assert (detail.arch, detail.barcode, detail.cells) == (None, {}, [])


def test_the_history_has_one_column_a_figure(database):
    search_id = searches.create(database, toy_spec())
    store = SqlStore(database, search_id, "runner")
    store.adopt()
    store.start([Draft(Proposal((0,) * 6), "k")] * 3, {})
    for number, figures in enumerate([{"baseline": 0.1}, {"entropy": 2.0}]):
        store.launch(number, 1)
        store.finish(number, 1, Outcome({"accuracy": 0.5}), 0.5, [Told(number, figures)], {})
    history = course(database, search_id).history()
    assert history.number == [0, 1, 2]
    assert history.reward == [0.5, 0.5, None]
    assert history.state == [State.DONE, State.DONE, State.PENDING]
    assert history.figures == {"baseline": [0.1, None, None], "entropy": [None, 2.0, None]}
    assert course(database, search_id, after=1).history().number == [2]


def test_every_change_is_an_event_and_their_numbers_have_no_gap(database):
    first, second = finished(database, trials=2), finished(database, trials=2)
    with database.read() as connection:
        every = eventlog.after(connection, 0)
        mine = eventlog.after(connection, 0, second)
    assert [event.seq for event in every] == list(range(1, len(every) + 1))
    assert {event.search for event in every} == {first, second}
    assert [event.seq for event in mine] == [e.seq for e in every if e.search == second]
    assert searches.view(database, second).seq == every[-1].seq


def test_a_model_needs_a_finished_trial_and_images(database):
    toy = finished(database, trials=1)
    with pytest.raises(Conflict, match="no images"):
        models.request(database, toy)
    digits = searches.create(database, digits_spec())
    with pytest.raises(Conflict, match="no finished trial"):
        models.request(database, digits)
    with pytest.raises(NotFound, match="no search"):
        models.request(database, "nope")
