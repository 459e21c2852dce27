"""Runs trials one after another in this process: for tables, notebooks and debugging."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from nas.execution import Executor, Finished, Job, Progress
from nas.execution.worker import make_evaluator, run_job

if TYPE_CHECKING:
    from nas.spec import Execution, Setup
    from nas.trial import Metrics


class Inline(Executor):
    """No processes: ``wait`` runs the oldest job to its end. No deadline, no protection."""

    name = "inline"

    def __init__(self, setup: Setup, execution: Execution) -> None:
        """Make the evaluator here and now."""
        super().__init__(setup, execution)
        self.evaluator = make_evaluator(setup)
        self.jobs: deque[Job] = deque()
        self.cancelled: set[int] = set()

    def free(self) -> int:
        """Return what is left of so many places in the queue."""
        return max(0, self.workers - len(self.jobs))

    def submit(self, job: Job) -> None:
        """Queue a job."""
        self.jobs.append(job)

    def wait(self, timeout: float) -> list[Progress | Finished]:  # noqa: ARG002 - never waits
        """Run the oldest job and return its reports and its end."""
        if not self.jobs:
            return []
        job = self.jobs.popleft()
        updates: list[Progress | Finished] = []

        def report(step: int, metrics: Metrics) -> bool:
            updates.append(Progress(job.number, job.attempt, step, metrics))
            return job.number not in self.cancelled

        updates.append(Finished(job.number, job.attempt, run_job(self.evaluator, job, report)))
        self.cancelled.discard(job.number)
        return updates

    def cancel(self, number: int) -> None:
        """Stop a queued job at its first report."""
        self.cancelled.add(number)

    def close(self) -> None:
        """Forget what is queued."""
        self.jobs.clear()
