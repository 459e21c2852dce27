"""The store in memory, for tests, notebooks and benchmarks: the contract without a database."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from nas.events import Event, EventKind, ending
from nas.store import Control, Desired, LostOwnership
from nas.trial import FINAL, NEXT, State, Trial, trial_seed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nas.store import Draft, Snapshot, Told
    from nas.trial import Failure, Metrics, Outcome


@dataclass
class Memory:
    """What a search has written; two stores on one Memory are two owners of one search."""

    seed: int = 0
    control: Control = field(default_factory=lambda: Control(Desired.RUN, trials=24))
    owner: object = None
    snapshot: Snapshot | None = None
    trials: list[Trial] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    figures: dict[int, Metrics] = field(default_factory=dict)
    reason: str = ""


class MemoryStore:
    """One owner's view of a :class:`Memory`."""

    def __init__(self, memory: Memory | None = None) -> None:
        """Look at ``memory``, or at a new one."""
        self.memory = memory or Memory()

    def control(self) -> Control:
        """Return the desired state and the limits."""
        return self.memory.control

    def snapshot(self) -> Snapshot | None:
        """Return the controller's last snapshot."""
        return self.memory.snapshot

    def trials(self) -> list[Trial]:
        """Return all trials by number."""
        return list(self.memory.trials)

    def adopt(self) -> list[Trial]:
        """Take the search over; return the unfinished trials, pending."""
        self.memory.owner = self
        for trial in self.memory.trials:
            if trial.state is State.RUNNING:
                self._again(trial, {"kind": "lost", "message": "the search was interrupted"})
        return [trial for trial in self.memory.trials if trial.state not in FINAL]

    def start(self, drafts: Sequence[Draft], snapshot: Snapshot) -> list[Trial]:
        """Append pending trials with the snapshot after ``ask``."""
        self._own()
        first = len(self.memory.trials)
        new = [
            Trial(
                number,
                draft.proposal,
                draft.key,
                trial_seed(self.memory.seed, number),
                created_at=time.time(),
            )
            for number, draft in enumerate(drafts, first)
        ]
        self.memory.trials += new
        self.memory.snapshot = snapshot
        return new

    def launch(self, number: int, attempt: int) -> None:
        """Mark a pending trial as running."""
        self._own()
        trial = self._move(number, attempt, State.RUNNING)
        if trial is not None:
            self._put(replace(trial, state=State.RUNNING, started_at=time.time()))
            self._note(EventKind.TRIAL_STARTED, number, {"attempt": attempt})

    def progress(self, number: int, attempt: int, step: int, metrics: Metrics) -> None:
        """Keep a report from a running trial."""
        self._own()
        trial = self.memory.trials[number]
        if trial.state is State.RUNNING and trial.attempt == attempt:
            self._note(EventKind.TRIAL_PROGRESS, number, {"step": step, "metrics": metrics})
        else:
            self._note(EventKind.TRIAL_STALE, number, {"attempt": attempt, "step": step})

    def finish(
        self,
        number: int,
        attempt: int,
        outcome: Outcome,
        reward: float | None,
        told: Sequence[Told],
        snapshot: Snapshot,
    ) -> None:
        """End a trial, and mark the results told with their snapshot."""
        self._own()
        kind, payload = ending(outcome, reward)
        trial = self._move(number, attempt, outcome.state)
        if trial is None:
            return
        self._put(
            replace(
                trial,
                state=outcome.state,
                metrics=outcome.metrics,
                reward=reward,
                failure=outcome.failure,
                cached_from=outcome.cached_from,
                finished_at=time.time(),
            )
        )
        for one in told:
            self._put(replace(self.memory.trials[one.number], told=True))
            self.memory.figures[one.number] = one.figures
        self.memory.snapshot = snapshot
        self._note(kind, number, payload)

    def requeue(self, number: int, attempt: int, failure: Failure) -> Trial:
        """Give a running trial back: pending, one attempt later."""
        self._own()
        trial = self._move(number, attempt, State.PENDING)
        if trial is not None:
            self._again(trial, {"kind": failure.kind, "message": failure.message})
        return self.memory.trials[number]

    def end(self, reason: str) -> None:
        """Note that the loop has ended."""
        self._own()
        self.memory.reason = reason
        self._note(EventKind.SEARCH_STATE, None, {"reason": reason})

    def events(self, after: int = 0, limit: int = 1000) -> list[Event]:
        """Return events with ``seq`` greater than ``after``."""
        return self.memory.events[after : after + limit]

    def _own(self) -> None:
        if self.memory.owner is not self:
            raise LostOwnership("another owner has adopted this search")

    def _move(self, number: int, attempt: int, state: State) -> Trial | None:
        """Return the trial if it may change to ``state``; otherwise note a stale report."""
        trial = self.memory.trials[number]
        if trial.attempt == attempt and state in NEXT[trial.state]:
            return trial
        self._note(EventKind.TRIAL_STALE, number, {"attempt": attempt, "state": state})
        return None

    def _again(self, trial: Trial, why: dict[str, Any]) -> None:
        attempt = trial.attempt + 1
        self._put(replace(trial, state=State.PENDING, attempt=attempt, started_at=None))
        self._note(EventKind.TRIAL_REQUEUED, trial.number, {"attempt": attempt, **why})

    def _put(self, trial: Trial) -> None:
        self.memory.trials[trial.number] = trial

    def _note(self, kind: EventKind, trial: int | None, payload: dict[str, Any]) -> None:
        seq = len(self.memory.events) + 1
        self.memory.events.append(Event(seq, kind, trial, time.time(), payload))
