"""The rows of one search inside one transaction: what the store's methods are made of."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from nas.events import EventKind
from nas.objective import EXCESS
from nas.trial import NEXT, State, trial_seed
from service import eventlog
from service.clock import now
from service.errors import NotFound
from service.rows import trial_of
from service.tables import report, search, snapshot, trial, trial_attempt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Row

    from nas.store import Draft
    from nas.trial import Failure, Metrics, Trial


def finite(metrics: Metrics) -> Metrics:
    """Return the metrics that are finite numbers: NaN and infinity are no JSON."""
    return {name: float(value) for name, value in metrics.items() if math.isfinite(value)}


class SearchRows:
    """The rows of a search, seen and changed through the caller's connection."""

    def __init__(self, connection: Connection, search_id: str) -> None:
        """Work in the caller's transaction."""
        self.connection, self.search_id = connection, search_id

    def search(self, *, deleted: bool = False) -> Row[Any]:
        """Return the row of the search; raise NotFound if there is none.

        One that was thrown away is there only for those who say ``deleted``.
        """
        row = self.connection.execute(select(search).where(search.c.id == self.search_id)).first()
        if row is None or (row.deleted_at is not None and not deleted):
            raise NotFound(f"no search {self.search_id!r}", field="search", value=self.search_id)
        return row

    def set_search(self, **values: Any) -> None:
        """Change columns of the search."""
        self.connection.execute(
            update(search).where(search.c.id == self.search_id).values(**values)
        )

    def trial(self, number: int) -> Row[Any]:
        """Return the row of a trial; raise NotFound if there is none."""
        row = self.connection.execute(
            select(trial).where(trial.c.search_id == self.search_id, trial.c.number == number)
        ).first()
        if row is None:
            text = f"search {self.search_id!r} has no trial {number}"
            raise NotFound(text, field="trial", value=number)
        return row

    def set_trial(self, number: int, **values: Any) -> None:
        """Change columns of a trial; the event that tells of it is to be noted afterwards."""
        self.connection.execute(
            update(trial)
            .where(trial.c.search_id == self.search_id, trial.c.number == number)
            .values(changed=self._following(), **values)
        )

    def trials(self, first: int = 0) -> list[Trial]:
        """Return the trials from number ``first`` on."""
        rows = self.connection.execute(
            select(trial)
            .where(trial.c.search_id == self.search_id, trial.c.number >= first)
            .order_by(trial.c.number)
        )
        return [trial_of(row) for row in rows]

    def count(self) -> int:
        """Return the number of trials."""
        query = select(func.count()).select_from(trial)
        return self.connection.execute(
            query.where(trial.c.search_id == self.search_id)
        ).scalar_one()

    def best(self) -> Row[Any] | None:
        """Return the finished trial with the highest reward, the earliest of equals.

        One that breaks a limit of the objective is none.
        """
        return self.connection.execute(
            select(trial)
            .where(
                trial.c.search_id == self.search_id,
                trial.c.state == State.DONE,
                trial.c.reward.is_not(None),
                trial.c.metrics[EXCESS].as_float().is_(None),
            )
            .order_by(trial.c.reward.desc(), trial.c.number)
            .limit(1)
        ).first()

    def append(self, drafts: Sequence[Draft]) -> int:
        """Append pending trials; return the number of the first."""
        last = self.connection.execute(
            select(func.max(trial.c.number)).where(trial.c.search_id == self.search_id)
        ).scalar()
        first = 0 if last is None else last + 1
        if drafts:
            seed, changed = self.search().seed, self._following()
            rows = [self._draft(number, draft, seed) for number, draft in enumerate(drafts, first)]
            self.connection.execute(insert(trial).values(changed=changed), rows)
        return first

    def may_become(self, number: int, attempt: int, state: State) -> bool:
        """Say whether the trial may change to ``state``; if not, note a stale report."""
        row = self.trial(number)
        if row.attempt == attempt and state in NEXT[State(row.state)]:
            return True
        self.note(EventKind.TRIAL_STALE, {"attempt": attempt, "state": state}, number)
        return False

    def again(self, number: int, attempt: int, failure: Failure) -> None:
        """Give a running trial back: pending, one attempt later."""
        self.end_attempt(number, attempt, State.PENDING, failure, "")
        self.set_trial(number, state=State.PENDING, attempt=attempt + 1, started_at=None)
        payload = {"attempt": attempt + 1, "kind": failure.kind, "message": failure.message}
        self.note(EventKind.TRIAL_REQUEUED, payload, number)

    def begin_attempt(self, number: int, attempt: int, epoch: int | None) -> None:
        """Append an attempt that runs now."""
        self.connection.execute(
            insert(trial_attempt).values(
                search_id=self.search_id,
                number=number,
                attempt=attempt,
                owner_epoch=epoch,
                worker="",
                outcome=State.RUNNING,
                message="",
                started_at=now(),
            )
        )

    def end_attempt(
        self, number: int, attempt: int, state: State, failure: Failure | None, worker: str
    ) -> None:
        """Note how an attempt ended: by the kind of failure, or by the state."""
        self.connection.execute(
            update(trial_attempt)
            .where(
                trial_attempt.c.search_id == self.search_id,
                trial_attempt.c.number == number,
                trial_attempt.c.attempt == attempt,
            )
            .values(
                outcome=failure.kind if failure else state,
                message=failure.message if failure else "",
                worker=worker,
                ended_at=now(),
            )
        )

    def keep_report(self, number: int, attempt: int, step: int, metrics: Metrics) -> None:
        """Keep the metrics of a step; a step reported twice keeps the later ones."""
        values = {"metrics": metrics, "at": now()}
        self.connection.execute(
            upsert(report)
            .values(search_id=self.search_id, number=number, attempt=attempt, step=step, **values)
            .on_conflict_do_update(set_=values)
        )

    def snapshot(self) -> bytes | None:
        """Return the packed snapshot, None before the first."""
        found: bytes | None = self.connection.execute(
            select(snapshot.c.data).where(snapshot.c.search_id == self.search_id)
        ).scalar()
        return found

    def save(self, packed: bytes) -> None:
        """Keep a packed snapshot in the place of the last."""
        self.connection.execute(
            upsert(snapshot)
            .values(search_id=self.search_id, data=packed)
            .on_conflict_do_update(set_={"data": packed})
        )

    def note(self, kind: EventKind, payload: dict[str, Any], number: int | None = None) -> None:
        """Append an event."""
        eventlog.append(self.connection, self.search_id, kind, payload, number)

    def note_state(self) -> None:
        """Append an event with the state of the search."""
        row = self.search()
        payload = {"state": row.state, "desired": row.desired, "reason": row.reason}
        self.note(EventKind.SEARCH_STATE, payload)

    def _following(self) -> int:
        """Return the seq that the next event will have."""
        return eventlog.last_seq(self.connection) + 1

    def _draft(self, number: int, draft: Draft, search_seed: int) -> dict[str, Any]:
        proposal = draft.proposal
        return {
            "search_id": self.search_id,
            "number": number,
            "decisions": list(proposal.decisions),
            "key": draft.key,
            "budget": proposal.budget,
            "note": proposal.note,
            "seed": trial_seed(search_seed, number),
            "state": State.PENDING,
            "attempt": 1,
            "metrics": {},
            "told": False,
            "figures": {},
            "created_at": now(),
        }
