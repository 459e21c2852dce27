"""Every executor leaves nothing behind, and says what it lacks."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from nas.trial import FailureKind
from tests import drill
from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

OWNER = """
import sys, time
from tests import drill
executor = drill.make(sys.argv[1], workers=2)
log = drill.Log(executor)
log.listen(lambda: executor.free() == 2)
executor.submit(drill.job("child", 0))
executor.submit(drill.job("spin", 1))
log.listen(lambda: log.progress)
sys.stdout.write(f"{int(log.progress[0].metrics['pid'])}\\n")
sys.stdout.flush()
while True:
    executor.wait(1.0)
"""


@pytest.fixture(autouse=True, scope="module")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with drill.environment(tmp_path_factory.mktemp("drill")):
        yield


@pytest.mark.parametrize("name", drill.executors())
def test_an_evaluator_that_cannot_be_made_is_the_machines_fault(name: str) -> None:
    executor = drill.make(name, workers=1, broken=True)
    failure = drill.Log(executor).one("score").failure
    executor.close()
    assert failure is not None
    assert failure.kind is FailureKind.UNAVAILABLE
    assert failure.message == "FileNotFoundError: no images in /nowhere"


@pytest.mark.parametrize("name", drill.executors())
def test_close_ends_every_process_and_may_be_called_twice(name: str) -> None:
    before = drill.descendants(os.getpid())
    executor = drill.make(name, workers=2)
    log = drill.Log(executor)
    log.listen(lambda: executor.free() == 2)
    executor.submit(drill.job("child", 0))
    executor.submit(drill.job("spin", 1))
    log.listen(lambda: bool(log.progress))
    mine = drill.descendants(os.getpid()) - before
    assert len(mine) >= 3
    executor.close()
    executor.close()
    assert drill.gone(mine, 2.0)


@pytest.mark.parametrize("name", drill.executors())
def test_there_may_be_more_places_than_at_first_and_idle_ones_go_at_once(name: str) -> None:
    executor = drill.make(name, workers=1, cpus_per_trial=0.5)
    log = drill.Log(executor)
    executor.resize(3)
    log.listen(lambda: executor.free() == 3)
    for number in range(3):
        executor.submit(drill.job("until_told", number))
    log.listen(lambda: {one.number for one in log.progress} == {0, 1, 2})
    for number in range(3):
        executor.cancel(number)
    log.listen(lambda: executor.free() == 3)
    executor.resize(1)
    assert executor.free() == 1
    assert log.one("score").failure is None
    executor.close()


def test_a_place_that_is_given_up_leaves_no_process() -> None:
    before = drill.descendants(os.getpid())
    executor = drill.make("local", workers=3)
    executor.resize(2)  # before any of them is born
    log = drill.Log(executor)
    log.listen(lambda: executor.free() == 2)
    log.one("score")
    executor.resize(1)
    log.one("score")
    left = drill.descendants(os.getpid()) - before
    assert len(left) == 2, left  # the process that starts the workers, and one of them
    executor.close()


@pytest.mark.parametrize("name", drill.executors())
def test_nothing_outlives_an_owner_that_is_killed(name: str) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, name], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout is not None
    with owner.stdout:
        child = int(owner.stdout.readline())
        family = drill.descendants(owner.pid)
        assert child in family
        owner.kill()
        owner.wait()
    assert drill.gone(family, 15.0)
