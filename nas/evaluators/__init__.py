"""The contract of an evaluator: what to measure about an architecture, and how to report it.

To add one, put a file beside this one with a subclass of :class:`Evaluator` that sets ``name``.
Options are keyword-only parameters with annotations and defaults; the executor gives ``space`` and,
where ``needs_data`` is set, ``data``. An evaluator is made once in every worker and must be pure:
the metrics depend on the trial, the data, the options and the seed alone.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from nas.trial import Metrics

if TYPE_CHECKING:
    from searchspaces import Decisions, SearchSpace
    from searchspaces.arch import Arch

Report = Callable[[int, Metrics], bool]


@dataclass(frozen=True, slots=True)
class Request:
    """What an evaluator sees of a trial. ``budget`` is in epochs, None for the full schedule."""

    decisions: Decisions
    arch: Arch
    seed: int
    budget: int | None = None


class Evaluator(ABC):
    """Measures architectures. Metrics are finite floats by name; ``accuracy`` is from 0 to 1.

    ``measures`` names the metrics, so that an objective with another one is refused before the
    search; it stays empty where they depend on the options.
    """

    name: ClassVar[str]
    needs_data: ClassVar[bool] = False
    measures: ClassVar[tuple[str, ...]] = ()
    space: SearchSpace

    @classmethod
    def check_space(cls, space: SearchSpace) -> None:
        """Raise RegistryError where this evaluator cannot measure that space."""

    @abstractmethod
    def evaluate(self, request: Request, report: Report) -> Metrics:
        """Return the metrics of one architecture.

        Calls ``report(step, metrics)`` as it goes and raises TrialStopped once that returns False.
        Raises TrialFailure where the architecture cannot be measured.
        """
