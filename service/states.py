"""The states of searches, models, and jobs such as finals."""

from __future__ import annotations

from enum import StrEnum


class SearchState(StrEnum):
    """Where a search stands. FINISHED, STOPPED and FAILED are final until it is resumed."""

    PENDING = "pending"  # waits for a runner
    RUNNING = "running"
    PAUSED = "paused"
    FINISHING = "finishing"  # all trials have ended; the model of the best is being made
    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"


ENDED = frozenset({SearchState.FINISHED, SearchState.STOPPED, SearchState.FAILED})
ACTIVE = frozenset({SearchState.PENDING, SearchState.RUNNING, SearchState.FINISHING})


class ModelState(StrEnum):
    """Where the making of a model stands. DONE and FAILED are final."""

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


MODEL_ENDED = frozenset({ModelState.DONE, ModelState.FAILED})


class JobState(StrEnum):
    """Where a job that somebody asked for stands. DONE, FAILED and STOPPED are final."""

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"  # all trainings have ended, not all of them well perhaps
    FAILED = "failed"
    STOPPED = "stopped"  # by the user; what was trained is kept


JOB_ACTIVE = frozenset({JobState.PENDING, JobState.RUNNING})
