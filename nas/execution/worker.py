"""What every worker does, wherever it runs: make an evaluator once, run jobs, name failures."""

from __future__ import annotations

import errno
import gc
import logging
import math
import os
import re
import sys
import traceback
from dataclasses import replace
from numbers import Real
from typing import TYPE_CHECKING, Any

from nas.evaluators import Request
from nas.evaluators.catalog import EVALUATORS
from nas.trial import Failure, FailureKind, Outcome, TrialFailure, TrialStopped
from searchspaces import SpaceError
from searchspaces.catalog import SPACES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nas.evaluators import Evaluator, Report
    from nas.execution import Job
    from nas.spec import Execution, Setup
    from nas.trial import Metrics

TRACE_LINES = 20
TEXT_LIMIT = 4_000  # characters of a message or trace: both are stored with the trial

_ERRNO = {
    errno.ENOSPC: FailureKind.DISK_FULL,
    errno.EDQUOT: FailureKind.DISK_FULL,
    errno.ENOMEM: FailureKind.OUT_OF_MEMORY,
}
# torch raises RuntimeError for these; its CPU allocator has no class of its own.
_MEMORY = re.compile(r"out of memory|can't allocate memory|not enough memory", re.IGNORECASE)
_SECRET = re.compile(r"TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL|_KEY$|DB_URL|DATABASE_URL", re.I)
_KEPT = frozenset({"NAS_PLUGINS", "NAS_SHARED_DATA"})

log = logging.getLogger(__name__)


class WorkersUnavailable(RuntimeError):
    """No worker starts, or the whole cluster is gone: not the fault of any trial."""


def make_evaluator(setup: Setup) -> Evaluator:
    """Return the evaluator that ``setup`` describes, with its space and, if it needs any, data.

    Raises RegistryError for unknown names and options, ValueError where data are needed and none
    are given, and whatever loading the data raises.
    """
    space = SPACES.create(setup.space.name, setup.space.options)
    given: dict[str, Any] = {"space": space}
    if EVALUATORS.get(setup.evaluator.name).needs_data:
        if setup.data is None:
            raise ValueError(f"evaluator {setup.evaluator.name!r} needs data, and data is none")
        from nas.data import load_search  # torch comes with it: only where it is needed

        given["data"] = load_search(setup.data, setup.seed, setup.data_root)
    return EVALUATORS.create(setup.evaluator.name, setup.evaluator.options, **given)


def run_job(evaluator: Evaluator, job: Job, report: Report) -> Outcome:
    """Run one job to its end. Whatever the evaluator raises becomes an outcome.

    Only KeyboardInterrupt and its like pass. ``report`` gets (step, metrics), checked, and says
    whether to go on.
    """

    def checked(step: int, metrics: Metrics) -> bool:
        return report(int(step), numbers(metrics, f"at step {step}"))

    try:
        arch = evaluator.space.decode(job.decisions)
        request = Request(job.decisions, arch, job.seed, job.budget)
        return Outcome(metrics=numbers(evaluator.evaluate(request, checked), "at the end"))
    except TrialStopped:
        return Outcome(stopped=True)
    except (Exception, SystemExit) as error:
        return Outcome(failure=describe(error))


def numbers(metrics: Any, when: str) -> Metrics:
    """Return ``metrics`` as plain floats; raise TrialFailure(BAD_METRIC) where it is not that."""
    if not isinstance(metrics, dict) or not metrics:
        raise TrialFailure(FailureKind.BAD_METRIC, f"no metrics {when}: {metrics!r}"[:TEXT_LIMIT])
    for name, value in metrics.items():
        number = isinstance(value, Real) and not isinstance(value, bool)
        if not isinstance(name, str) or not number or not math.isfinite(value):
            text = f"metric {name!r} {when} is {value!r}, must be a finite number"
            raise TrialFailure(FailureKind.BAD_METRIC, text[:TEXT_LIMIT])
    return {name: float(value) for name, value in metrics.items()}


def describe(error: BaseException) -> Failure:
    """Return the failure that an exception of an evaluator stands for."""
    kind = _kind(error)
    if isinstance(error, TrialFailure | SpaceError):
        return Failure(kind, str(error)[:TEXT_LIMIT])
    lines = "".join(traceback.format_exception(error)).splitlines()[-TRACE_LINES:]
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return Failure(kind, text[:TEXT_LIMIT], "\n".join(lines)[-TEXT_LIMIT:])


def _kind(error: BaseException) -> FailureKind:
    if isinstance(error, TrialFailure):
        return error.kind
    if isinstance(error, SpaceError):
        return FailureKind.INVALID
    memory = isinstance(error, RuntimeError) and _MEMORY.search(str(error))
    if isinstance(error, MemoryError) or memory:
        return FailureKind.OUT_OF_MEMORY
    if isinstance(error, OSError):
        return _ERRNO.get(error.errno or 0, FailureKind.ERROR)
    # A CUDA context is of no use after such an error, to this trial and to those that follow.
    return FailureKind.LOST if broken_device(error) else FailureKind.ERROR


def broken_device(error: BaseException) -> bool:
    """Say whether the GPU's context is broken, so that this process can train nothing more."""
    return isinstance(error, RuntimeError) and str(error).startswith("CUDA error")


class Bench:
    """The place of one worker: its evaluator, made once and kept from job to job."""

    def __init__(self, setup: Setup, execution: Execution, name: str) -> None:
        """Remember what to make; :meth:`open` makes it."""
        self.setup, self.execution, self.name = setup, execution, name
        self.spent = False  # set when the process must be replaced after this job
        self._evaluator: Evaluator | None = None

    def open(self) -> Failure | None:
        """Make the evaluator unless it is there; return why it cannot be made."""
        if self._evaluator is not None:
            return None
        try:
            self._evaluator = make_evaluator(self.setup)
            limit_threads(self.execution.cpus_per_trial)
            limit_gpu_memory(self.execution.gpus_per_trial)
        except (Exception, SystemExit) as error:
            log.warning("%s cannot make its evaluator", self.name, exc_info=True)
            return replace(describe(error), kind=FailureKind.UNAVAILABLE)
        return None

    def run(self, job: Job, report: Report) -> Outcome:
        """Run one job. A missing evaluator is tried again, since data may have come meanwhile."""
        failure = self.open()
        if failure is not None or self._evaluator is None:
            return Outcome(failure=failure, worker=self.name)
        outcome = replace(run_job(self._evaluator, job, report), worker=self.name)
        if outcome.failure is not None:
            self.spent = outcome.failure.kind is FailureKind.LOST
            _release_memory()
        return outcome


def threads(cpus: float) -> int:
    """Return the torch threads of a trial that has so many cores."""
    return max(1, int(cpus))


def thread_variables(cpus: float) -> dict[str, str]:
    """Return the environment that makes the numerical libraries use no more than their cores."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    return dict.fromkeys(names, str(threads(cpus)))


def limit_threads(cpus: float) -> None:
    """Keep this process to its cores: torch if it is loaded, and what is loaded later."""
    os.environ.update(thread_variables(cpus))
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(threads(cpus))


def limit_gpu_memory(gpus: float) -> None:
    """Cap this process at its fraction of a GPU's memory, which sharing alone does not do."""
    torch = sys.modules.get("torch")
    if 0 < gpus < 1 and torch is not None and torch.cuda.is_available():
        torch.cuda.set_per_process_memory_fraction(gpus)


def check_gpus(gpus: float) -> None:
    """Raise ValueError for a number of GPUs that cannot be shared out: 1.5, say."""
    if gpus > 1 and gpus != int(gpus):
        raise ValueError(f"gpus_per_trial is {gpus:g}: must be a whole number, or less than 1")


def places(devices: int, gpus: float) -> int:
    """Return how many workers of ``gpus`` each fit on so many devices; no worker spans a part."""
    if gpus < 1:
        return devices * int(1 / gpus + 1e-9)
    return devices // int(gpus)


def devices_of(place: int, devices: list[str], gpus: float) -> list[str]:
    """Return the devices of the worker at ``place``, counted from 0."""
    if gpus == 0:
        return []
    if gpus < 1:
        return [devices[place // int(1 / gpus + 1e-9)]]
    width = int(gpus)
    return devices[place * width : (place + 1) * width]


def scrubbed(environ: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without the service's settings and without what looks like a secret.

    Trials are code of whoever wrote the evaluator: they need the plug-in folders, not the keys.
    """
    return {
        name: value
        for name, value in environ.items()
        if name in _KEPT or not (name.startswith("NAS_") or _SECRET.search(name))
    }


def _release_memory() -> None:
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()
