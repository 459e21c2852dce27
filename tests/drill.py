"""An evaluator that misbehaves on request, as a plug-in; and what drives an executor with it."""

from __future__ import annotations

import os
import random
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from nas.execution import Finished, Job, Progress
from nas.execution.catalog import EXECUTORS
from nas.spec import Execution, Setup
from searchspaces.catalog import SPACES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from nas.execution import Executor
    from nas.trial import Outcome

PLUGIN = '''
import os, re, resource, signal, subprocess, sys, time
from pathlib import Path
from nas.evaluators import Evaluator
from nas.trial import FailureKind, TrialFailure, TrialStopped


class Drill(Evaluator):
    """Does what the seed of the trial says."""

    name = "drill"

    def __init__(self, space, *, folder: str = "", broken: bool = False):
        if broken:
            raise FileNotFoundError("no images in /nowhere")
        self.space, self.folder = space, Path(folder)

    def evaluate(self, request, report):
        action = getattr(self, ACTIONS[request.seed])
        return action(request, report)

    def score(self, request, report):
        for step in (1, 2, 3):
            report(step, {"accuracy": step / 10})
        return {"accuracy": 0.5, "loss": 1}

    def until_told(self, request, report):
        step = 0
        while True:
            time.sleep(0.02)
            step += 1
            if not report(step, {"accuracy": 0.1}):
                raise TrialStopped

    def error(self, request, report):
        raise ValueError("the cell has no output")

    def leave(self, request, report):
        os._exit(3)

    def exit(self, request, report):
        sys.exit("enough")

    def killed(self, request, report):
        report(1, {"accuracy": 0.2})
        os.kill(os.getpid(), signal.SIGKILL)

    def hang(self, request, report):
        report(1, {"pid": os.getpid()})
        time.sleep(1000)

    def spin(self, request, report):
        re.match(r"(a+)+$", "a" * 64 + "b")  # a loop in C that keeps the interpreter's lock

    def freeze(self, request, report):
        os.kill(os.getpid(), signal.SIGSTOP)

    def nan(self, request, report):
        return {"accuracy": float("nan")}

    def text(self, request, report):
        return {"accuracy": "0.9"}

    def nothing(self, request, report):
        return None

    def nan_on_the_way(self, request, report):
        report(3, {"loss": float("inf")})
        return {"accuracy": 0.5}

    def diverge(self, request, report):
        raise TrialFailure(FailureKind.DIVERGED, "loss is not finite in epoch 2")

    def memory(self, request, report):
        before = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (1 << 30, before[1]))
        try:
            bytearray(4 << 30)
        finally:
            resource.setrlimit(resource.RLIMIT_DATA, before)

    def disk_full(self, request, report):
        with open("/dev/full", "w") as full:
            full.write("x")
        return {"accuracy": 0.5}

    def child(self, request, report):
        process = subprocess.Popen(["sleep", "1000"])
        report(1, {"pid": process.pid})
        time.sleep(1000)

    def environment(self, request, report):
        return {
            "token": float("NAS_TOKEN" in os.environ or "NAS_DB_URL" in os.environ),
            "plugins": float("NAS_PLUGINS" in os.environ),
            "threads": float(os.environ["OMP_NUM_THREADS"]),
            "gpus_hidden": float(os.environ.get("CUDA_VISIBLE_DEVICES") == ""),
        }

    def silent(self, request, report):
        time.sleep(1.0)
        return {"accuracy": 0.25}


ACTIONS = [name for name in vars(Drill) if name[0] != "_" and name not in {"name", "evaluate"}]
'''
ACTIONS = [
    line.strip().removeprefix("def ").partition("(")[0]
    for line in PLUGIN.splitlines()
    if line.startswith("    def ") and "request" in line and "evaluate" not in line
]


def executors() -> list[object]:
    """Return the names of all executors with workers of their own, as parameters of a test."""
    return [
        pytest.param(name, marks=[pytest.mark.ray] if name == "ray" else [])
        for name in EXECUTORS.names()
        if name != "inline"
    ]


@contextmanager
def environment(folder: Path) -> Iterator[None]:
    """Install the plug-in, and set secrets that no trial should see."""
    (folder / "evaluators").mkdir(parents=True)
    (folder / "evaluators" / "drill.py").write_text(PLUGIN)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NAS_PLUGINS", str(folder))
        patch.setenv("NAS_HOME", str(folder / "home"))
        patch.setenv("NAS_TOKEN", "nobody's business")
        patch.setenv("NAS_DB_URL", "sqlite:///secret.db")
        yield


def make(
    name: str, workers: int = 2, broken: bool = False, evaluator: str = "drill", **options: object
) -> Executor:
    """Return an executor of the drill, or of another evaluator; options are of the execution."""
    part = {"name": evaluator, "options": {"broken": True} if broken else {}}
    execution = Execution.model_validate({"executor": name, "workers": workers, **options})
    setup = Setup.model_validate({"space": "toy", "evaluator": part})
    return EXECUTORS.create(name, setup=setup, execution=execution)


def job(action: str, number: int = 0, attempt: int = 1) -> Job:
    """Return a job for an action of the drill."""
    decisions = SPACES.create("toy").sample(random.Random(number))
    return Job(number, attempt, decisions, ACTIONS.index(action))


class Log:
    """All that an executor has said."""

    def __init__(self, executor: Executor) -> None:
        self.executor = executor
        self.progress: list[Progress] = []
        self.finished: list[Finished] = []

    def listen(self, done: Callable[[], bool], seconds: float = 60.0) -> None:
        """Take in what it says until ``done``; fail after so many seconds."""
        until = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < until, (self.progress, self.finished)
            for update in self.executor.wait(0.2):
                (self.finished if isinstance(update, Finished) else self.progress).append(update)

    def run(self, *jobs: Job, seconds: float = 60.0) -> list[Outcome]:
        """Submit jobs and return their outcomes; each ends exactly once."""
        self.listen(lambda: self.executor.free() > 0)
        before = len(self.finished)
        for each in jobs:
            self.executor.submit(each)
        self.listen(lambda: len(self.finished) >= before + len(jobs), seconds)
        for update in self.executor.wait(0.3):
            assert not isinstance(update, Finished), update
        ends = self.finished[before:]
        assert sorted((e.number, e.attempt) for e in ends) == sorted(
            (j.number, j.attempt) for j in jobs
        )
        by_number = {end.number: end.outcome for end in ends}
        return [by_number[each.number] for each in jobs]

    def one(self, action: str, seconds: float = 60.0) -> Outcome:
        """Run one action of the drill."""
        return self.run(job(action), seconds=seconds)[0]


def alive(pid: int) -> bool:
    """Say whether a process runs; one that only waits to be buried does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def descendants(pid: int) -> set[int]:
    """Return the numbers of all living processes below one."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        parents[int(path.parent.name)] = int(fields[1])
    found: set[int] = set()
    edge = {pid}
    while edge:
        edge = {child for child, parent in parents.items() if parent in edge}
        found |= edge
    return {child for child in found if alive(child)}


def gone(pids: Iterable[int], seconds: float) -> bool:
    """Wait until none of the processes runs; say whether that came to be in time."""
    until = time.monotonic() + seconds
    while any(alive(pid) for pid in pids):
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def kill(pid: int) -> None:
    """Send SIGKILL."""
    os.kill(pid, 9)
