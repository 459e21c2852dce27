"""Local workers: deaths of the process that forks them, and of workers that never get ready."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from nas.execution import local
from nas.execution.nursery import Nursery
from nas.execution.wire import Channel
from nas.execution.worker import WorkersUnavailable
from nas.trial import FailureKind
from tests import drill
from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

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
