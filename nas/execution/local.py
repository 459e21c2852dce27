"""Trials in processes of this machine, each of which dies with its owner."""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import resource
import select
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nas.execution import Executor, Finished, Job, Progress
from nas.execution.nursery import Nursery
from nas.execution.wire import Channel, job_message, read_update
from nas.execution.worker import WorkersUnavailable, check_gpus, places
from nas.trial import Failure, FailureKind, Outcome

if TYPE_CHECKING:
    from nas.execution.wire import Message
    from nas.spec import Execution, Setup

START_SECONDS = 600.0  # for a worker to load its data; one that hangs there is replaced
STRIKES = 5  # workers that die in a row before they are ready, before it is called hopeless
PER_CORE = 16  # workers; more would only take each other's time and memory
MOST = 256  # some 550 requests to fork fill the sockets both ways, and both sides wait for ever
RESERVE = 128  # file descriptors for the rest of the process; each worker takes one

log = logging.getLogger(__name__)


@dataclass
class _Worker:
    """One place for a trial. ``channel`` is None while there is no process to talk to."""

    place: int
    channel: Channel | None = None
    pid: int | None = None
    ready: bool = False
    job: Job | None = None
    deadline: float | None = None

    @property
    def name(self) -> str:
        return f"local-{self.place}"

    @property
    def empty(self) -> bool:
        return self.channel is None and self.pid is None


class Local(Executor):
    """Long-lived worker processes on this machine, forked from one that has loaded torch."""

    name = "local"

    def __init__(self, setup: Setup, execution: Execution) -> None:
        """Start the workers; raise ValueError where this machine lacks the GPUs asked for."""
        super().__init__(setup, execution)
        self._devices = _devices(execution.gpus_per_trial)
        self._workers: list[_Worker] = []
        self._queue: deque[Job] = deque()
        self._events: list[Progress | Finished] = []
        self._strikes = 0
        self._reason = ""
        self._nursery: Nursery | None = None
        self._start()

    @classmethod
    def most_workers(cls) -> int:
        """Return what the cores of this machine and the open files of a process allow."""
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        limit = MOST if files == resource.RLIM_INFINITY else files - RESERVE
        return max(1, min(MOST, limit, PER_CORE * len(os.sched_getaffinity(0))))

    def free(self) -> int:
        """Return the places without a job, less the jobs that wait for one."""
        idle = sum(w.channel is not None and w.job is None for w in self._workers)
        surplus = max(0, len(self._workers) - self._room())
        return max(0, idle - surplus - len(self._queue))

    def submit(self, job: Job) -> None:
        """Give the job to a worker that is ready, or to the first that will be."""
        self._queue.append(job)
        self._dispatch()

    def cancel(self, number: int) -> None:
        """End a waiting job at once, a running one at its next report."""
        for job in [job for job in self._queue if job.number == number]:
            self._queue.remove(job)
            self._events.append(Finished(number, job.attempt, Outcome(stopped=True)))
        for worker in self._workers:
            if worker.job is not None and worker.job.number == number and worker.channel:
                here = {"number": number, "attempt": worker.job.attempt}
                with contextlib.suppress(OSError):  # it died: that is reported on its own
                    worker.channel.send({"cancel": here})

    def wait(self, timeout: float) -> list[Progress | Finished]:
        """Return reports and ends; raise WorkersUnavailable when no worker can be started."""
        until = time.monotonic() + timeout
        while True:
            self._receive(0.0 if self._events else until - time.monotonic())
            self._enforce()
            self._retire()
            self._dispatch()
            if not self._events and self._hopeless():
                raise WorkersUnavailable(f"no local worker starts: {self._reason}")
            if self._events or time.monotonic() >= until:
                events, self._events = self._events, []
                return events

    def resize(self, workers: int) -> None:
        """Start workers at the places that are free, or end those that are too many."""
        super().resize(workers)
        self._strikes = 0  # whoever changes the number may have mended what kept them from starting
        self._retire()
        self._fill()

    def close(self) -> None:
        """Kill all workers and what they started."""
        if self._nursery is not None:
            self._nursery.close()
        self._nursery, self._reason = None, "this executor is closed"
        for worker in self._workers:
            self._drop(worker)
        self._queue.clear()

    def _room(self) -> int:
        """Return how many places there should be: those wanted, as far as the machine has room."""
        wanted = min(self.workers, self.most_workers())
        gpus = self.execution.gpus_per_trial
        return min(wanted, places(len(self._devices), gpus)) if gpus > 0 else wanted

    def _hopeless(self) -> bool:
        if any(worker.ready for worker in self._workers):
            return False
        return self._strikes >= STRIKES or all(worker.empty for worker in self._workers)

    def _fill(self) -> None:
        """Start workers at the places that are empty or not there yet."""
        taken = {worker.place for worker in self._workers}
        lacking = max(0, self._room() - len(taken))
        free = (place for place in itertools.count() if place not in taken)
        self._workers.extend(_Worker(place) for place in itertools.islice(free, lacking))
        if len(self._workers) < self.workers:
            log.warning("of %d workers there is room for %d", self.workers, len(self._workers))
        for worker in self._workers:
            if worker.empty:
                self._employ(worker)

    def _retire(self) -> None:
        """Give up places that are too many: empty ones, then idle ones, busy ones after the trial.

        One whose process is asked for and not born yet waits for that.
        """
        surplus = len(self._workers) - self._room()
        spare = [w for w in self._workers if w.job is None and (w.empty or w.pid is not None)]
        spare.sort(key=lambda worker: (not worker.empty, worker.ready))
        for worker in spare[: max(0, surplus)]:
            if worker.pid is not None and self._nursery is not None:
                self._nursery.kill(worker.pid)
            self._drop(worker)
            self._workers.remove(worker)

    def _start(self) -> None:
        self._nursery = Nursery(self.setup, self.execution, self._devices)
        for worker in self._workers:
            self._drop(worker)
        self._fill()

    def _employ(self, worker: _Worker) -> None:
        """Ask for a process at this place, unless it is hopeless; it says when it is ready."""
        self._drop(worker)
        if self._nursery is None or self._strikes >= STRIKES:
            return
        try:
            ours, theirs = Channel.pair()
        except OSError as error:
            self._stillborn(worker, str(error))
            return
        worker.channel, worker.deadline = ours, time.monotonic() + START_SECONDS
        with theirs.end:
            self._nursery.fork(worker.place, theirs)

    def _stillborn(self, worker: _Worker, cause: str) -> None:
        """Leave a place empty: this machine has no room for another process or its channel."""
        self._drop(worker)
        self._reason = cause
        log.warning("%s does not start, the others go on: %s", worker.name, cause)

    def _drop(self, worker: _Worker) -> None:
        """Forget the process at this place: nothing that it still says is heard."""
        if worker.channel is not None:
            worker.channel.close()
        worker.channel, worker.pid, worker.deadline, worker.ready = None, None, None, False
        worker.job = None

    def _dispatch(self) -> None:
        for worker in self._workers:
            if self._queue and worker.ready and worker.job is None and worker.channel:
                worker.job = self._queue.popleft()
                limit = self.execution.trial_timeout_seconds
                worker.deadline = None if limit is None else time.monotonic() + limit
                with contextlib.suppress(OSError):  # it died: _receive finds out
                    worker.channel.send(job_message(worker.job))

    def _receive(self, timeout: float) -> None:
        """Take in all that has come, after at most ``timeout`` seconds or the next deadline."""
        if self._nursery is None:
            raise WorkersUnavailable(f"there are no local workers: {self._reason}")
        deadlines = [worker.deadline for worker in self._workers if worker.deadline is not None]
        wait = min([timeout, *(deadline - time.monotonic() for deadline in deadlines)])
        poll = select.poll()
        for channel in [self._nursery.control, *(w.channel for w in self._workers if w.channel)]:
            poll.register(channel, select.POLLIN)
        poll.poll(max(0.0, wait) * 1000)
        for worker in self._workers:
            self._listen(worker)
        for message in self._nursery.control.pending():
            if message is None:
                self._orphaned()
                return
            self._news(message)

    def _listen(self, worker: _Worker) -> None:
        for message in worker.channel.pending() if worker.channel else ():
            if message is None:
                # A process that has closed its end is dying, or as good as dead: its death follows.
                if worker.pid is not None and self._nursery is not None and worker.channel:
                    self._nursery.kill(worker.pid)
                    worker.channel.close()
                    worker.channel = None
                return
            if "ready" in message:
                worker.ready, worker.deadline, self._strikes = True, None, 0
            else:
                self._update(worker, message)

    def _update(self, worker: _Worker, message: Message) -> None:
        update = read_update(message)
        if worker.job is None or worker.job.number != update.number:
            return  # a thread that the trial left behind
        self._events.append(update)
        if isinstance(update, Finished):
            worker.job = worker.deadline = None

    def _news(self, message: Message) -> None:
        for worker in self._workers:
            if worker.place == message.get("born"):
                worker.pid = message["pid"]
            elif worker.place == message.get("stillborn"):
                self._stillborn(worker, message["cause"])
            elif worker.pid == message.get("dead", 0):
                self._listen(worker)  # what it said last
                self._lost(worker, message["cause"])
                self._employ(worker)

    def _lost(self, worker: _Worker, cause: str) -> None:
        if worker.ready:
            self._strikes = 0  # starting works: what ends them is something else
            self._end(worker, Failure(FailureKind.LOST, cause))
        else:
            self._strikes, self._reason = self._strikes + 1, cause
        log.warning("%s: %s", worker.name, cause)

    def _end(self, worker: _Worker, failure: Failure) -> None:
        job, worker.job = worker.job, None
        if job is not None:
            outcome = Outcome(failure=failure, worker=worker.name)
            self._events.append(Finished(job.number, job.attempt, outcome))

    def _orphaned(self) -> None:
        """Start again after the death of the nursery, which took all workers along."""
        cause = "the process that starts the workers has ended"
        for worker in self._workers:
            self._listen(worker)
            if worker.job is not None:
                self._end(worker, Failure(FailureKind.LOST, cause))
        self._strikes, self._reason = self._strikes + 1, cause
        if self._nursery is not None:
            self._nursery.close()
            self._nursery = None
        if self._strikes < STRIKES:
            self._start()

    def _enforce(self) -> None:
        """Kill what is past its deadline; replacements start meanwhile."""
        now = time.monotonic()
        for worker in self._workers:
            if worker.deadline is None or now < worker.deadline or self._nursery is None:
                continue
            limit = self.execution.trial_timeout_seconds
            if worker.job is not None:
                self._end(worker, Failure(FailureKind.TIMEOUT, f"no result after {limit:g} s"))
            else:
                self._lost(worker, f"the worker was not ready after {START_SECONDS:g} s")
            if worker.pid is not None:
                self._nursery.kill(worker.pid)
            self._employ(worker)


def _devices(gpus: float) -> list[str]:
    """Return the names of the GPUs to share out; raise ValueError where there are too few."""
    check_gpus(gpus)
    if gpus == 0:
        return []
    import torch  # only here: a search without GPUs is run by a process without torch

    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    count = torch.cuda.device_count()
    devices = visible.split(",")[:count] if visible else [str(i) for i in range(count)]
    if places(count, gpus) == 0:
        raise ValueError(f"gpus_per_trial is {gpus:g}, but this machine has {count} GPUs")
    return devices
