"""What happened, in order: the kinds of event that a store appends with every change."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nas.trial import Outcome


class EventKind(StrEnum):
    """The kinds of event. The part before the dot is the thing that changed."""

    SEARCH_CREATED = "search.created"
    SEARCH_STATE = "search.state"  # payload: state, desired, reason
    SEARCH_DELETED = "search.deleted"  # payload: name
    SEARCH_RESTORED = "search.restored"  # payload: name
    TRIAL_STARTED = "trial.started"
    TRIAL_PROGRESS = "trial.progress"  # payload: step, metrics
    TRIAL_DONE = "trial.done"  # payload: metrics, reward, cached_from
    TRIAL_FAILED = "trial.failed"  # payload: kind, message
    TRIAL_STOPPED = "trial.stopped"
    TRIAL_REQUEUED = "trial.requeued"  # payload: attempt, kind, message
    TRIAL_STALE = "trial.stale"  # a late or double report, ignored
    MODEL_STATE = "model.state"  # payload: model, state
    FINALS_STATE = "finals.state"  # payload: finals, state
    COMPARISON_STATE = "comparison.state"  # payload: comparison, state
    FINETUNE_STATE = "finetune.state"  # payload: finetune, state
    DATASET_STATE = "dataset.state"  # payload: dataset, state; reason, if it failed


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened. ``seq`` has no gaps; ``at`` is UTC in seconds since 1970."""

    seq: int
    kind: EventKind
    trial: int | None
    at: float
    payload: dict[str, Any] = field(default_factory=dict)


def ending(outcome: Outcome, reward: float | None) -> tuple[EventKind, dict[str, Any]]:
    """Return the event that tells how a trial has ended."""
    if outcome.stopped:
        return EventKind.TRIAL_STOPPED, {}
    payload: dict[str, Any] = {"reward": reward}
    if outcome.failure is not None:
        payload |= {"kind": outcome.failure.kind, "message": outcome.failure.message}
        return EventKind.TRIAL_FAILED, payload
    payload |= {"metrics": outcome.metrics, "cached_from": outcome.cached_from}
    return EventKind.TRIAL_DONE, payload
