"""What a training may do beyond the plain loop, as one value; the default adds nothing."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nas.training.parallel import SOLO, Parallel

if TYPE_CHECKING:
    from nas.training.checkpoint import Checkpoint


@dataclass(frozen=True, slots=True)
class Extras:
    """``rates``: by name of a parameter, a factor of its learning rate (1 where it is not named).

    ``still``: names of modules that stay in evaluation mode, as frozen parts of a fine-tuned
    network must, lest their batch statistics change. ``checkpoint``: written after each epoch, and
    gone on from where there is one. ``parallel``: this process among several.
    """

    rates: Mapping[str, float] = field(default_factory=dict)
    still: frozenset[str] = frozenset()
    checkpoint: Checkpoint | None = None
    parallel: Parallel = SOLO


PLAIN = Extras()
