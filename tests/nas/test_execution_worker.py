"""What every worker does: naming failures, checking metrics, sharing devices, hiding secrets."""

from __future__ import annotations

import errno
import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nas.evaluators import Evaluator
from nas.execution import Finished, Job, Progress
from nas.execution.wire import (
    finished_message,
    job_message,
    progress_message,
    read_job,
    read_update,
)
from nas.execution.worker import (
    Bench,
    check_gpus,
    describe,
    devices_of,
    make_evaluator,
    numbers,
    places,
    run_job,
    scrubbed,
    threads,
)
from nas.spec import Execution, Setup
from nas.trial import Failure, FailureKind, Outcome, TrialFailure
from searchspaces import SpaceError
from searchspaces.catalog import SPACES

TOY = Setup.model_validate({"space": "toy", "evaluator": "toy"})
JOB = Job(3, 1, (2, 1, 2, 3, 0, 1), 7, 4)


class Raises(Evaluator):
    """Raises what it was given."""

    def __init__(self, error: BaseException) -> None:
        self.error, self.space = error, SPACES.create("toy")

    def evaluate(self, *_: object) -> dict[str, float]:
        raise self.error


def kind_of(error: BaseException) -> FailureKind:
    failure = run_job(Raises(error), JOB, lambda *_: True).failure
    assert failure is not None
    return failure.kind


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ValueError("x"), FailureKind.ERROR),
        (SpaceError("x"), FailureKind.INVALID),
        (TrialFailure(FailureKind.DIVERGED, "x"), FailureKind.DIVERGED),
        (MemoryError(), FailureKind.OUT_OF_MEMORY),
        (torch.OutOfMemoryError("CUDA out of memory. Tried"), FailureKind.OUT_OF_MEMORY),
        (OSError(errno.ENOMEM, "x"), FailureKind.OUT_OF_MEMORY),
        (OSError(errno.ENOSPC, "x"), FailureKind.DISK_FULL),
        (OSError(errno.EDQUOT, "x"), FailureKind.DISK_FULL),
        (FileNotFoundError(errno.ENOENT, "x"), FailureKind.ERROR),
        (RuntimeError("CUDA error: an illegal memory access"), FailureKind.LOST),
        (RuntimeError("mat1 and mat2 shapes"), FailureKind.ERROR),
        (SystemExit(1), FailureKind.ERROR),
    ],
)
def test_an_exception_has_its_kind_of_failure(error: BaseException, kind: FailureKind) -> None:
    assert kind_of(error) is kind


def test_torch_without_memory_on_the_cpu_is_out_of_memory() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 60, dtype=torch.uint8)
    assert kind_of(caught.value) is FailureKind.OUT_OF_MEMORY


def test_a_keyboard_interrupt_passes() -> None:
    with pytest.raises(KeyboardInterrupt):
        run_job(Raises(KeyboardInterrupt()), JOB, lambda *_: True)


def test_a_trace_is_the_last_lines_and_messages_are_bounded() -> None:
    def deep(level: int) -> None:
        if level:
            deep(level - 1)
        raise ValueError("y" * 10_000)

    with pytest.raises(ValueError, match="y") as caught:
        deep(30)
    failure = describe(caught.value)
    assert failure.message.startswith("ValueError: yyy")
    assert len(failure.message) <= 4000
    assert 1 <= len(failure.trace.splitlines()) <= 20
    assert len(failure.trace) <= 4000


def test_numbers_of_numpy_become_floats_and_others_are_refused() -> None:
    metrics = numbers({"a": np.float32(0.5), "b": 2}, "at the end")
    assert metrics == {"a": 0.5, "b": 2.0}
    assert all(type(value) is float for value in metrics.values())
    for bad in ({}, [], {"a": None}, {"a": True}, {1: 0.5}, {"a": float("-inf")}, {"a": 1j}):
        with pytest.raises(TrialFailure) as caught:
            numbers(bad, "at the end")
        assert caught.value.kind is FailureKind.BAD_METRIC


def test_a_worker_whose_gpu_is_broken_is_spent() -> None:
    bench = Bench(TOY, Execution(), "here")
    bench._evaluator = Raises(RuntimeError("CUDA error: unspecified launch failure"))
    assert bench.run(JOB, lambda *_: True).failure is not None
    assert bench.spent
    bench = Bench(TOY, Execution(), "here")
    bench._evaluator = Raises(ValueError("x"))
    bench.run(JOB, lambda *_: True)
    assert not bench.spent


def test_a_bench_tries_again_to_make_its_evaluator() -> None:
    bench = Bench(
        TOY.model_copy(update={"space": TOY.space.model_copy(update={"name": "x"})}),
        Execution(),
        "b",
    )
    failure = bench.open()
    assert failure is not None
    assert failure.kind is FailureKind.UNAVAILABLE
    assert "unknown search space 'x'" in failure.message
    bench.setup = TOY
    outcome = bench.run(JOB, lambda *_: True)
    assert outcome.worker == "b"
    assert outcome.metrics == {"accuracy": 1.0}


def test_an_evaluator_without_the_data_it_needs_says_so() -> None:
    setup = Setup.model_validate({"space": "toy", "evaluator": "trained"})
    with pytest.raises(ValueError, match="'trained' needs data, and data is none"):
        make_evaluator(setup)


@given(
    devices=st.integers(0, 9),
    gpus=st.sampled_from([0.1, 0.2, 0.25, 0.3, 1 / 3, 0.5, 0.6, 0.9, 1.0, 2.0, 3.0]),
)
def test_no_device_is_given_to_more_workers_than_it_has_parts(devices: int, gpus: float) -> None:
    names = [f"gpu{i}" for i in range(devices)]
    given_out = [devices_of(place, names, gpus) for place in range(places(devices, gpus))]
    assert all(len(mine) == max(1, int(gpus)) for mine in given_out)
    for name in names:
        assert sum(mine.count(name) for mine in given_out) * min(gpus, 1) <= 1 + 1e-6
    used = sum(len(mine) for mine in given_out)
    assert used * min(gpus, 1) <= devices + 1e-6


def test_thirds_of_a_gpu_are_three_and_no_gpu_is_none() -> None:
    assert places(2, 1 / 3) == 6
    assert places(1, 0.3) == 3
    assert places(3, 2) == 1
    assert devices_of(5, ["a", "b"], 1 / 3) == ["b"]
    assert devices_of(1, ["a", "b", "c", "d"], 2) == ["c", "d"]
    assert devices_of(1, ["a"], 0) == []
    with pytest.raises(ValueError, match=r"gpus_per_trial is 1\.5: must be a whole number"):
        check_gpus(1.5)


def test_cores_become_whole_threads() -> None:
    assert [threads(cpus) for cpus in (0.25, 1.0, 1.9, 4.0)] == [1, 1, 1, 4]


def test_secrets_and_settings_of_the_service_are_hidden_and_the_rest_is_kept() -> None:
    kept = {"PATH": "/bin", "NAS_PLUGINS": "/p", "NAS_SHARED_DATA": "/d", "KEYBOARD": "us"}
    names = "NAS_TOKEN NAS_DB_URL NAS_HOME HF_TOKEN AWS_SECRET_ACCESS_KEY PGPASSWORD DATABASE_URL"
    secret = dict.fromkeys(names.split(), "x")
    assert scrubbed({**kept, **secret}) == kept


metrics_strategy = st.dictionaries(st.text(max_size=5), st.floats(allow_nan=False), max_size=3)


@given(
    decisions=st.lists(st.integers(0, 99)).map(tuple),
    seed=st.integers(0, 2**63 - 1),
    budget=st.none() | st.integers(1, 99),
)
def test_a_job_survives_the_wire(decisions: tuple[int, ...], seed: int, budget: int | None) -> None:
    job = Job(1, 2, decisions, seed, budget)
    assert read_job(json.loads(json.dumps(job_message(job)))) == job


@given(
    metrics=metrics_strategy,
    failure=st.none()
    | st.builds(Failure, st.sampled_from(FailureKind), st.text(max_size=9), st.text(max_size=9)),
    stopped=st.booleans(),
)
def test_reports_and_ends_survive_the_wire(
    metrics: dict[str, float], failure: Failure | None, stopped: bool
) -> None:
    progress = Progress(1, 2, 3, metrics)
    assert read_update(json.loads(json.dumps(progress_message(progress)))) == progress
    finished = Finished(1, 2, Outcome(metrics, failure, stopped, "local-0"))
    assert read_update(json.loads(json.dumps(finished_message(finished)))) == finished
