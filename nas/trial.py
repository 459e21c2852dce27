"""Trials, proposals, results and failures, and the one table of allowed state changes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from searchspaces import Decisions

Metrics = dict[str, float]


class State(StrEnum):
    """Where a trial stands. DONE, FAILED and STOPPED are final."""

    PENDING = "pending"  # waits for a worker: new, or given back after a failure of the machine
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"  # ended early on purpose, by the controller or by the user


NEXT: dict[State, frozenset[State]] = {
    State.PENDING: frozenset({State.RUNNING, State.STOPPED}),
    State.RUNNING: frozenset({State.DONE, State.FAILED, State.STOPPED, State.PENDING}),
    State.DONE: frozenset(),
    State.FAILED: frozenset(),
    State.STOPPED: frozenset(),
}
FINAL = frozenset(state for state, following in NEXT.items() if not following)


class FailureKind(StrEnum):
    """What went wrong. The first group is the architecture's doing, the second the machine's."""

    ERROR = "error"
    INVALID = "invalid"
    DIVERGED = "diverged"
    BAD_METRIC = "bad_metric"
    OUT_OF_MEMORY = "out_of_memory"
    TIMEOUT = "timeout"

    LOST = "lost"
    DISK_FULL = "disk_full"
    UNAVAILABLE = "unavailable"

    @property
    def blames_architecture(self) -> bool:
        """Say whether the controller should learn from it; otherwise the trial is run again."""
        return self not in {self.LOST, self.DISK_FULL, self.UNAVAILABLE}


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a trial gave no metrics. ``trace`` is the last part of a traceback, or empty."""

    kind: FailureKind
    message: str
    trace: str = ""


class TrialFailure(Exception):
    """Raised by an evaluator to end the trial with a failure of the given kind."""

    def __init__(self, kind: FailureKind, message: str) -> None:
        """Keep the kind beside the message."""
        super().__init__(message)
        self.kind = kind


class TrialStopped(Exception):
    """Raised by an evaluator whose ``report`` said not to go on."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a controller wants measured.

    ``budget`` is in epochs, None for the evaluator's full schedule. ``note`` is JSON data that
    comes back with the result: log-probabilities, parent, rung.
    """

    decisions: Decisions
    budget: int | None = None
    note: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Result:
    """What is told to a controller. ``reward`` is None when the machine failed: learn nothing."""

    number: int
    proposal: Proposal
    reward: float | None
    metrics: Metrics
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """One proposal with its fate, as the store keeps it. Times are UTC, in seconds since 1970.

    ``told`` says that the controller's snapshot includes this result. ``cached_from`` is the
    number of the earlier trial whose metrics answered this one without training.
    """

    number: int
    proposal: Proposal
    key: str
    seed: int
    state: State = State.PENDING
    attempt: int = 1
    metrics: Metrics = field(default_factory=dict)
    reward: float | None = None
    failure: Failure | None = None
    told: bool = False
    cached_from: int | None = None
    created_at: float = 0.0
    started_at: float | None = None
    finished_at: float | None = None

    @property
    def result(self) -> Result:
        """What the controller is told of this trial once it has ended."""
        return Result(self.number, self.proposal, self.reward, self.metrics, self.failure)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one attempt ended: metrics, or a failure, or neither when it was stopped early."""

    metrics: Metrics = field(default_factory=dict)
    failure: Failure | None = None
    stopped: bool = False
    worker: str = ""
    cached_from: int | None = None

    @property
    def state(self) -> State:
        """The state that this outcome puts its trial in."""
        if self.stopped:
            return State.STOPPED
        return State.DONE if self.failure is None else State.FAILED


def trial_seed(search_seed: int, number: int) -> int:
    """Return the seed of a trial, from nothing but the search's seed and its number.

    It has 53 bits, so that it is exact in every reader of JSON, browsers included.
    """
    digest = hashlib.sha256(f"{search_seed}/{number}".encode()).digest()
    return int.from_bytes(digest[:8]) >> 11
