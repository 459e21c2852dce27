"""Where a search is kept: the contract that the loop writes to, one transaction a method.

The SQL implementation is in ``service/store.py``; :class:`nas.memory.MemoryStore` serves tests and
notebooks. Both pass the same contract tests. A store belongs to one owner (a runner) at a time;
a method called by an owner that has lost the search raises :class:`LostOwnership`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nas.events import Event
    from nas.trial import Failure, Metrics, Outcome, Proposal, Trial

Snapshot = dict[str, Any]


class LostOwnership(RuntimeError):
    """Another process has taken the search over; this one must stop without writing."""


class Desired(StrEnum):
    """What the user wants of a search."""

    RUN = "run"
    PAUSE = "pause"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Control:
    """What the loop reads before each step: the wish, and limits that may change while it runs.

    ``seconds`` is how long the search has run so far, over all its runs. ``workers`` is how many
    trials may run at once, None: as many as its description says.
    """

    desired: Desired
    trials: int
    hours: float | None = None
    seconds: float = 0.0
    workers: int | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A proposal with what the loop adds before it is written: its key and its seed."""

    proposal: Proposal
    key: str


@dataclass(frozen=True, slots=True)
class Told:
    """A result that the controller has just learned, and the controller's own figures then."""

    number: int
    figures: Metrics = field(default_factory=dict)


class Store(Protocol):
    """The memory of one search. Every method is one transaction; start and restart are the same."""

    def control(self) -> Control:
        """Return the desired state and the limits."""

    def snapshot(self) -> Snapshot | None:
        """Return the controller's last snapshot, None before the first."""

    def trials(self) -> list[Trial]:
        """Return all trials by number."""

    def adopt(self) -> list[Trial]:
        """Take the search over, and return the unfinished trials by number.

        They are pending then; those that were running are one attempt later.
        """

    def start(self, drafts: Sequence[Draft], snapshot: Snapshot) -> list[Trial]:
        """Append pending trials, numbered on from the last, with the snapshot after ``ask``."""

    def launch(self, number: int, attempt: int) -> None:
        """Mark a pending trial as running."""

    def progress(self, number: int, attempt: int, step: int, metrics: Metrics) -> None:
        """Keep a report from a running trial; one from an old attempt is noted and ignored."""

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

    def requeue(self, number: int, attempt: int, failure: Failure) -> Trial:
        """Give a running trial back after a failure of the machine: pending, one attempt later."""

    def end(self, reason: str) -> None:
        """Note that the loop has ended: "finished", "stopped", "paused" or "failed: why"."""

    def events(self, after: int = 0, limit: int = 1000) -> list[Event]:
        """Return events with ``seq`` greater than ``after``, in order."""
