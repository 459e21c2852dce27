"""What every store must do, on the store in memory and on the one in SQL."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nas.events import EventKind
from nas.memory import Memory, MemoryStore
from nas.spec import Execution, Limits, SearchSpec
from nas.store import Desired, Draft, LostOwnership, Told
from nas.trial import FINAL, Failure, FailureKind, Outcome, Proposal, State, trial_seed
from service import searches
from service.db import Database
from service.settings import Settings
from service.store import SqlStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nas.store import Store

SEED = 7
LOST = Failure(FailureKind.LOST, "worker died")


def in_memory(_: Settings) -> Iterator[Callable[[], Store]]:
    memory = Memory(seed=SEED)
    yield lambda: MemoryStore(memory)


def in_sql(settings: Settings) -> Iterator[Callable[[], Store]]:
    spec = SearchSpec(
        space="toy",
        evaluator="toy",
        execution=Execution(executor="local"),
        seed=SEED,
        limits=Limits(trials=24),
    )
    with Database.open(settings) as database:
        search_id = searches.create(database, spec)
        yield lambda: SqlStore(database, search_id, "test")


@pytest.fixture(params=[in_memory, in_sql], ids=["memory", "sql"])
def owner(request, tmp_path) -> Iterator[Callable[[], Store]]:
    """Give a function that makes one more owner of the same search."""
    yield from request.param(Settings.load(home=tmp_path / "home"))


@pytest.fixture
def store(owner) -> Store:
    one = owner()
    one.adopt()
    return one


def drafts(count: int) -> list[Draft]:
    return [
        Draft(Proposal((i % 4,) * 6, budget=i or None, note={"n": i}), f"k{i}")
        for i in range(count)
    ]


def done(store: Store, number: int, attempt: int = 1, reward: float = 0.5) -> None:
    store.finish(
        number, attempt, Outcome({"accuracy": reward}), reward, [Told(number)], {"told": number}
    )


def test_a_new_search_has_no_trials_no_snapshot_and_is_wanted_to_run(store):
    assert store.trials() == []
    assert store.snapshot() is None
    assert store.control().desired is Desired.RUN
    assert store.control().trials == 24


def test_trials_are_numbered_on_from_the_last_with_seeds_from_the_search(store):
    first, second = store.start(drafts(2), {"a": 1}), store.start(drafts(1), {"a": 2})
    assert [t.number for t in (*first, *second)] == [0, 1, 2]
    assert [t.seed for t in store.trials()] == [trial_seed(SEED, n) for n in range(3)]
    assert store.trials() == [*first, *second]
    assert store.snapshot() == {"a": 2}


def test_a_proposal_comes_back_as_it_was_given(store):
    given_drafts = drafts(3)
    store.start(given_drafts, {})
    assert [t.proposal for t in store.trials()] == [d.proposal for d in given_drafts]
    assert [t.key for t in store.trials()] == [d.key for d in given_drafts]


def test_a_trial_goes_from_pending_to_running_to_done(store):
    store.start(drafts(1), {})
    assert store.trials()[0].state is State.PENDING
    store.launch(0, 1)
    assert store.trials()[0].state is State.RUNNING
    done(store, 0)
    trial = store.trials()[0]
    assert (trial.state, trial.reward, trial.metrics) == (State.DONE, 0.5, {"accuracy": 0.5})
    assert trial.told
    assert store.snapshot() == {"told": 0}
    assert trial.created_at <= trial.started_at <= trial.finished_at


def test_a_failure_is_kept_with_its_kind_message_and_trace(store):
    store.start(drafts(1), {})
    store.launch(0, 1)
    failure = Failure(FailureKind.OUT_OF_MEMORY, "needs 9 GB", "line 3")
    store.finish(0, 1, Outcome(failure=failure), 0.0, [], {})
    trial = store.trials()[0]
    assert (trial.state, trial.failure, trial.reward) == (State.FAILED, failure, 0.0)
    assert not trial.told


def test_a_result_told_later_is_marked_with_the_snapshot_that_learned_it(store):
    store.start(drafts(2), {})
    for number in (0, 1):
        store.launch(number, 1)
    store.finish(1, 1, Outcome({"accuracy": 1.0}), 1.0, [], {"learned": []})
    assert [t.told for t in store.trials()] == [False, False]
    told = [Told(0, {"baseline": 0.1}), Told(1, {"baseline": 0.2})]
    store.finish(0, 1, Outcome({"accuracy": 0.0}), 0.0, told, {"learned": [0, 1]})
    assert [t.told for t in store.trials()] == [True, True]
    assert store.snapshot() == {"learned": [0, 1]}


def test_a_repeat_names_the_trial_it_was_answered_from(store):
    store.start(drafts(2), {})
    store.launch(1, 1)
    store.finish(1, 1, Outcome({"accuracy": 0.5}, cached_from=0), 0.5, [Told(1)], {})
    assert store.trials()[1].cached_from == 0


def test_a_pending_trial_may_be_stopped_before_it_runs(store):
    store.start(drafts(1), {})
    store.finish(0, 1, Outcome(stopped=True), None, [Told(0)], {})
    assert store.trials()[0].state is State.STOPPED


def test_a_trial_given_back_is_pending_one_attempt_later(store):
    store.start(drafts(1), {})
    store.launch(0, 1)
    trial = store.requeue(0, 1, LOST)
    assert (trial.state, trial.attempt, trial.started_at) == (State.PENDING, 2, None)
    assert store.trials() == [trial]


def test_a_late_result_of_an_old_attempt_is_noted_and_ignored(store):
    store.start(drafts(1), {"kept": True})
    store.launch(0, 1)
    store.requeue(0, 1, LOST)
    store.launch(0, 2)
    done(store, 0, attempt=1, reward=9.0)
    store.progress(0, 1, 1, {"accuracy": 9.0})
    assert store.trials()[0].state is State.RUNNING
    assert store.snapshot() == {"kept": True}
    kinds = [e.kind for e in store.events()]
    assert kinds.count(EventKind.TRIAL_STALE) == 2
    assert EventKind.TRIAL_PROGRESS not in kinds


def test_a_trial_that_has_not_been_launched_cannot_be_done(store):
    store.start(drafts(1), {})
    done(store, 0)
    assert store.trials()[0].state is State.PENDING


@pytest.mark.parametrize(
    "ending",
    [
        Outcome({"accuracy": 0.5}),
        Outcome(failure=Failure(FailureKind.ERROR, "no")),
        Outcome(stopped=True),
    ],
    ids=["done", "failed", "stopped"],
)
def test_a_final_state_never_changes(store, ending):
    store.start(drafts(1), {})
    store.launch(0, 1)
    store.finish(0, 1, ending, 0.5, [Told(0)], {"first": 1})
    before = store.trials()
    store.launch(0, 1)
    done(store, 0, reward=1.0)
    store.requeue(0, 1, LOST)
    store.finish(0, 1, Outcome(stopped=True), None, [], {"second": 2})
    store.progress(0, 1, 5, {"accuracy": 1.0})
    assert store.trials() == before
    assert store.snapshot() == {"first": 1}


def test_adoption_gives_back_what_ran_and_keeps_what_has_ended(owner):
    first = owner()
    first.adopt()
    first.start(drafts(4), {"s": 1})
    for number in (0, 1, 2):
        first.launch(number, 1)
    done(first, 0)
    second = owner()
    unfinished = second.adopt()
    assert [(t.number, t.attempt) for t in unfinished] == [(1, 2), (2, 2), (3, 1)]
    assert {t.state for t in unfinished} == {State.PENDING}
    assert second.trials()[0].state is State.DONE
    assert second.snapshot() == {"told": 0}


def test_an_owner_that_has_lost_the_search_cannot_write(owner):
    first = owner()
    first.adopt()
    first.start(drafts(2), {"s": 1})
    first.launch(0, 1)
    second = owner()
    second.adopt()
    before, events = second.trials(), second.events()
    writes = [
        lambda: first.start(drafts(1), {}),
        lambda: first.launch(1, 1),
        lambda: first.progress(0, 1, 1, {}),
        lambda: done(first, 0),
        lambda: first.requeue(0, 1, LOST),
        lambda: first.end("finished"),
    ]
    for write in writes:
        with pytest.raises(LostOwnership):
            write()
    assert (second.trials(), second.events()) == (before, events)


def test_nobody_writes_before_adopting(owner):
    with pytest.raises(LostOwnership):
        owner().start(drafts(1), {})


def test_events_can_be_read_on_from_any_of_them(store):
    store.start(drafts(3), {})
    for number in range(3):
        store.launch(number, 1)
        done(store, number)
    everything = store.events()
    for event in everything:
        assert store.events(after=event.seq) == everything[event.seq :]
    assert store.events(after=1, limit=2) == everything[1:3]


def test_every_change_of_a_trial_has_its_event(store):
    store.start(drafts(2), {})
    store.launch(0, 1)
    store.progress(0, 1, 1, {"accuracy": 0.1})
    done(store, 0)
    store.launch(1, 1)
    store.requeue(1, 1, LOST)
    store.launch(1, 2)
    store.finish(1, 2, Outcome(failure=Failure(FailureKind.ERROR, "no")), 0.0, [], {})
    told = [(e.kind, e.trial) for e in store.events() if e.trial is not None]
    assert told == [
        (EventKind.TRIAL_STARTED, 0),
        (EventKind.TRIAL_PROGRESS, 0),
        (EventKind.TRIAL_DONE, 0),
        (EventKind.TRIAL_STARTED, 1),
        (EventKind.TRIAL_REQUEUED, 1),
        (EventKind.TRIAL_STARTED, 1),
        (EventKind.TRIAL_FAILED, 1),
    ]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["launch", "progress", "done", "failed", "stopped", "requeue", "adopt"]),
        st.integers(0, 2),
        st.integers(1, 3),
    ),
    max_size=25,
)


def apply(store: Store, step: str, number: int, attempt: int) -> None:
    outcomes = {
        "done": Outcome({"accuracy": 0.5}),
        "failed": Outcome(failure=Failure(FailureKind.ERROR, "no")),
        "stopped": Outcome(stopped=True),
    }
    if step == "launch":
        store.launch(number, attempt)
    elif step == "progress":
        store.progress(number, attempt, 1, {"accuracy": 0.5})
    elif step == "requeue":
        store.requeue(number, attempt, LOST)
    elif step == "adopt":
        store.adopt()
    else:
        store.finish(number, attempt, outcomes[step], 0.5, [Told(number)], {"at": number})


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=STEPS)
def test_whatever_is_written_events_have_no_gaps_and_final_states_stay(owner, steps):
    store = owner()
    store.adopt()
    first = len(store.trials())
    store.start(drafts(3), {})
    before = {t.number: t for t in store.trials()}
    for step, number, attempt in steps:
        apply(store, step, first + number, attempt)
        after = {t.number: t for t in store.trials()}
        for n, trial in before.items():
            assert trial.state not in FINAL or after[n] == trial
            assert after[n].attempt >= trial.attempt
        before = after
    seqs = [e.seq for e in store.events(limit=100_000)]
    assert seqs == list(range(1, len(seqs) + 1))


def test_both_stores_tell_the_same_story(tmp_path):
    stories = []
    sql = in_sql(Settings.load(home=tmp_path / "home"))
    for make in (in_memory(Settings.load(home=tmp_path)), sql):
        store = next(make)()
        store.adopt()
        store.start(drafts(3), {})
        for step, number, attempt in itertools.product(
            ["launch", "progress", "requeue", "done", "failed", "stopped"], range(3), (1, 2)
        ):
            apply(store, step, number, attempt)
        events = [
            (e.kind, e.trial, e.payload) for e in store.events(limit=1000) if e.trial is not None
        ]
        trials = [
            (t.state, t.attempt, t.metrics, t.reward, t.failure, t.told) for t in store.trials()
        ]
        stories.append((trials, events))
    sql.close()
    assert stories[0] == stories[1]
