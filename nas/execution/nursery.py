"""The process that forks local workers, buries them, and dies with its owner, taking all along.

It has loaded torch and the evaluators already, so that a worker starts in some 20 ms; it runs no
trial, so that it always answers. Every worker leads a process group of its own: what a trial starts
is killed with it. If the owner dies, even by kill -9, the control socket ends and the nursery kills
all groups; if the nursery dies, the kernel kills the workers (PR_SET_PDEATHSIG).
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import logging
import os
import select
import signal
import socket
import subprocess
import sys

from nas.evaluators.catalog import EVALUATORS
from nas.execution import Finished, Job, Progress
from nas.execution.wire import Channel, finished_message, progress_message, read_job
from nas.execution.worker import Bench, devices_of, scrubbed, thread_variables
from nas.spec import Execution, Setup
from searchspaces.catalog import SPACES

PR_SET_PDEATHSIG = 1  # <sys/prctl.h>

log = logging.getLogger(__name__)


class Nursery:
    """The owner's side: start the process, ask for workers, hear of deaths."""

    def __init__(self, setup: Setup, execution: Execution, devices: list[str]) -> None:
        """Start the process; it takes requests at once and serves them when it has loaded."""
        ours, theirs = Channel.pair()
        with theirs.end:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", __name__, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env=_environment(execution.cpus_per_trial),
                start_new_session=True,  # a Ctrl-C in the terminal is for the owner
            )
        self.control = ours
        ours.send(
            {
                "setup": setup.model_dump(mode="json"),
                "execution": execution.model_dump(mode="json"),
                "devices": devices,
            }
        )

    def fork(self, place: int, worker_end: Channel) -> None:
        """Ask for the worker of a place; ``{"born": place, "pid": pid}`` will follow.

        Or ``{"stillborn": place, "cause": text}``, where the machine has no room for a process.
        """
        request = json.dumps({"fork": place}).encode()
        with contextlib.suppress(OSError):  # it has died: the end of ``control`` tells
            socket.send_fds(self.control.end, [request], [worker_end.fileno()])

    def kill(self, pid: int) -> None:
        """Ask for the death of a worker; ``{"dead": pid, "cause": text}`` will follow."""
        with contextlib.suppress(OSError):  # then the worker has died with it
            self.control.send({"kill": pid})

    def close(self, seconds: float = 1.0) -> None:
        """End the process and all workers; wait at most twice ``seconds``."""
        self.control.close()
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(seconds)


def _environment(cpus: float) -> dict[str, str]:
    path = os.pathsep.join(entry for entry in sys.path if entry)
    return {**scrubbed(os.environ), **thread_variables(cpus), "PYTHONPATH": path}


class _Ward:
    """The nursery's own side: which workers live, and what to do when one does not."""

    def __init__(self, control: Channel) -> None:
        self.control = control
        order = control.receive()
        if order is None:
            raise SystemExit(0)
        self.setup = Setup.model_validate(order["setup"])
        self.execution = Execution.model_validate(order["execution"])
        self.devices: list[str] = order["devices"]
        self.pids: set[int] = set()

    def preload(self) -> None:
        """Load what workers will need; what cannot be loaded is for them to say, job by job."""
        with contextlib.suppress(Exception):
            SPACES.get(self.setup.space.name)
            if EVALUATORS.get(self.setup.evaluator.name).needs_data:
                importlib.import_module("torch")
        gc.freeze()  # keeps the collector from copying the pages that workers share

    def serve(self, deaths: socket.socket) -> None:
        """Fork and kill as asked and report deaths, until the owner is gone."""
        while True:
            ready, _, _ = select.select([self.control.end, deaths], [], [])
            if deaths in ready:
                deaths.recv(1024)
                self._bury()
            if self.control.end in ready and not self._obey():
                return

    def _obey(self) -> bool:
        request, fds, _, _ = socket.recv_fds(self.control.end, 1024, 1)
        if not request:
            return False
        order = json.loads(request)
        if "fork" in order:
            self._fork(order["fork"], Channel(socket.socket(fileno=fds[0])))
        elif order["kill"] in self.pids:
            _kill_group(order["kill"])
        return True

    def _fork(self, place: int, channel: Channel) -> None:
        parent = os.getpid()
        try:
            pid = os.fork()
        except OSError as error:  # no memory, or no more processes allowed: the others go on
            channel.close()
            self.control.send({"stillborn": place, "cause": str(error)})
            return
        if pid == 0:
            _become_worker(parent)
            self.control.close()
            _work(channel, self.setup, self.execution, place, self.devices)
        channel.close()
        self.pids.add(pid)
        self.control.send({"born": place, "pid": pid})

    def _bury(self) -> None:
        for pid in list(self.pids):
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                _kill_group(pid)  # what the trial had started and left behind
                self.pids.remove(pid)
                self.control.send({"dead": pid, "cause": _cause(status)})

    def end(self) -> None:
        """Kill all workers and wait for their end."""
        for pid in self.pids:
            _kill_group(pid)
        for pid in self.pids:
            os.waitpid(pid, 0)


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _cause(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return f"the worker process left with exit code {code}"
    return f"the worker process was killed by signal {signal.Signals(-code).name}"


def _become_worker(parent: int) -> None:
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.setsid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _work(
    channel: Channel, setup: Setup, execution: Execution, place: int, devices: list[str]
) -> None:
    """Run jobs until the owner is gone or the process is spent; never return."""
    code = 1
    try:
        mine = devices_of(place, devices, execution.gpus_per_trial)
        os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(mine)
        bench = Bench(setup, execution, f"local-{place}")
        bench.open()
        channel.send({"ready": place})
        while not bench.spent:
            message = channel.receive()
            if message is None:
                break
            if "job" in message:  # otherwise a cancel that came too late
                channel.send(finished_message(_run(bench, read_job(message), channel)))
        code = 0
    except BaseException:
        log.exception("worker %d of the local executor", place)
    finally:
        os._exit(code)


def _run(bench: Bench, job: Job, channel: Channel) -> Finished:
    here = {"number": job.number, "attempt": job.attempt}
    stopped = False

    def report(step: int, metrics: dict[str, float]) -> bool:
        nonlocal stopped
        channel.send(progress_message(Progress(**here, step=step, metrics=metrics)))
        for message in channel.pending():
            if message is None:
                os._exit(0)  # nobody is left to report to
            stopped = stopped or message.get("cancel") == here
        return not stopped

    return Finished(**here, outcome=bench.run(job, report))


def main(fd: int) -> None:
    """Serve the owner at the other end of a socket, then end every worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ward = _Ward(Channel(socket.socket(fileno=fd)))
    ward.preload()
    mine, kernel = socket.socketpair()
    kernel.setblocking(False)
    signal.set_wakeup_fd(kernel.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    try:
        with contextlib.suppress(OSError):  # the owner went while it was being told something
            ward.serve(mine)
    finally:
        ward.end()


if __name__ == "__main__":
    main(int(sys.argv[1]))
    os._exit(0)  # nothing is left to do; to take torch down piece by piece costs 0.7 s
