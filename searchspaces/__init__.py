"""The contract of a search space: choices, decisions, the task, and how an architecture is built.

A search space is a fixed tuple of categorical choices; a point in it is a tuple of ints, one index
for each choice. Controllers see nothing else. ``decode`` turns a point into an :class:`Arch`, which
is data; ``build`` turns an ``Arch`` into a ``torch.nn.Module``.

To add a space, put one file beside this one with a subclass of :class:`SearchSpace` that sets
``name``. The registry finds it by scanning this folder (and ``$NAS_PLUGINS/searchspaces``).
Options are keyword-only parameters of ``__init__``, annotated, with defaults. docs/own-space.md
shows a whole file.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from searchspaces.errors import SpaceError as SpaceError

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Sequence

    from torch import nn

    from searchspaces.arch import Arch
    from searchspaces.scale import Scale

Decisions = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One categorical decision. Choices of one ``kind`` may share the weights of a policy."""

    name: str
    kind: str
    options: tuple[str, ...]

    def __len__(self) -> int:
        """Return the number of options."""
        return len(self.options)


@dataclass(frozen=True, slots=True)
class Task:
    """What a network is for: images of (channels, height, width) into ``classes`` logits."""

    channels: int
    height: int
    width: int
    classes: int


class SearchSpace(ABC):
    """A fixed tuple of choices, and the way from decisions to an architecture to a network."""

    name: ClassVar[str]
    buildable: ClassVar[bool] = True  # False: points have labels but no networks; build refuses
    choices: tuple[Choice, ...]

    @abstractmethod
    def decode(self, decisions: Decisions) -> Arch:
        """Return the architecture of a point; raise SpaceError where the point is not one."""

    @abstractmethod
    def build(self, arch: Arch, task: Task, scale: Scale) -> nn.Module:
        """Return a fresh network, (batch, channels, height, width) -> (batch, classes) logits."""

    def encode(self, arch: Arch) -> Decisions:
        """Return a point that decodes to ``arch``; raise SpaceError where this space has none.

        It is the only such point where ``decode`` is injective. A space that has no ``_read`` of
        its own refuses every architecture.
        """
        if arch.space != self.name:
            raise SpaceError(f"{self.name}: the architecture is one of {arch.space}")
        try:
            point = self.check(self._read(arch))
        except (IndexError, KeyError, StopIteration, TypeError, ValueError) as error:
            if isinstance(error, SpaceError):
                raise
            raise SpaceError(f"{self.name}: the architecture is not one of this space") from error
        if self.decode(point) != arch:
            raise SpaceError(f"{self.name}: the architecture is not one of this space")
        return point

    def _read(self, arch: Arch) -> Decisions:
        """Return the decisions that ``arch`` shows; any lookup error means that it is not ours."""
        raise SpaceError(f"{arch.space}: an architecture cannot be turned back into decisions")

    @property
    def size(self) -> int:
        """The number of points, before symmetries: the product of the numbers of options."""
        return math.prod(len(choice) for choice in self.choices)

    def check(self, decisions: Sequence[int]) -> Decisions:
        """Return ``decisions`` as a tuple; raise SpaceError naming the choice that is wrong."""
        if len(decisions) != len(self.choices):
            raise SpaceError(
                f"{self.name}: expected {len(self.choices)} decisions, got {len(decisions)}"
            )
        for choice, index in zip(self.choices, decisions, strict=True):
            if isinstance(index, bool) or not isinstance(index, int):
                raise SpaceError(f"{self.name}: {choice.name} must be an int, got {index!r}")
            if not 0 <= index < len(choice):
                raise SpaceError(
                    f"{self.name}: {choice.name} is {index}, allowed are 0 to {len(choice) - 1}"
                )
        return tuple(decisions)

    def sample(self, rng: random.Random) -> Decisions:
        """Return a point drawn uniformly."""
        return tuple(rng.randrange(len(choice)) for choice in self.choices)

    def mutate(self, decisions: Decisions, rng: random.Random) -> Decisions:
        """Return a copy in which exactly one decision differs."""
        places = [i for i, choice in enumerate(self.choices) if len(choice) > 1]
        place = rng.choice(places)
        other = rng.randrange(len(self.choices[place]) - 1)
        other += other >= decisions[place]
        return (*decisions[:place], other, *decisions[place + 1 :])

    def neighbours(self, decisions: Decisions) -> Iterator[Decisions]:
        """Yield every point that differs in exactly one decision."""
        for place, choice in enumerate(self.choices):
            for other in range(len(choice)):
                if other != decisions[place]:
                    yield (*decisions[:place], other, *decisions[place + 1 :])
