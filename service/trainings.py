"""Models and jobs that somebody asked for: one at a time, the oldest first, each a process."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import and_, or_, select

from service.comparisons import COMPARISON
from service.finetunes import FINETUNE
from service.jobs import Job, Patience
from service.processes import EXIT_BUSY, is_locked
from service.rounds import FINALS
from service.states import ACTIVE, JobState, ModelState
from service.tables import model, search

if TYPE_CHECKING:
    from collections.abc import Callable

    from service.asked import Kind
    from service.db import Database

KINDS: dict[str, tuple[Kind, str]] = {  # what there is beside models, and who carries it out
    "finals": (FINALS, "service.retraining"),
    "comparison": (COMPARISON, "service.comparing"),
    "finetune": (FINETUNE, "service.finetuning"),
}
_log = logging.getLogger(__name__)


@dataclass
class Task:
    """Something to train. ``done`` counts what is kept of it: a crash after more is forgiven."""

    kind: str  # model, or one of KINDS
    id: str
    created_at: int
    lock: str
    done: int = 0
    patience: Patience = field(default_factory=Patience)

    @property
    def module(self) -> str:
        """The module that trains it."""
        return "service.modelling" if self.kind == "model" else KINDS[self.kind][1]

    @property
    def log(self) -> str:
        """The name of its log."""
        return f"{self.kind}-{self.id}.log"


class Trainings:
    """Starts what waits, and starts again what has died."""

    def __init__(self, database: Database) -> None:
        """Start nothing yet."""
        self.database, self.settings = database, database.settings
        self.job: tuple[Task, Job] | None = None
        self.patience: dict[str, Patience] = {}

    def step(self) -> None:
        """Look after the one that runs, or start the next."""
        if self.job is not None:
            self._watch(*self.job)
        if self.job is None:
            self._next()

    @property
    def jobs(self) -> list[Job]:
        """What runs."""
        return [] if self.job is None else [self.job[1]]

    def _watch(self, task: Task, job: Job) -> None:
        code = job.code()
        if code is not None:
            self.job = None
            self._ended(task, code)
        elif task.kind != "model" and self._stopped(task):
            job.terminate()  # it would find that out by itself, later

    def _stopped(self, task: Task) -> bool:
        """Say whether a user has stopped it, or erased it with its search."""
        table = KINDS[task.kind][0].table
        with self.database.read() as connection:
            state = connection.execute(select(table.c.state).where(table.c.id == task.id)).scalar()
        return state in (None, JobState.STOPPED)

    def _next(self) -> None:
        waiting = sorted([*self._models(), *self._asked()], key=lambda one: one.created_at)
        for task in waiting:
            task.patience = self.patience.setdefault(task.id, task.patience)
            locked = is_locked(self.settings.folder("locks") / task.lock)
            if task.patience.ready and not locked:
                self.job = task, Job(self.settings, task.module, task.id, task.log)
                _log.info("%s %s: process %s", task.kind, task.id, self.job[1].pid)
                return

    def _ended(self, task: Task, code: int) -> None:
        if code == EXIT_BUSY:
            task.patience.wait(1.0)
        elif code:
            _log.warning("%s %s: its process ended with %s", task.kind, task.id, code)
            task.patience.note_crash(self._kept(task))
            if task.patience.exhausted:
                log = self.settings.home / "logs" / task.log
                self._failure(task)(self.database, task.id, f"its process failed (log: {log})")
        else:
            self.patience.pop(task.id, None)

    def _failure(self, task: Task) -> Callable[[Database, str, str], None]:
        # Only here: the supervisor needs no torch while nothing fails.
        if task.kind == "model":
            from service.modelling import fail

            return fail
        return KINDS[task.kind][0].fail

    def _kept(self, task: Task) -> int | None:
        """Return how much of a task is kept now."""
        return next((one.done for one in self._asked() if one.id == task.id), None)

    def _models(self) -> list[Task]:
        """Return the models that are asked for, or were left behind."""
        query = (
            select(model.c.id, model.c.created_at)
            .join(search, search.c.id == model.c.search_id)
            .where(
                or_(
                    model.c.state == ModelState.PENDING,
                    # The runner of an active search makes the best one's model itself.
                    and_(model.c.state == ModelState.RUNNING, search.c.state.not_in(ACTIVE)),
                )
            )
        )
        with self.database.read() as connection:
            return [
                Task("model", row.id, row.created_at, f"model-{row.id}.lock")
                for row in connection.execute(query)
            ]

    def _asked(self) -> list[Task]:
        """Return the jobs that are asked for, or were left behind."""
        with self.database.read() as connection:
            return [
                Task(name, row.id, row.created_at, kind.lock(row), kind.kept(connection, row))
                for name, (kind, _) in KINDS.items()
                for row in kind.active(connection)
            ]
