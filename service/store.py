"""The Store contract on SQL: trial, event and snapshot in one transaction, fenced by an epoch.

A runner that adopts a search raises its ``owner_epoch``; every later write compares it inside the
write lock, so a runner that was declared dead but still lives cannot write. A report of an attempt
that is over is noted as an event and otherwise ignored.
"""

from __future__ import annotations

import json
import logging
import time
import zlib
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nas.events import Event, EventKind, ending
from nas.store import Control, Desired, LostOwnership
from nas.trial import FINAL, Failure, FailureKind, State
from service import eventlog, logs
from service.clock import now, seconds
from service.searchrows import SearchRows, finite
from service.states import ENDED, SearchState

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Row

    from nas.store import Draft, Snapshot, Told
    from nas.trial import Metrics, Outcome, Trial
    from service.db import Database

_log = logging.getLogger(__name__)
INTERRUPTED = Failure(FailureKind.LOST, "the search was interrupted")


class SqlStore:
    """The memory of one search, written by one owner at a time."""

    def __init__(self, database: Database, search_id: str, owner: str) -> None:
        """Look at a search; ``owner`` is a name for people, the fence is the epoch of ``adopt``."""
        self.database, self.search_id, self.owner = database, search_id, owner
        self.epoch: int | None = None
        self._before = 0.0  # seconds of running before this owner
        self._since = time.monotonic()

    def control(self) -> Control:
        """Return the desired state, the limits, and the seconds of running so far."""
        with self.database.read() as connection:
            row = SearchRows(connection, self.search_id).search()
        if self.epoch is None:
            spent = row.seconds_running
        else:
            self._compare(row)
            spent = self._seconds()
        return Control(
            Desired(row.desired), row.trials_limit, row.hours_limit, spent, row.workers_limit
        )

    def snapshot(self) -> Snapshot | None:
        """Return the controller's last snapshot, None before the first."""
        with self.database.read() as connection:
            data = SearchRows(connection, self.search_id).snapshot()
        if data is None:
            return None
        found: Snapshot = json.loads(zlib.decompress(data))
        return found

    def trials(self) -> list[Trial]:
        """Return all trials by number."""
        with self.database.read() as connection:
            return SearchRows(connection, self.search_id).trials()

    def adopt(self) -> list[Trial]:
        """Take the search over; return the unfinished trials, pending."""
        with self.database.write() as connection:
            rows = SearchRows(connection, self.search_id)
            row = rows.search()
            self.epoch = row.owner_epoch + 1
            self._before, self._since = row.seconds_running, time.monotonic()
            rows.set_search(
                owner=self.owner,
                owner_epoch=self.epoch,
                heartbeat_at=now(),
                state=SearchState.RUNNING,
                reason="",
                started_at=row.started_at or now(),
                ended_at=None,
            )
            rows.note_state()
            self._give_back(rows)
            return [one for one in rows.trials() if one.state not in FINAL]

    def start(self, drafts: Sequence[Draft], snapshot: Snapshot) -> list[Trial]:
        """Append pending trials, numbered on from the last, with the snapshot after ``ask``."""
        packed = _pack(snapshot)
        with self._writing() as rows:
            first = rows.append(drafts)
            rows.save(packed)
            return rows.trials(first)

    def launch(self, number: int, attempt: int) -> None:
        """Mark a pending trial as running."""
        with self._writing() as rows:
            if rows.may_become(number, attempt, State.RUNNING):
                rows.set_trial(number, state=State.RUNNING, started_at=now())
                rows.begin_attempt(number, attempt, self.epoch)
                rows.note(EventKind.TRIAL_STARTED, {"attempt": attempt}, number)

    def progress(self, number: int, attempt: int, step: int, metrics: Metrics) -> None:
        """Keep a report from a running trial; one from an old attempt is noted and ignored."""
        clean = finite(metrics)
        with self._writing() as rows:
            row = rows.trial(number)
            if row.state == State.RUNNING and row.attempt == attempt:
                rows.keep_report(number, attempt, step, clean)
                payload = {"step": step, "metrics": clean}
                rows.note(EventKind.TRIAL_PROGRESS, payload, number)
            else:
                rows.note(EventKind.TRIAL_STALE, {"attempt": attempt, "step": step}, number)

    def finish(
        self,
        number: int,
        attempt: int,
        outcome: Outcome,
        reward: float | None,
        told: Sequence[Told],
        snapshot: Snapshot,
    ) -> None:
        """End a trial, and mark the results told with the snapshot that has learned them."""
        clean = replace(outcome, metrics=finite(outcome.metrics))
        kind, payload = ending(clean, reward)
        packed, state, failure = _pack(snapshot), outcome.state, outcome.failure
        with self._writing() as rows:
            if not rows.may_become(number, attempt, state):
                return
            rows.set_trial(
                number,
                state=state,
                metrics=clean.metrics,
                reward=reward,
                failure_kind=failure and failure.kind,
                failure_message=failure and failure.message,
                failure_trace=failure and failure.trace,
                cached_from=outcome.cached_from,
                finished_at=now(),
            )
            rows.end_attempt(number, attempt, state, failure, outcome.worker)
            for one in told:
                rows.set_trial(one.number, told=True, figures=finite(one.figures))
            rows.save(packed)
            rows.note(kind, payload, number)
        if outcome.cached_from is None:
            how = str(state) if reward is None or failure else f"{state}, reward {reward:.4f}"
            _log.info("%s", logs.ended(number, attempt, _how(how, failure, outcome.worker)))

    def requeue(self, number: int, attempt: int, failure: Failure) -> Trial:
        """Give a running trial back after a failure of the machine: pending, one attempt later."""
        with self._writing() as rows:
            if rows.may_become(number, attempt, State.PENDING):
                rows.again(number, attempt, failure)
                _log.info("%s", logs.ended(number, attempt, _how("tried again", failure)))
            return rows.trials(number)[0]

    def end(self, reason: str) -> None:
        """Note that the loop has ended: "finished", "stopped", "paused" or "failed: why".

        "pending" leaves the search to the next owner. What was running runs no more.
        """
        word, _, why = reason.partition(": ")
        with self._writing() as rows:
            self._give_back(rows)
            self._enter(rows, SearchState(word), why, owner=None)

    def finishing(self) -> None:
        """Note that all trials have ended and the model of the best is being made."""
        with self._writing() as rows:
            self._enter(rows, SearchState.FINISHING, "")

    def heartbeat(self) -> None:
        """Note that the owner lives; raises LostOwnership if it is the owner no more."""
        with self._writing() as rows:
            rows.set_search(heartbeat_at=now(), seconds_running=self._seconds())

    def events(self, after: int = 0, limit: int = 1000) -> list[Event]:
        """Return events of this search with ``seq`` greater than ``after``, in order."""
        with self.database.read() as connection:
            return [
                Event(one.seq, one.kind, one.trial, seconds(one.at), one.payload)
                for one in eventlog.after(connection, after, self.search_id, limit)
            ]

    @contextmanager
    def _writing(self) -> Iterator[SearchRows]:
        """Give the rows in a write transaction of the owner; raise LostOwnership otherwise."""
        with self.database.write() as connection:
            rows = SearchRows(connection, self.search_id)
            self._compare(rows.search())
            yield rows

    def _compare(self, row: Row[Any]) -> None:
        if self.epoch is None or row.owner_epoch != self.epoch:
            raise LostOwnership(f"search {self.search_id} belongs to {row.owner or 'nobody'} now")

    def _seconds(self) -> float:
        return self._before + time.monotonic() - self._since

    def _give_back(self, rows: SearchRows) -> None:
        """Make every running trial pending, one attempt later."""
        for one in rows.trials():
            if one.state is State.RUNNING:
                rows.again(one.number, one.attempt, INTERRUPTED)

    def _enter(self, rows: SearchRows, state: SearchState, reason: str, **values: Any) -> None:
        if state in ENDED:
            values["ended_at"] = now()
        values |= {"state": state, "reason": reason, "seconds_running": self._seconds()}
        rows.set_search(heartbeat_at=now(), **values)
        rows.note_state()


def _how(what: str, failure: Failure | None, worker: str = "") -> str:
    """Return how an attempt ended as one line for the log."""
    where = f" on {worker}" if worker else ""
    return what + where + (f": {failure.kind}, {failure.message}" if failure else "")


def _pack(snapshot: Snapshot) -> bytes:
    return zlib.compress(json.dumps(snapshot, separators=(",", ":")).encode(), level=1)
