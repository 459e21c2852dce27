"""How a Ray cluster of our own dies: the executor says so, survives, and leaves nothing."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from nas.execution.head import Head
from nas.execution.ray import Ray
from nas.execution.worker import WorkersUnavailable
from nas.trial import FailureKind
from tests import drill

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module", autouse=True)
def plugins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with drill.environment(tmp_path_factory.mktemp("drill")):
        yield


def outlive(victim: str) -> None:
    """Kill one process of the cluster and check what the executor makes of it."""
    before = drill.descendants(os.getpid())
    executor = drill.make("ray")
    assert isinstance(executor, Ray)
    head = executor._cluster._head
    assert isinstance(head, Head)
    log = drill.Log(executor)
    log.one("score")
    executor.submit(drill.job("hang", 1))
    log.listen(lambda: any(p.number == 1 for p in log.progress))
    family = drill.descendants(os.getpid()) - before
    names = {Path(f"/proc/{pid}/comm").read_text().strip(): pid for pid in family}
    drill.kill(names.get(victim, head._process.pid))
    log.listen(lambda: len(log.finished) == 2, seconds=20)
    failure = log.finished[1].outcome.failure
    assert failure is not None
    assert failure.kind is FailureKind.LOST
    with pytest.raises(WorkersUnavailable):
        log.listen(lambda: False, seconds=20)
    executor.close()
    assert not head.folder.exists()
    assert drill.gone(family, 5.0)


@pytest.mark.ray
@pytest.mark.parametrize("victim", ["gcs_server", "raylet", "head"])
def test_when_its_cluster_dies_an_executor_says_so_and_leaves_nothing(victim: str) -> None:
    """In a process of its own: Ray ends those that are slow to let go of a dead cluster."""
    process = multiprocessing.get_context("spawn").Process(target=outlive, args=(victim,))
    process.start()
    process.join(150)
    if process.is_alive():
        process.kill()
        process.join()
    assert process.exitcode == 0
