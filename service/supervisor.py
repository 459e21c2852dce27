"""Sees to it that what the database asks for happens: runners, trainings, the Ray cluster.

Every half second it compares, search by search, what is wanted with what runs, and starts what is
missing. It never stops a runner to pause a search: the runner reads the wish itself.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, func, or_, select

from nas.store import Desired, LostOwnership
from nas.trial import FINAL
from service import trash, vitals
from service.cluster import RayCluster
from service.db import Database
from service.errors import StorageError, UserError
from service.jobs import Job, Patience
from service.processes import (
    EXIT_BUSY,
    LockHeld,
    Stop,
    die_with_parent,
    file_lock,
    is_locked,
    parent_pid,
)
from service.searches import remove_expired
from service.settings import Settings
from service.states import ACTIVE, ENDED
from service.store import SqlStore
from service.tables import search, trial
from service.trainings import Trainings

if TYPE_CHECKING:
    from sqlalchemy import Row

STEP_SECONDS = 0.5
GRACE_SECONDS = 5.0
HOUSEKEEPING_SECONDS = 3600.0
EXIT_CRASH = 1
_log = logging.getLogger(__name__)


class Supervisor:
    """Compares what is wanted with what runs, again and again."""

    def __init__(self, database: Database) -> None:
        """Start nothing yet; the caller holds the supervisor's lock."""
        self.database, self.settings = database, database.settings
        self.runners: dict[str, Job] = {}
        self.trainings = Trainings(database)
        self.patience: dict[str, Patience] = {}
        self.ray = RayCluster()
        self._beat_at = 0.0
        self._clean_at = 0.0

    def step(self) -> None:
        """Do once what :meth:`run` does again and again."""
        self._reap()
        wanted = self._wanted()
        needy = [row for row in wanted if self._needs_cluster(row)]
        self.ray.step(bool(needy))
        for row in wanted:
            self._see_to(row)
        self.trainings.step()
        self._keep_house()

    def run(self, stop: Stop) -> None:
        """Step until asked to stop; then end everything that was started."""
        try:
            while not stop.asked():
                try:
                    self.step()
                except StorageError as error:
                    _log.warning("%s", error)
                stop.wait(STEP_SECONDS)
        finally:
            self.close()

    def close(self) -> None:
        """End all children: they leave everything such that it goes on later."""
        jobs = [*self.runners.values(), *self.trainings.jobs]
        for job in jobs:
            job.terminate()
        deadline = time.monotonic() + GRACE_SECONDS
        for job in jobs:
            job.kill_after(deadline)
        self.ray.close()
        for name in (vitals.SUPERVISOR, vitals.RAY):
            vitals.silence(self.database, name)

    def _wanted(self) -> list[Row[Any]]:
        """Return the searches that need a runner, those that only need to be ended first."""
        run, pause, stop = (search.c.desired == wish for wish in Desired)
        query = (
            select(search)
            .where(
                or_(
                    and_(or_(run, pause), search.c.state.in_(ACTIVE)),
                    and_(stop, search.c.state.not_in(ENDED)),
                )
            )
            .order_by(run, search.c.created_at, search.c.id)
        )
        with self.database.read() as connection:
            return list(connection.execute(query))

    def _needs_cluster(self, row: Row[Any]) -> bool:
        execution = row.spec["execution"]
        own = execution["executor"] == "ray" and not execution["ray_address"]
        return own and not self.settings.ray_address

    def _see_to(self, row: Row[Any]) -> None:
        """Start the runner of a search unless it runs, must wait, or is hopeless."""
        patience = self.patience.setdefault(row.id, Patience())
        if row.id in self.runners or not patience.ready:
            return
        if is_locked(self.settings.folder("locks") / f"search-{row.id}.lock"):
            return  # a runner of someone else, such as the command line
        if patience.exhausted:
            self._give_up(row, f"its runner failed {patience.crashes} times in a row: {row.reason}")
            return
        extra = {}
        if self._needs_cluster(row):
            if self.ray.address is None:
                if self.ray.hopeless:
                    self._give_up(row, self.ray.trouble)
                return
            extra["NAS_RAY_ADDRESS"] = self.ray.address
        if row.desired == Desired.RUN and len(self.runners) >= self.settings.searches:
            return
        log = f"search-{row.id}.log"
        self.runners[row.id] = Job(self.settings, "service.runner", row.id, log, **extra)
        _log.info("search %s: runner %s", row.id, self.runners[row.id].pid)

    def _give_up(self, row: Row[Any], why: str) -> None:
        log = self.settings.home / "logs" / f"search-{row.id}.log"
        store = SqlStore(self.database, row.id, vitals.SUPERVISOR)
        try:
            store.adopt()
            store.end(f"failed: {why.rstrip(': ')} (log: {log})")
        except LostOwnership as error:
            _log.warning("%s", error)
        del self.patience[row.id]
        if self.ray.hopeless:
            self.ray.forgive()

    def _reap(self) -> None:
        for search_id, job in list(self.runners.items()):
            code = job.code()
            if code is not None:
                del self.runners[search_id]
                self._runner_ended(search_id, code)

    def _runner_ended(self, search_id: str, code: int) -> None:
        patience = self.patience.setdefault(search_id, Patience())
        if code == EXIT_BUSY:
            patience.wait(1.0)
        elif code == EXIT_CRASH or code < 0:
            _log.warning("search %s: its runner ended with %s", search_id, code)
            patience.note_crash(self._ended_trials(search_id))
        else:
            del self.patience[search_id]

    def _ended_trials(self, search_id: str) -> int:
        query = select(func.count()).where(trial.c.search_id == search_id, trial.c.state.in_(FINAL))
        with self.database.read() as connection:
            return connection.execute(query).scalar_one()

    def _keep_house(self) -> None:
        now = time.monotonic()
        if now >= self._beat_at:
            self._beat_at = now + vitals.BEAT_SECONDS
            vitals.beat(self.database, vitals.SUPERVISOR)
            if self.ray.running:
                vitals.beat(self.database, vitals.RAY, {"address": self.ray.address})
            else:
                vitals.silence(self.database, vitals.RAY)
        if now >= self._clean_at:
            self._clean_at = now + HOUSEKEEPING_SECONDS
            remove_expired(self.database)
            for search_id in trash.purge(self.database):
                _log.info("search %s, thrown away a week ago, is gone", search_id)


def run_supervisor(settings: Settings) -> int:
    """Supervise until SIGTERM or SIGINT; return the exit code.

    Raises UserError where the database cannot be used or another supervisor serves this HOME.
    """
    stop = Stop(patience=None)
    with Database.open(settings) as database:
        try:
            with file_lock(settings.folder("locks") / "supervisor.lock", wait=2.0):
                os.environ |= settings.environment()  # the cluster's token lies in HOME
                Supervisor(database).run(stop)
        except LockHeld as error:
            raise UserError(
                f"another service runs with the data folder {settings.home}; stop it first, or "
                "use another NAS_HOME",
                field="home",
                value=str(settings.home),
            ) from error
    return 0


def main() -> int:
    """Run the supervisor process; return its exit code."""
    die_with_parent(parent_pid())
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    try:
        return run_supervisor(Settings.load())
    except UserError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main())
