"""Starts the processes of a training on this machine, and ends them all when one is lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from queue import Empty, Queue
from typing import TYPE_CHECKING, Any

from nas.training.job import Trained

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nas.evaluators import Report
    from nas.training.job import Job

LOOK_SECONDS = 0.2  # between looks at whether all processes live
SHOWN = 2000  # characters of what a process that died wrote to standard error


class ProcessLost(RuntimeError):
    """A training process that ended without a result."""


class TrainingRefused(ValueError):
    """What a training process said of an error that its user can mend."""


def launch(job: Job, processes: int, *, threads: int = 1, report: Report | None = None) -> Trained:
    """Train with several processes, a GPU each where there are GPUs; return the result.

    ``threads`` are those of torch in each. When one process is lost the others are ended and
    ProcessLost is raised: the same job goes on from its last checkpoint. What a process says of an
    error of the training itself is raised as TrainingRefused.
    """
    with tempfile.TemporaryDirectory(prefix="nas-train-") as temporary:
        text = Path(temporary, "job.json")
        text.write_text(job.model_dump_json(), encoding="utf-8")
        started: list[subprocess.Popen[bytes]] = []
        try:
            for rank in range(processes):
                errors = Path(temporary, f"errors-{rank}")
                started.append(_start(text, rank, processes, threads, errors))
            return _follow(started, Path(temporary), report)
        finally:
            _end(started)


def _start(
    job: Path, rank: int, processes: int, threads: int, errors: Path
) -> subprocess.Popen[bytes]:
    environment = os.environ | {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(processes),
        "OMP_NUM_THREADS": str(threads),
    }
    with errors.open("wb") as file:
        return subprocess.Popen(
            [sys.executable, "-m", "nas.training.worker", str(job), str(job.parent / "meeting")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=file,
            env=environment,
        )


def _follow(
    started: Sequence[subprocess.Popen[bytes]], folder: Path, report: Report | None
) -> Trained:
    """Read what the processes tell until there is a result."""
    told: Queue[dict[str, Any]] = Queue()
    for process in started:
        threading.Thread(target=_read, args=(process, told), daemon=True).start()
    while True:
        try:
            message = told.get(timeout=LOOK_SECONDS)
        except Empty:
            _look(started, folder, told)
            continue
        if "error" in message:
            raise TrainingRefused(message["error"])
        if "result" in message:
            result = message["result"]
            return Trained(result["metrics"], result["history"], Path(result["folder"]))
        if report is not None:
            report(message["epoch"], message["metrics"])


def _look(
    started: Sequence[subprocess.Popen[bytes]], folder: Path, told: Queue[dict[str, Any]]
) -> None:
    """Raise ProcessLost where a process has ended badly and told nothing."""
    lost = [(rank, p.returncode) for rank, p in enumerate(started) if p.poll() not in (None, 0)]
    if not lost and any(process.poll() is None for process in started):
        return
    time.sleep(LOOK_SECONDS)  # what it told last may still be on its way
    if not told.empty():
        return
    # The first to be killed by a signal took the others with it.
    rank, code = next((one for one in lost if one[1] < 0), lost[0] if lost else (0, 0))
    how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
    errors = Path(folder, f"errors-{rank}").read_text(encoding="utf-8", errors="replace")
    last = errors.strip().splitlines()[-1:]
    why = f": {last[0][:SHOWN]}" if last else ""
    raise ProcessLost(f"training process {rank} {how}{why}; the same command goes on from there")


def _read(process: subprocess.Popen[bytes], told: Queue[dict[str, Any]]) -> None:
    for line in process.stdout or ():
        with suppress(ValueError):  # a library's own print is no message
            message = json.loads(line)
            if isinstance(message, dict):
                told.put(message)


def _end(started: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in started:
        if process.poll() is None:
            process.kill()
    for process in started:
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
