"""Places where no worker starts: they are the first to go, and another number tries them again."""

from __future__ import annotations

import importlib
import time
from typing import TYPE_CHECKING, Any

import pytest

from nas.execution.local import Local
from nas.execution.ray import Ray
from nas.execution.worker import WorkersUnavailable
from tests import drill

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SEATS = """
import os
from pathlib import Path

from nas.evaluators import Evaluator


class Seats(Evaluator):
    name = "seats"

    def __init__(self, space):
        self.space = space
        for seat in Path({folder!r}).glob("seat-*"):
            try:
                seat.unlink()
                return
            except FileNotFoundError:
                pass
        os._exit(7)

    def evaluate(self, request, report):
        return {{"accuracy": 0.5}}
"""


def workers(log: drill.Log) -> list[Any]:
    assert isinstance(log.executor, Local | Ray)
    return list(log.executor._workers)


def empty(worker: Any) -> bool:
    return bool(worker.empty if hasattr(worker, "empty") else worker.actor is None)


@pytest.fixture(params=drill.executors())
def log(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[drill.Log]:
    """Three places, of which two get a worker: each takes a seat, and there are two."""
    module = importlib.import_module(f"nas.execution.{request.param}")
    monkeypatch.setattr(module, "STRIKES", 2)
    with drill.environment(tmp_path):
        (tmp_path / "evaluators" / "seats.py").write_text(SEATS.format(folder=str(tmp_path)))
        for number in range(2):
            (tmp_path / f"seat-{number}").touch()
        log = drill.Log(drill.make(request.param, workers=3, evaluator="seats", cpus_per_trial=0.5))
        log.listen(lambda: log.executor.free() == 2 and any(map(empty, workers(log))))
        yield log
        log.executor.close()


def score(log: drill.Log, count: int) -> set[str]:
    """Run so many jobs; return who ran them."""
    outcomes = log.run(*(drill.job("score", number) for number in range(count)))
    assert [outcome.metrics for outcome in outcomes] == [{"accuracy": 0.5}] * count
    return {outcome.worker for outcome in outcomes}


def test_fewer_places_end_those_without_a_worker_first(log: drill.Log) -> None:
    log.executor.resize(2)
    assert log.executor.free() == 2
    log.executor.resize(1)
    assert log.executor.free() == 1
    assert len(score(log, 3)) == 1


def test_more_places_are_filled_although_a_worker_did_not_start_before(
    log: drill.Log, tmp_path: Path
) -> None:
    for number in range(2):
        (tmp_path / f"seat-{number}").touch()
    log.executor.resize(4)
    log.listen(lambda: log.executor.free() == 4)
    score(log, 4)


@pytest.mark.parametrize("name", drill.executors())
def test_an_executor_without_workers_says_so_as_often_as_it_is_asked(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.import_module(f"nas.execution.{name}"), "STRIKES", 2)
    with drill.environment(tmp_path):
        (tmp_path / "evaluators" / "seats.py").write_text(SEATS.format(folder=str(tmp_path)))
        executor = drill.make(name, workers=1, evaluator="seats")
        until = time.monotonic() + 60
        for _ in range(2):  # the second time nothing happens any more
            with pytest.raises(WorkersUnavailable, match=r"no (local|Ray) worker starts"):
                while time.monotonic() < until:
                    executor.wait(0.2)
        executor.close()
