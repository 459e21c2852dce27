"""The loop: limits, order, repeats, failures, pause and stop, and a crash at every write."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest

from nas.controllers.catalog import CONTROLLERS
from nas.events import EventKind
from nas.execution import Executor, Finished, Progress
from nas.loop import End, run
from nas.memory import Memory, MemoryStore
from nas.objective import Objective
from nas.spec import Execution, Part, Setup
from nas.store import Control, Desired, LostOwnership
from nas.trial import FINAL, Failure, FailureKind, Outcome, Proposal, State, Trial
from searchspaces import SpaceError
from searchspaces.toy import Toy

TRIALS = 20


class Shuffled(Executor):
    """Ends jobs in a seeded random order, each by a function of the job."""

    name = "shuffled"

    def __init__(self, workers, outcome, seed=0):
        setup = Setup(space=Part(name="toy"), evaluator=Part(name="toy"))
        super().__init__(setup, Execution(workers=workers))
        self.outcome, self.jobs, self.runs = outcome, [], Counter()
        self.rng = random.Random(seed)
        self.cancelled = set()

    def free(self):
        return max(0, self.workers - len(self.jobs))

    def submit(self, job):
        assert self.free() > 0
        self.jobs.append(job)
        self.runs[job.number] += 1

    def wait(self, timeout):  # noqa: ARG002
        if not self.jobs:
            return []
        job = self.jobs.pop(self.rng.randrange(len(self.jobs)))
        if job.number in self.cancelled:
            return [Finished(job.number, job.attempt, Outcome(stopped=True))]
        return [
            Progress(job.number, job.attempt, 1, {"accuracy": 0.0}),
            Finished(job.number, job.attempt, self.outcome(job)),
        ]

    def cancel(self, number):
        self.cancelled.add(number)

    def close(self):
        self.jobs.clear()


def value(job):
    return Outcome(metrics={"accuracy": Toy().value(job.decisions)})


def memory(trials=TRIALS, seed=0):
    return Memory(seed=seed, control=Control(Desired.RUN, trials=trials))


SPACE = Toy()  # its catalogue is made once, and is most of the work of a surrogate here


def search(store, name="random", workers=1, outcome=value, ordered=False, **more):
    controller = CONTROLLERS.create(name, space=SPACE, seed=0)
    executor = more.pop("executor", None) or Shuffled(workers, outcome, more.pop("order", 0))
    end = run(SPACE, controller, Objective(), executor, store, ordered=ordered, poll=0, **more)
    return end, executor


def same(trials):
    return [(t.number, t.proposal, t.key, t.seed, t.state, t.metrics, t.reward) for t in trials]


def kinds(data):
    return Counter(event.kind for event in data.events)


@pytest.mark.parametrize("workers", [1, 3, 50])
def test_a_search_ends_after_its_trials_and_tells_each_once(workers):
    data = memory()
    end, _ = search(MemoryStore(data), workers=workers)
    assert end is End.FINISHED
    assert [t.number for t in data.trials] == list(range(TRIALS))
    assert all(t.state is State.DONE and t.told for t in data.trials)
    assert all(t.reward == Toy().value(t.proposal.decisions) for t in data.trials)
    assert kinds(data)[EventKind.TRIAL_DONE] == TRIALS
    assert [e.seq for e in data.events] == list(range(1, len(data.events) + 1))


@pytest.mark.parametrize("name", CONTROLLERS.names())
def test_an_ordered_search_is_the_same_at_any_parallelism(name):
    alone = memory()
    search(MemoryStore(alone), name, workers=1, ordered=True)
    for workers, order in ((2, 1), (5, 2)):
        many = memory()
        search(MemoryStore(many), name, workers=workers, order=order, ordered=True)
        assert same(many.trials) == same(alone.trials)
        assert many.snapshot == alone.snapshot


class CrashingStore(MemoryStore):
    """Dies at its n-th write, before it or after it."""

    WRITES = ("adopt", "start", "launch", "progress", "finish", "requeue")

    def __init__(self, data, crash_at, after):
        super().__init__(data)
        self.writes, self.crash_at, self.after = 0, crash_at, after

    def __getattribute__(self, name):
        method = super().__getattribute__(name)
        if name not in type(self).WRITES:
            return method

        def write(*args):
            self.writes += 1
            if self.writes == self.crash_at and not self.after:
                raise KeyboardInterrupt
            result = method(*args)
            if self.writes == self.crash_at:
                raise KeyboardInterrupt
            return result

        return write


def flaky(job):
    """Lose the worker at the first attempt of every fifth trial; one architecture diverges."""
    if job.number % 5 == 1 and job.attempt == 1:
        return Outcome(failure=Failure(FailureKind.LOST, "worker lost"))
    if job.number == 7:
        return Outcome(failure=Failure(FailureKind.DIVERGED, "the loss is NaN"))
    return value(job)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("name", CONTROLLERS.names())
def test_a_crash_at_any_write_changes_nothing(name, after):
    calm = memory(trials=9)
    search(MemoryStore(calm), name, outcome=flaky, ordered=True)
    crash_at = 0
    while True:
        crash_at += 1
        data = memory(trials=9)
        try:
            search(CrashingStore(data, crash_at, after), name, outcome=flaky, ordered=True)
        except KeyboardInterrupt:
            end, _ = search(MemoryStore(data), name, outcome=flaky, ordered=True)
            assert end is End.FINISHED
        else:
            break
        assert same(data.trials) == same(calm.trials), crash_at
        assert all(trial.told for trial in data.trials)
        assert kinds(data)[EventKind.TRIAL_DONE] == kinds(calm)[EventKind.TRIAL_DONE]
    assert crash_at > 30


def test_a_crash_in_a_parallel_unordered_search_loses_and_doubles_nothing():
    for crash_at in range(2, 90, 3):
        data = memory()
        try:
            search(CrashingStore(data, crash_at, True), "reinforce", workers=4, outcome=flaky)
        except KeyboardInterrupt:
            search(MemoryStore(data), "reinforce", workers=4, outcome=flaky)
        assert [t.number for t in data.trials] == list(range(TRIALS))
        assert all(t.state in FINAL and t.told for t in data.trials)
        ended = Counter(
            e.trial for e in data.events if e.kind in {EventKind.TRIAL_DONE, EventKind.TRIAL_FAILED}
        )
        assert set(ended.values()) == {1}


def test_a_repeat_is_answered_without_training():
    space = Toy()
    point = space.sample(random.Random(0))

    class Stubborn(CONTROLLERS.get("random")):
        name = "stubborn"

        def ask(self, free):
            return [Proposal(point) for _ in range(free)]

    data = memory(trials=5)
    executor = Shuffled(1, value)
    run(space, Stubborn(space, 0), Objective(), executor, MemoryStore(data), poll=0)
    assert sum(executor.runs.values()) == 1
    assert [t.cached_from for t in data.trials] == [None, 0, 0, 0, 0]
    assert {t.reward for t in data.trials} == {space.value(point)}


def test_decisions_that_are_no_architecture_get_the_floor_and_are_not_run():
    class Picky(Toy):
        def decode(self, decisions):
            if decisions[0] == 0:
                raise SpaceError("the first decision must not be 0")
            return super().decode(decisions)

    space = Picky()
    data = memory()
    executor = Shuffled(2, value)
    controller = CONTROLLERS.create("random", space=space, seed=0)
    run(space, controller, Objective(floor=-1.0), executor, MemoryStore(data), poll=0)
    bad = [t for t in data.trials if t.proposal.decisions[0] == 0]
    assert bad
    assert all(t.reward == -1.0 and t.failure.kind is FailureKind.INVALID for t in bad)
    assert not any(t.number in executor.runs for t in bad)


def test_a_lost_worker_never_punishes_the_architecture():
    data = memory(trials=3)
    told = []

    def always_lost(job):
        lost = Outcome(failure=Failure(FailureKind.LOST, "worker lost"))
        return lost if job.number == 1 else value(job)

    class Watching(CONTROLLERS.get("random")):
        name = "watching"

        def tell(self, result):
            told.append((result.number, result.reward))

    space = Toy()
    executor = Shuffled(1, always_lost)
    store = MemoryStore(data)
    run(space, Watching(space, 0), Objective(), executor, store, attempts=3, poll=0)
    assert executor.runs[1] == 3
    assert data.trials[1].state is State.FAILED
    assert sorted(told)[1] == (1, None)
    assert kinds(data)[EventKind.TRIAL_REQUEUED] == 2


def test_interruptions_do_not_use_up_the_attempts_of_a_trial():
    data = memory(trials=2)
    for _ in range(5):
        with pytest.raises(KeyboardInterrupt):
            search(CrashingStore(data, 2, True))  # dies when trial 0 is made, then launched

    def lost_twice(job):
        lost = Outcome(failure=Failure(FailureKind.LOST, "worker lost"))
        return lost if executor.runs[job.number] < 3 else value(job)

    executor = Shuffled(1, lost_twice)
    search(MemoryStore(data), executor=executor, attempts=3)
    assert data.trials[0].state is State.DONE
    assert data.trials[0].attempt > 4


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), None, True, "0.9"])
def test_a_metric_that_is_no_finite_number_fails_the_trial_with_the_floor(bad):
    data = memory(trials=2)

    def broken(job):
        return Outcome(metrics={"accuracy": bad}) if job.number == 0 else value(job)

    search(MemoryStore(data), outcome=broken)
    assert data.trials[0].state is State.FAILED
    assert data.trials[0].reward == 0.0
    assert data.trials[0].failure.kind is FailureKind.BAD_METRIC
    assert data.trials[1].state is State.DONE


def test_a_pause_lets_running_trials_end_and_a_resume_goes_on():
    data = memory()

    def pausing(job):
        if job.number == 6:
            data.control = replace(data.control, desired=Desired.PAUSE)
        return value(job)

    end, _ = search(MemoryStore(data), workers=3, outcome=pausing)
    assert end is End.PAUSED
    assert all(t.state in {State.DONE, State.PENDING} for t in data.trials)
    assert len(data.trials) < TRIALS
    data.control = replace(data.control, desired=Desired.RUN)
    end, _ = search(MemoryStore(data), workers=3)
    assert end is End.FINISHED
    assert len(data.trials) == TRIALS


def test_a_stop_ends_what_runs_and_keeps_what_is_done():
    data = memory()

    def stopping(job):
        if job.number == 6:
            data.control = replace(data.control, desired=Desired.STOP)
        return value(job)

    end, _ = search(MemoryStore(data), workers=3, outcome=stopping)
    assert end is End.STOPPED
    states = Counter(t.state for t in data.trials)
    assert set(states) == {State.DONE, State.STOPPED}
    assert all(t.told for t in data.trials)


def test_limits_may_change_while_the_search_runs():
    data = memory(trials=5)

    def growing(job):
        if job.number == 3:
            data.control = replace(data.control, trials=8)
        return value(job)

    search(MemoryStore(data), outcome=growing)
    assert len(data.trials) == 8


def test_the_workers_may_change_while_the_search_runs():
    data = memory()
    at_once = {}

    def changing(job):
        if job.number in {5, 12}:
            data.control = replace(data.control, workers={5: 4, 12: 2}[job.number])
        at_once[job.number] = 1 + len(executor.jobs)
        return value(job)

    executor = Shuffled(1, changing)
    end, _ = search(MemoryStore(data), executor=executor)
    assert end is End.FINISHED
    assert len(data.trials) == TRIALS
    assert [at_once[number] for number in range(5)] == [1] * 5
    assert max(at_once.values()) == 4
    assert max(at_once[number] for number in range(17, TRIALS)) == 2


def test_no_trial_starts_after_the_hours_are_spent():
    data = memory()
    data.control = Control(Desired.RUN, trials=100, hours=1.0, seconds=3601.0)
    end, executor = search(MemoryStore(data))
    assert end is End.FINISHED
    assert not executor.runs


def test_an_interruption_leaves_the_search_to_the_next_process():
    data = memory()
    seen = []

    def interrupted():
        seen.append(1)
        return len(seen) > 5

    end, _ = search(MemoryStore(data), interrupted=interrupted)
    assert end is End.INTERRUPTED
    end, _ = search(MemoryStore(data))
    assert end is End.FINISHED
    assert len(data.trials) == TRIALS


def test_an_owner_that_lost_the_search_stops_without_writing():
    data = memory()
    thief = MemoryStore(data)

    def stolen(job):
        if job.number == 4:
            thief.adopt()
        return value(job)

    with pytest.raises(LostOwnership):
        search(MemoryStore(data), outcome=stolen)
    before = same(data.trials)
    assert isinstance(data.trials[4], Trial)
    assert data.trials[4].state is State.PENDING
    end, _ = search(thief)
    assert end is End.FINISHED
    assert same(data.trials)[:4] == before[:4]


def test_a_controller_that_gives_too_much_is_an_error():
    class Greedy(CONTROLLERS.get("random")):
        name = "greedy"

        def ask(self, free):
            return super().ask(free + 1)

    space = Toy()
    with pytest.raises(RuntimeError, match="greedy"):
        run(space, Greedy(space, 0), Objective(), Shuffled(1, value), MemoryStore(memory()))


def test_a_controller_with_nothing_left_ends_the_search():
    class Short(CONTROLLERS.get("random")):
        name = "short"
        left = 3

        def ask(self, free):
            count = min(free, self.left)
            self.left -= count
            return super().ask(count)

    space, data = Toy(), memory()
    end = run(space, Short(space, 0), Objective(), Shuffled(2, value), MemoryStore(data), poll=0)
    assert end is End.FINISHED
    assert len(data.trials) == 3
