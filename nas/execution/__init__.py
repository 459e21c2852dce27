"""The contract of an executor: where trials run. It knows nothing of rewards or controllers.

To add one, put a file beside this one with a subclass of :class:`Executor` that sets ``name``.
Whatever happens to a worker, ``wait`` gives exactly one Finished for every job submitted.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from nas.spec import MOST_WORKERS

if TYPE_CHECKING:
    from nas.spec import Execution, Setup
    from nas.trial import Metrics, Outcome
    from searchspaces import Decisions


@dataclass(frozen=True, slots=True)
class Job:
    """One attempt at one trial, as data that any worker can run."""

    number: int
    attempt: int
    decisions: Decisions
    seed: int
    budget: int | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """A report from a running job."""

    number: int
    attempt: int
    step: int
    metrics: Metrics


@dataclass(frozen=True, slots=True)
class Finished:
    """The end of a job."""

    number: int
    attempt: int
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Node:
    """A machine of a cluster: what it offers in all, and whether it still does.

    ``id`` tells it from others of its name and address, ``cluster`` is where its cluster answers.
    """

    id: str
    cluster: str
    name: str
    address: str
    alive: bool
    cpus: float
    gpus: float
    memory_bytes: int


class Executor(ABC):
    """A pool of workers, each holding one evaluator made from ``setup``."""

    name: ClassVar[str]
    nodes: tuple[Node, ...] = ()  # as last seen; none where all runs on this machine

    def __init__(self, setup: Setup, execution: Execution) -> None:
        """Keep what workers need; start them here or on first use."""
        self.setup, self.execution = setup, execution
        self.workers = execution.workers  # places; :meth:`resize` changes it

    @classmethod
    def most_workers(cls) -> int:
        """Return how many places there can be, as seen from this machine."""
        return MOST_WORKERS

    @abstractmethod
    def free(self) -> int:
        """Return how many jobs could be submitted now."""

    @abstractmethod
    def submit(self, job: Job) -> None:
        """Start a job on a free worker, or queue it until one has started."""

    @abstractmethod
    def wait(self, timeout: float) -> list[Progress | Finished]:
        """Return what has happened, after at most ``timeout`` seconds; earlier if anything has."""

    @abstractmethod
    def cancel(self, number: int) -> None:
        """Ask a job to stop at its next report; it still ends with a Finished."""

    def resize(self, workers: int) -> None:
        """Have so many places from now on.

        Running jobs go on to their end; of places that are too many, those go first that are idle.
        """
        self.workers = workers

    @abstractmethod
    def close(self) -> None:
        """End all workers, with whatever they run. Safe to call twice."""
