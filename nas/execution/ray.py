"""Trials on a Ray cluster, this machine's own or one that exists, in long-lived actors.

Ray moves the calls and finds the resources. What it would also do is switched off: it restarts and
retries nothing (with its retries, one trial ran twice and gave one result), and a hanging trial is
ended by ``ray.kill``, for ``ray.cancel`` does not reach a loop in C. Replacements start while the
others go on; an actor that the cluster has no room for simply stays unborn.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import math
import os
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nas.execution import Executor, Finished, Job, Progress
from nas.execution.cluster import Cluster
from nas.execution.station import Station
from nas.execution.worker import WorkersUnavailable, check_gpus
from nas.trial import Failure, FailureKind, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nas.spec import Execution, Setup

STRIKES = 10  # actors that die in a row before they are ready, before it is called hopeless
NEWS_SECONDS = 0.5  # how often a running trial is asked for its reports
LOOK_SECONDS = 2.0  # how often the cluster is looked at

log = logging.getLogger(__name__)


@dataclass
class _Worker:
    """One place for a trial. The last three are Ray's promises of a result, None where none is."""

    place: int
    station: str = ""  # what its actor is called, once that has said so
    actor: Any = None
    ready: bool = False
    job: Job | None = None
    seen: int = 0  # reports passed on
    ask_at: float = math.inf
    deadline: float = math.inf
    opening: Any = None
    result: Any = None
    news: Any = None

    @property
    def name(self) -> str:
        return self.station or f"ray-{self.place}"


class Ray(Executor):
    """Long-lived actors on a Ray cluster: this machine's own, or an existing one."""

    name = "ray"

    def __init__(self, setup: Setup, execution: Execution) -> None:
        """Connect and ask for the actors.

        Raises ValueError where no node of the cluster has what one trial needs, and
        WorkersUnavailable where there is no cluster.
        """
        super().__init__(setup, execution)
        check_gpus(execution.gpus_per_trial)
        self._cluster = Cluster(execution)
        import ray  # after Cluster has set what Ray reads when it is loaded

        self._ray: Any = ray
        self._cluster.connect(ray)
        self._workers = [_Worker(place) for place in range(self.workers)]
        self._queue: deque[Job] = deque()
        self._events: list[Progress | Finished] = []
        self._strikes = 0
        self._reason = ""
        self._look_at = 0.0
        self._actors = self._ray.remote(Station).options(
            num_cpus=execution.cpus_per_trial,
            num_gpus=execution.gpus_per_trial,
            max_restarts=0,
            max_task_retries=0,
            max_concurrency=3,  # a trial, a question for news, a wish to stop
        )
        for worker in self._workers:
            self._employ(worker)

    def free(self) -> int:
        """Return the actors that wait for a job, less the jobs that wait for an actor."""
        idle = sum(worker.ready and worker.job is None for worker in self._workers)
        return max(0, idle - len(self._queue))

    def submit(self, job: Job) -> None:
        """Give the job to an actor that is ready, or to the first that will be."""
        self._queue.append(job)
        self._dispatch()

    def cancel(self, number: int) -> None:
        """End a waiting job at once, a running one at its next report."""
        for job in [job for job in self._queue if job.number == number]:
            self._queue.remove(job)
            self._events.append(Finished(number, job.attempt, Outcome(stopped=True)))
        for worker in self._workers:
            if worker.job is not None and worker.job.number == number:
                worker.actor.stop.remote(number, worker.job.attempt)

    def wait(self, timeout: float) -> list[Progress | Finished]:
        """Return reports and ends; raise WorkersUnavailable when the cluster is gone."""
        until = time.monotonic() + timeout
        while True:
            self._look()
            if self._cluster.connected():
                self._receive(0.0 if self._events else until - time.monotonic())
            self._enforce()
            self._retire()
            self._dispatch()
            if not self._events and self._hopeless():
                raise WorkersUnavailable(f"no Ray worker starts: {self._reason}")
            if self._events or time.monotonic() >= until:
                events, self._events = self._events, []
                return events

    def resize(self, workers: int) -> None:
        """Ask for actors at the places that are free, or kill those that are too many."""
        super().resize(workers)
        self._strikes = 0  # whoever changes the number may have mended what kept them from starting
        self._retire()
        taken = {worker.place for worker in self._workers}
        free = (place for place in itertools.count() if place not in taken)
        lacking = max(0, workers - len(taken))
        self._workers.extend(_Worker(place) for place in itertools.islice(free, lacking))
        for worker in self._workers:
            if worker.actor is None and self._cluster.connected():
                self._employ(worker)

    def close(self) -> None:
        """Kill the actors, disconnect, and end the cluster if it is our own."""
        for worker in self._workers:
            self._drop(worker)
        self._queue.clear()
        self._cluster.close()

    def _hopeless(self) -> bool:
        return self._strikes >= STRIKES and not any(worker.ready for worker in self._workers)

    def _employ(self, worker: _Worker) -> None:
        """Ask for an actor at this place, unless it is hopeless; nothing waits for it."""
        self._drop(worker)
        if self._strikes >= STRIKES:
            return
        environ = {name: os.environ[name] for name in ("NAS_PLUGINS",) if name in os.environ}
        worker.actor = self._actors.remote(self.setup, self.execution, worker.name, environ)
        worker.opening = worker.actor.open.remote()

    def _retire(self) -> None:
        """Kill actors without a job while there are too many, those first that are not born."""
        surplus = len(self._workers) - self.workers
        if surplus > 0:
            idle = sorted((w for w in self._workers if w.job is None), key=lambda w: w.ready)
            for worker in idle[:surplus]:
                self._drop(worker)
                self._workers.remove(worker)

    def _drop(self, worker: _Worker) -> None:
        """Kill the actor at this place and forget its promises."""
        if worker.actor is not None and self._cluster.connected():
            with contextlib.suppress(self._ray.exceptions.RayError):
                self._ray.kill(worker.actor)
        worker.__dict__.update(_Worker(worker.place).__dict__)

    def _dispatch(self) -> None:
        now = time.monotonic()
        for worker in self._workers:
            if self._queue and worker.ready and worker.job is None and self._cluster.connected():
                worker.job, worker.seen = self._queue.popleft(), 0
                worker.result = worker.actor.run.remote(worker.job)
                worker.ask_at = now + NEWS_SECONDS
                worker.deadline = now + (self.execution.trial_timeout_seconds or math.inf)

    def _look(self) -> None:
        """End all jobs when the cluster is gone, and raise once that is told."""
        if self._events:
            return
        now = time.monotonic()
        due = now >= self._look_at
        gone = self._cluster.gone(ask=due)
        if due:
            self._look_at = now + LOOK_SECONDS
        if not gone:
            self.nodes = self._cluster.nodes() if due else self.nodes
            return
        self._look_at = 0.0
        jobs = [worker for worker in self._workers if worker.job is not None]
        if not jobs:
            raise WorkersUnavailable(gone)
        for worker in jobs:
            self._end(worker, Failure(FailureKind.LOST, gone))
            worker.ready = False

    def _receive(self, timeout: float) -> None:
        """Take in all that has come, after at most ``timeout`` seconds or what is due earlier."""
        now = time.monotonic()
        for worker in self._workers:
            if worker.job is not None and worker.news is None and worker.ask_at <= now:
                worker.news = worker.actor.news.remote(worker.seen)
        due = [min(w.deadline, w.ask_at if w.news is None else math.inf) for w in self._workers]
        rest = max(0.0, min(timeout, LOOK_SECONDS, *(moment - now for moment in due)))
        promises = {promise: place for w in self._workers for promise, place in _promises(w)}
        if not promises:
            time.sleep(rest)
            return
        done, _ = self._ray.wait(list(promises), timeout=rest)
        if done:
            done, _ = self._ray.wait(list(promises), num_returns=len(promises), timeout=0)
        for promise in done:
            worker, kind = promises[promise]
            if getattr(worker, kind) is not None:  # else its actor has fallen a moment ago
                self._take(worker, kind, promise)

    def _take(self, worker: _Worker, kind: str, promise: Any) -> None:
        """Take what a promise has become: a result, or the error of a dead actor."""
        setattr(worker, kind, None)
        try:
            value = self._ray.get(promise)
        except self._ray.exceptions.RayError as error:
            worker.ask_at = math.inf
            if kind != "news":  # of a death in the middle of a trial, its result will tell
                self._fallen(worker, error)
            return
        if kind == "opening":
            worker.station, worker.ready, self._strikes = value, True, 0
        elif kind == "news":
            worker.ask_at = time.monotonic() + NEWS_SECONDS
            self._report(worker, value)
        else:
            reports, outcome, spent = value
            self._report(worker, reports[worker.seen :])
            self._finish(worker, outcome)
            if spent:
                self._employ(worker)

    def _report(self, worker: _Worker, reports: list[Progress]) -> None:
        """Pass reports on, unless they are an earlier job's."""
        job = worker.job
        if job is None or not reports or reports[0].number != job.number:
            return
        self._events.extend(reports)
        worker.seen += len(reports)

    def _finish(self, worker: _Worker, outcome: Outcome) -> None:
        job = worker.job
        worker.job = worker.result = worker.news = None
        worker.deadline = worker.ask_at = math.inf
        if job is not None:
            self._events.append(Finished(job.number, job.attempt, outcome))

    def _end(self, worker: _Worker, failure: Failure) -> None:
        self._finish(worker, Outcome(failure=failure, worker=worker.name))

    def _fallen(self, worker: _Worker, error: Exception) -> None:
        """Record the death of an actor and ask for another."""
        failure = self._failure(error)
        log.warning("%s: %s", worker.name, failure.message)
        if worker.ready:
            self._strikes = 0  # starting works: what ends them is something else
            self._end(worker, failure)
        else:
            self._strikes, self._reason = self._strikes + 1, failure.message
        self._employ(worker)

    def _failure(self, error: Exception) -> Failure:
        errors = self._ray.exceptions
        kind = FailureKind.LOST
        if isinstance(error, errors.OutOfMemoryError):  # Ray's watch over the node's memory
            kind = FailureKind.OUT_OF_MEMORY
        elif isinstance(error, errors.RayTaskError):
            kind = FailureKind.ERROR
        text = " ".join(str(error).split())
        return Failure(kind, f"{type(error).__name__}: {text}"[:1000])

    def _enforce(self) -> None:
        """Kill what is past its deadline; replacements start meanwhile."""
        now = time.monotonic()
        for worker in self._workers:
            if worker.job is not None and now >= worker.deadline:
                limit = self.execution.trial_timeout_seconds
                self._end(worker, Failure(FailureKind.TIMEOUT, f"no result after {limit:g} s"))
                self._employ(worker)


def _promises(worker: _Worker) -> Iterator[tuple[Any, tuple[_Worker, str]]]:
    for kind in ("opening", "news", "result"):
        promise = getattr(worker, kind)
        if promise is not None:
            yield promise, (worker, kind)
