"""The state of a random.Random as JSON data, and seeds for single purposes."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random


def pack_rng(rng: random.Random) -> list[Any]:
    """Return the generator's state as JSON data."""
    version, internal, gauss = rng.getstate()
    return [version, list(internal), gauss]


def unpack_rng(rng: random.Random, state: list[Any]) -> None:
    """Put the generator into a state that ``pack_rng`` gave."""
    version, internal, gauss = state
    rng.setstate((version, tuple(internal), gauss))


def derived(seed: int, purpose: str) -> int:
    """Return a seed of 31 bits for one purpose, so that uses cannot shift each other."""
    digest = hashlib.sha256(f"{purpose}/{seed}".encode()).digest()
    return int.from_bytes(digest[:4]) >> 1
