"""The contract of a controller: asked for proposals, told results, its memory a snapshot.

To add one, put a file beside this one with a subclass of :class:`Controller` that sets ``name``.
Options are keyword-only parameters of ``__init__`` with annotations and defaults; the loop gives
``space`` and ``seed``.

Rules: ``ask(free)`` returns at most ``free`` proposals and may return fewer. None while something
runs means wait; none while nothing runs means finished. ``tell`` is called once a trial, in any
order unless the search is ordered. ``state_dict`` is JSON data, and a controller that has loaded
it goes on exactly as the one that gave it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from nas.trial import Metrics, Proposal, Result
    from searchspaces import SearchSpace


class Controller(ABC):
    """Proposes points of a search space and learns from their rewards."""

    name: ClassVar[str]

    def __init__(self, space: SearchSpace, seed: int) -> None:
        """Keep the space and the seed; the same seed gives the same search."""
        self.space, self.seed = space, seed

    @abstractmethod
    def ask(self, free: int) -> list[Proposal]:
        """Return at most ``free`` proposals."""

    def tell(self, result: Result) -> None:
        """Learn from a result; a reward of None (the machine failed) teaches nothing."""

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """Return the whole memory as JSON data."""

    @abstractmethod
    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take a memory over."""

    def independent(self) -> int | None:
        """How many more proposals no outstanding result could change; None for any number.

        An ordered search asks for no more than this, so that every parallelism gives the search
        of one worker.
        """
        return 1

    def figures(self) -> Metrics:
        """Return figures worth a curve beside the rewards, such as baseline and entropy."""
        return {}
