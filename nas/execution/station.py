"""One worker of a cluster, as an object that is called from afar: run, news, stop."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from typing import TYPE_CHECKING

from nas.execution import Progress
from nas.execution.worker import Bench, thread_variables

if TYPE_CHECKING:
    from nas.execution import Job
    from nas.spec import Execution, Setup
    from nas.trial import Metrics, Outcome


class Station:
    """Holds an evaluator, and what its running job has reported. Each call has its own thread.

    Reports are kept until the next job, so that asking for them twice, or late, loses nothing.
    """

    def __init__(
        self, setup: Setup, execution: Execution, name: str, environ: dict[str, str]
    ) -> None:
        """Set the environment before anything numerical is loaded."""
        os.environ.update({**environ, **thread_variables(execution.cpus_per_trial)})
        if execution.gpus_per_trial == 0:
            os.environ["CUDA_VISIBLE_DEVICES"] = ""  # a cluster of others may show them all
        self._bench = Bench(setup, execution, f"{name}@{_machine()}")
        self._reports: list[Progress] = []
        self._unwanted: tuple[int, int] | None = None

    def open(self) -> str:
        """Make the evaluator, and return what this worker is called.

        If the evaluator cannot be made, every job ends with the reason.
        """
        self._bench.open()
        return self._bench.name

    def run(self, job: Job) -> tuple[list[Progress], Outcome, bool]:
        """Run a job; return its reports, its outcome, and whether this process must be replaced."""
        reports: list[Progress] = []
        self._reports = reports

        def report(step: int, metrics: Metrics) -> bool:
            reports.append(Progress(job.number, job.attempt, step, metrics))
            return self._unwanted != (job.number, job.attempt)

        outcome = self._bench.run(job, report)
        return reports, outcome, self._bench.spent

    def news(self, seen: int) -> list[Progress]:
        """Return the running job's reports after the first ``seen``."""
        return self._reports[seen:]

    def stop(self, number: int, attempt: int) -> None:
        """Let the next report of that attempt say that it should stop."""
        self._unwanted = (number, attempt)


def _machine() -> str:
    """Return this machine's name as its cluster has it, which need not be what it says itself."""
    ray = sys.modules.get("ray")
    if ray is not None and ray.is_initialized():
        with contextlib.suppress(Exception):  # a name is not worth a worker
            here = ray.get_runtime_context().get_node_id()
            for node in ray.nodes():
                if node["NodeID"] == here:
                    return str(node["NodeManagerHostname"])
    return socket.gethostname()
