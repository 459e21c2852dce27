"""One process of a training: ``python -m nas.training.worker JOB.json MEETING``.

It reads RANK and WORLD_SIZE, meets the others at the file MEETING, and ends when its standard
input does, so that it never outlives who started it. The first process writes a line of JSON an
epoch to standard output, and one with the result or the error.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from nas.training.job import Job, run
from nas.training.parallel import joined

if TYPE_CHECKING:
    from nas.trial import Metrics

# What the user can mend: told as one line, not as a traceback.
KNOWN = (ValueError, MemoryError, OSError)


def main(arguments: list[str]) -> int:
    """Train; return 0, or 1 after an error that was told."""
    threading.Thread(target=_end_with_input, daemon=True).start()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    job = Job.model_validate_json(Path(arguments[0]).read_text(encoding="utf-8"))

    def report(epoch: int, metrics: Metrics) -> bool:
        _tell({"epoch": epoch, "metrics": metrics})
        return True

    from nas.trial import TrialFailure

    try:
        with joined(f"file://{arguments[1]}") as parallel:
            done = run(job, parallel=parallel, report=report)
            if parallel.first:
                result = {"metrics": done.metrics, "history": done.history}
                _tell({"result": result | {"folder": str(done.folder)}})
    except (*KNOWN, TrialFailure) as error:
        _tell({"error": " ".join(str(error).split()) or type(error).__name__})
        return 1
    return 0


def _tell(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def _end_with_input() -> None:
    # Not sys.stdin: its lock, held here, would abort the interpreter when it shuts down.
    while os.read(0, 1024):
        pass
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
