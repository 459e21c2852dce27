"""Local workers: deaths of the process that forks them, and of workers that never get ready."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from nas.execution import local
from nas.execution.local import Local
from nas.execution.nursery import Nursery, _Ward
from nas.execution.wire import Channel
from nas.execution.worker import WorkersUnavailable
from nas.trial import FailureKind
from tests import drill
from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

SETUP = {"space": "toy", "evaluator": "drill"}
FATAL = """
import os
from nas.evaluators import Evaluator


class Fatal(Evaluator):
    name = "fatal"

    def __init__(self, space):
        {body}
        self.space = space

    def evaluate(self, request, report):
        return {{"accuracy": 0.5}}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path) -> Iterator[Path]:
    with drill.environment(tmp_path):
        yield tmp_path


def nursery_of(family: set[int]) -> int:
    """Return the process whose parent is this one."""
    for pid in family:
        stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2]
        if int(stat.split()[1]) == os.getpid():
            return pid
    raise AssertionError(family)


def test_the_death_of_the_nursery_loses_jobs_and_new_workers_come() -> None:
    before = drill.descendants(os.getpid())
    executor = drill.make("local")
    log = drill.Log(executor)
    log.one("score")
    executor.submit(drill.job("hang", 1))
    executor.submit(drill.job("hang", 2))
    log.listen(lambda: {p.number for p in log.progress} >= {1, 2})
    family = drill.descendants(os.getpid()) - before
    drill.kill(nursery_of(family))
    log.listen(lambda: len(log.finished) == 3)
    for end in log.finished[1:]:
        assert end.outcome.failure is not None
        assert end.outcome.failure.kind is FailureKind.LOST
    assert drill.gone(family, 2.0)
    assert log.one("score").metrics["accuracy"] == 0.5
    executor.close()


def fatal(folder: Path, body: str) -> drill.Log:
    (folder / "evaluators" / "fatal.py").write_text(FATAL.format(body=body))
    return drill.Log(drill.make("local", evaluator="fatal"))


def test_workers_that_die_before_they_are_ready_are_not_started_for_ever(folder: Path) -> None:
    log = fatal(folder, "os._exit(7)")
    log.executor.submit(drill.job("score"))
    with pytest.raises(WorkersUnavailable, match=r"no local worker starts: .* exit code 7"):
        log.listen(lambda: bool(log.finished))
    log.executor.close()


def test_a_place_whose_workers_never_get_ready_leaves_the_work_to_the_others(
    folder: Path,
) -> None:
    body = "os.environ['CUDA_VISIBLE_DEVICES'] == '' and self.first()"
    text = FATAL.format(body=body) + (
        "\n    def first(self):\n"
        f"        try:\n            os.mkdir({str(folder / 'once')!r})\n"
        "        except FileExistsError:\n            os._exit(7)\n"
    )
    (folder / "evaluators" / "fatal.py").write_text(text)
    log = drill.Log(drill.make("local", evaluator="fatal"))
    outcomes = log.run(*(drill.job("score", number) for number in range(4)))
    assert [outcome.metrics for outcome in outcomes] == [{"accuracy": 0.5}] * 4
    assert len({outcome.worker for outcome in outcomes}) == 1
    log.executor.close()


def test_a_worker_that_hangs_before_it_is_ready_is_given_up(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "START_SECONDS", 1.0)
    log = fatal(folder, "__import__('time').sleep(1000)")
    with pytest.raises(WorkersUnavailable, match="not ready after 1 s"):
        log.listen(lambda: log.executor.free() == 99)
    log.executor.close()


def test_a_script_without_a_main_guard_can_use_local_workers(folder: Path) -> None:
    script = folder / "script.py"
    script.write_text(
        "from tests import drill\n"
        "executor = drill.make('local')\n"
        "print(drill.Log(executor).one('score').metrics['accuracy'])\n"
        "executor.close()\n"
    )
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, str(script)], env=environ, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("0.5\n", "")


def test_a_hundred_dying_workers_lose_no_job() -> None:
    executor = drill.make("local")
    log = drill.Log(executor)
    outcomes = log.run(*(drill.job(("leave", "killed")[n % 2], n) for n in range(100)))
    kinds = {outcome.failure and outcome.failure.kind for outcome in outcomes}
    executor.close()
    assert kinds == {FailureKind.LOST}


def test_close_while_workers_are_starting_leaves_nothing() -> None:
    before = drill.descendants(os.getpid())
    executor = drill.make("local")
    time.sleep(0.1)
    family = drill.descendants(os.getpid()) - before
    executor.close()
    assert family
    assert drill.gone(family | (drill.descendants(os.getpid()) - before), 2.0)
    with pytest.raises(WorkersUnavailable, match="closed"):
        executor.wait(0.1)


def test_more_gpus_than_there_are_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="gpus_per_trial is 8, but this machine has"):
        drill.make("local", gpus_per_trial=8)


def test_a_message_is_whole_or_not_there() -> None:
    ours, theirs = Channel.pair()
    theirs.send({"progress": "x" * 100_000})
    theirs.send({"n": 2})
    theirs.close()
    assert ours.receive() == {"progress": "x" * 100_000}
    assert list(ours.pending()) == [{"n": 2}, None]
    assert ours.receive() is None
    with pytest.raises(OSError, match=r"Broken pipe|reset"):
        ours.send({})
    ours.close()


def test_asking_a_dead_nursery_is_no_error() -> None:
    executor = drill.make("local", workers=1)
    drill.Log(executor).one("score")
    nursery = Nursery(executor.setup, executor.execution, [])
    nursery.close()
    nursery.kill(1)
    executor.close()


@contextmanager
def few_files(left: int) -> Iterator[None]:
    """Leave this process only so many file descriptors inside the block."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(entry.name) for entry in Path("/proc/self/fd").iterdir())
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(highest, 256) + 100, before[1]))
    taken = []
    try:
        with pytest.raises(OSError, match="Too many open files"):
            while True:
                taken.append(os.dup(0))
        for _ in range(left):
            os.close(taken.pop())
        yield
    finally:
        for number in taken:
            os.close(number)
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_workers_for_which_there_are_no_files_left_are_done_without(
    caplog: pytest.LogCaptureFixture,
) -> None:
    executor = drill.make("local", workers=1)
    with few_files(8):
        executor.resize(16)
    assert "local-15 does not start, the others go on" in caplog.text
    log = drill.Log(executor)
    assert 4 <= executor.free() < 16
    outcomes = log.run(*(drill.job("score", number) for number in range(16)))
    assert [outcome.metrics["accuracy"] for outcome in outcomes] == [0.5] * 16
    executor.resize(16)
    log.listen(lambda: executor.free() == 16)
    executor.close()


def test_where_no_worker_at_all_can_be_started_the_executor_says_so() -> None:
    executor = drill.make("local", workers=1)
    log = drill.Log(executor)
    log.one("score")
    with few_files(0):
        log.executor.submit(drill.job("leave"))
        with pytest.raises(WorkersUnavailable, match=r"no local worker starts: .*Too many open"):
            log.listen(lambda: len(log.finished) == 9)
    executor.close()


def refuse() -> int:
    raise BlockingIOError(11, "no more processes")


def test_a_worker_that_cannot_be_forked_is_done_without() -> None:
    ours, theirs = Channel.pair()
    mine, workers = Channel.pair()
    theirs.send({"setup": SETUP, "execution": {}, "devices": []})
    ward = _Ward(ours)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fork", refuse)
        ward._fork(3, workers)
    assert theirs.receive() == {"stillborn": 3, "cause": "[Errno 11] no more processes"}
    assert mine.receive() is None
    for channel in (ours, theirs, mine):
        channel.close()


def test_there_are_not_more_workers_than_the_machine_takes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    most = Local.most_workers()
    assert 16 <= most <= 256
    executor = drill.make("local", workers=5000)
    assert executor.free() == most
    assert f"of 5000 workers there is room for {most}" in caplog.text
    executor.close()
