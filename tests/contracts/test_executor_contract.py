"""Every executor: whatever happens to a worker, each job ends exactly once, as what it was."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from nas.trial import FailureKind
from tests import drill

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nas.trial import Outcome

DEADLINE = 3.0


# One executor for the whole module: a Ray cluster takes some 5 s to start.
@pytest.fixture(scope="module", params=drill.executors())
def log(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[drill.Log]:
    with drill.environment(tmp_path_factory.mktemp("drill")):
        executor = drill.make(request.param, trial_timeout_seconds=DEADLINE)
        yield drill.Log(executor)
        executor.close()


def place(outcome: Outcome) -> str:
    """Return the place of a worker: on a cluster its name tells the machine too."""
    return outcome.worker.partition("@")[0]


def test_a_job_ends_with_its_metrics_and_the_name_of_its_worker(log: drill.Log) -> None:
    outcome = log.one("score")
    assert outcome.metrics == {"accuracy": 0.5, "loss": 1.0}
    assert outcome.failure is None
    assert not outcome.stopped
    assert place(outcome) in {f"{log.executor.name}-0", f"{log.executor.name}-1"}


def test_every_report_of_a_job_arrives_once_and_in_order(log: drill.Log) -> None:
    log.progress.clear()
    log.run(drill.job("score", 4, attempt=2))
    told = [(p.number, p.attempt, p.step, p.metrics) for p in log.progress]
    assert told == [(4, 2, step, {"accuracy": step / 10}) for step in (1, 2, 3)]


def test_reports_arrive_while_the_job_runs(log: drill.Log) -> None:
    log.progress.clear()
    log.listen(lambda: log.executor.free() > 0)
    log.executor.submit(drill.job("until_told", 5))
    log.listen(lambda: len(log.progress) >= 3)
    log.executor.cancel(5)
    log.listen(lambda: bool(log.finished) and log.finished[-1].number == 5)
    assert log.finished[-1].outcome.stopped


def test_two_workers_run_two_jobs_at_once(log: drill.Log) -> None:
    log.listen(lambda: log.executor.free() == 2)
    log.progress.clear()
    for number in (0, 1):
        log.executor.submit(drill.job("until_told", number))
    before = len(log.finished)
    log.listen(lambda: {p.number for p in log.progress} == {0, 1})
    assert len(log.finished) == before
    for number in (0, 1):
        log.executor.cancel(number)
    log.listen(lambda: len(log.finished) == before + 2)
    assert {place(end.outcome)[-1] for end in log.finished[before:]} == {"0", "1"}


def test_more_jobs_than_workers_wait_their_turn(log: drill.Log) -> None:
    outcomes = log.run(*(drill.job("score", number) for number in range(6)))
    assert [outcome.metrics["accuracy"] for outcome in outcomes] == [0.5] * 6


def test_free_counts_the_jobs_that_can_be_submitted(log: drill.Log) -> None:
    log.listen(lambda: log.executor.free() == 2)
    log.executor.submit(drill.job("until_told", 0))
    assert log.executor.free() == 1
    log.executor.submit(drill.job("until_told", 1))
    assert log.executor.free() == 0
    log.executor.submit(drill.job("until_told", 2))
    for number in (2, 0, 1):  # the first of these has not started
        log.executor.cancel(number)
    before = len(log.finished)
    log.listen(lambda: len(log.finished) == before + 3)
    assert all(end.outcome.stopped for end in log.finished[before:])
    assert log.executor.free() == 2


def test_fewer_places_let_running_jobs_end_and_more_are_filled_again(log: drill.Log) -> None:
    log.listen(lambda: log.executor.free() == 2)
    log.progress.clear()
    before = len(log.finished)
    for number in (20, 21):
        log.executor.submit(drill.job("until_told", number))
    log.listen(lambda: {p.number for p in log.progress} == {20, 21})
    log.executor.resize(1)
    log.executor.cancel(20)
    log.listen(lambda: len(log.finished) == before + 1)
    log.executor.submit(drill.job("score", 22))  # waits for the one place that is left
    log.progress.clear()
    log.listen(lambda: len(log.progress) > 9)
    assert {p.number for p in log.progress} == {21}
    assert log.executor.free() == 0
    log.executor.cancel(21)
    log.listen(lambda: log.executor.free() == 1)
    assert [end.number for end in log.finished[before:]] == [20, 21, 22]
    log.executor.resize(2)
    log.listen(lambda: log.executor.free() == 2)
    outcomes = log.run(drill.job("silent", 23), drill.job("silent", 24))
    names = {f"{log.executor.name}-{number}" for number in (0, 1)}
    assert {place(outcome) for outcome in outcomes} == names


def test_an_exception_is_an_error_with_its_trace_and_the_worker_goes_on(log: drill.Log) -> None:
    failure = log.one("error").failure
    assert failure is not None
    assert failure.kind is FailureKind.ERROR
    assert failure.message == "ValueError: the cell has no output"
    assert "in error" in failure.trace
    assert log.one("score").failure is None


@pytest.mark.parametrize(
    ("action", "kind", "part"),
    [
        ("exit", FailureKind.ERROR, "SystemExit: enough"),
        ("nan", FailureKind.BAD_METRIC, "'accuracy' at the end is nan"),
        ("text", FailureKind.BAD_METRIC, "'accuracy' at the end is '0.9'"),
        ("nothing", FailureKind.BAD_METRIC, "no metrics at the end"),
        ("nan_on_the_way", FailureKind.BAD_METRIC, "'loss' at step 3 is inf"),
        ("diverge", FailureKind.DIVERGED, "loss is not finite in epoch 2"),
        ("memory", FailureKind.OUT_OF_MEMORY, "MemoryError"),
        ("disk_full", FailureKind.DISK_FULL, "No space left on device"),
    ],
)
def test_a_failure_has_its_own_kind_and_leaves_the_worker_alive(
    log: drill.Log, action: str, kind: FailureKind, part: str
) -> None:
    failure = log.one(action).failure
    assert failure is not None
    assert failure.kind is kind
    assert part in failure.message


def test_decisions_that_are_no_architecture_are_invalid(log: drill.Log) -> None:
    bad = drill.job("score")
    outcome = log.run(type(bad)(0, 1, (99, *bad.decisions[1:]), bad.seed))[0]
    assert outcome.failure is not None
    assert outcome.failure.kind is FailureKind.INVALID
    assert "99" in outcome.failure.message


@pytest.mark.parametrize("action", ["leave", "killed"])
def test_a_worker_that_dies_is_lost_and_replaced(log: drill.Log, action: str) -> None:
    failure = log.one(action).failure
    assert failure is not None
    assert failure.kind is FailureKind.LOST
    assert failure.message
    log.listen(lambda: log.executor.free() == 2)
    assert log.run(drill.job("score", 1), drill.job("score", 2))[0].failure is None


def test_killing_a_worker_loses_its_job_alone(log: drill.Log) -> None:
    log.progress.clear()
    log.listen(lambda: log.executor.free() == 2)
    log.executor.submit(drill.job("hang", 0))
    log.executor.submit(drill.job("silent", 1))
    before = len(log.finished)
    log.listen(lambda: any(p.number == 0 for p in log.progress))
    drill.kill(int(log.progress[0].metrics["pid"]))
    log.listen(lambda: len(log.finished) == before + 2)
    ends = {end.number: end.outcome for end in log.finished[before:]}
    assert ends[0].failure is not None
    assert ends[0].failure.kind is FailureKind.LOST
    assert ends[1].metrics == {"accuracy": 0.25}


@pytest.mark.parametrize("action", ["hang", "spin", "freeze"])
def test_a_trial_past_its_deadline_is_killed_and_its_place_used_again(
    log: drill.Log, action: str
) -> None:
    log.listen(lambda: log.executor.free() == 2)
    start = time.monotonic()
    failure = log.one(action).failure
    assert failure is not None
    assert failure.kind is FailureKind.TIMEOUT
    assert failure.message == "no result after 3 s"
    assert DEADLINE <= time.monotonic() - start < DEADLINE + 10
    log.listen(lambda: log.executor.free() == 2)
    assert log.one("score").failure is None


def test_a_trial_past_its_deadline_takes_along_what_it_had_started(log: drill.Log) -> None:
    log.progress.clear()
    failure = log.one("child").failure
    assert failure is not None
    assert failure.kind is FailureKind.TIMEOUT
    assert drill.gone([int(log.progress[0].metrics["pid"])], 5.0)


def test_a_trial_sees_the_plug_ins_and_its_cores_but_no_secrets_and_no_gpu(
    log: drill.Log,
) -> None:
    assert log.one("environment").metrics == {
        "token": 0.0,
        "plugins": 1.0,
        "threads": 1.0,
        "gpus_hidden": 1.0,
    }
