"""What a process does that carries out a job: its lock, its right to write, its ways to end."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from nas.data import DataError
from nas.execution.worker import describe
from nas.store import LostOwnership
from nas.trial import TrialStopped
from searchspaces import SpaceError
from searchspaces.registry import RegistryError
from service.db import Database
from service.errors import StorageError, UserError
from service.processes import (
    EXIT_BUSY,
    LockHeld,
    Stop,
    StopNow,
    die_with_parent,
    file_lock,
    parent_pid,
)
from service.settings import Settings
from service.states import JOB_ACTIVE

if TYPE_CHECKING:
    from collections.abc import Callable

    from nas.evaluators import Report
    from nas.trial import Failure, Metrics
    from service.asked import Kind
    from service.states import JobState

NOTE_SECONDS = 0.5  # between two notes of the progress, which are also looks at the wish to stop
FAILURES = (DataError, RegistryError, SpaceError, UserError, ValueError)
_log = logging.getLogger(__name__)


def carry_out(
    database: Database, kind: Kind, job_id: str, stop: Stop, work: Callable[[int], None]
) -> None:
    """Take a job over and call ``work`` with the epoch of the right to write, unless it has ended.

    Interrupted by a signal, the job stays as it was, to be gone on with; what cannot be done is
    noted. Raises LockHeld when another process does it.
    """
    with database.read() as connection:
        lock = kind.lock(kind.get(connection, job_id))
    with file_lock(database.settings.folder("locks") / lock):
        epoch = kind.begin(database, job_id)
        if epoch is None:
            return
        try:
            with stop.at_once():
                work(epoch)
        except (TrialStopped, StopNow):
            _log.info("%s %s: interrupted", kind.name, job_id)
        except LostOwnership as error:
            _log.info("%s", error)
        except FAILURES as error:
            _log.info("%s %s failed", kind.name, job_id, exc_info=True)
            kind.fail(database, job_id, " ".join(str(error).split()) or repr(error))


def paced(note: Callable[[int, Metrics], None], stop: Stop) -> Report:
    """Return a report that notes an epoch now and then, and hands the wish to stop on."""
    noted = 0.0

    def report(step: int, metrics: Metrics) -> bool:
        nonlocal noted
        if time.monotonic() - noted >= NOTE_SECONDS:
            note(step, metrics)
            noted = time.monotonic()
        return not stop.asked()

    return report


def outcome_of(train: Callable[[], Metrics], what: str) -> Metrics | Failure:
    """Return what a training gave, or the failure that its architecture is to blame for."""
    try:
        return train()
    except (TrialStopped, LostOwnership, StorageError):
        raise
    except Exception as error:
        failure = describe(error)
        if not failure.kind.blames_architecture:
            raise
        _log.warning("%s failed", what, exc_info=True)
        return failure


def run_process(arguments: list[str], train: Callable[[Database, str, Stop], JobState]) -> int:
    """Do the job whose id is the first argument; return the exit code: 75 if another does it."""
    die_with_parent(parent_pid())
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    stop = Stop()
    with Database.open(Settings.load()) as database:
        try:
            state = train(database, arguments[0], stop)
        except LockHeld:
            return EXIT_BUSY
    return 0 if stop.asked() or state not in JOB_ACTIVE else 1
