"""The one place where torch's own generator is seeded, and only for as long as a block lasts."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Seed what layers draw from (initial weights, dropout) inside the block.

    Afterwards the generators are as they were. Two such blocks must not run in two threads of one
    process: torch has one default generator for all of them.
    """
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)  # noqa: TID251
        yield


def reseed(seed: int, purpose: str) -> None:
    """Seed torch's own generators for a purpose; only inside a :func:`seeded` block.

    A training that can be broken off and resumed does so at every epoch: what an epoch draws then
    depends on nothing before it.
    """
    torch.manual_seed(_derived(seed, purpose))  # noqa: TID251


def generator(seed: int, purpose: str) -> torch.Generator:
    """Return a CPU generator of its own for a purpose, so that uses cannot shift each other."""
    return torch.Generator().manual_seed(_derived(seed, purpose))


def _derived(seed: int, purpose: str) -> int:
    digest = hashlib.sha256(f"{purpose}/{seed}".encode()).digest()
    return int.from_bytes(digest[:8]) >> 1
