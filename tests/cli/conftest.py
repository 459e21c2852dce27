"""What the tests of the command line share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    """Give torch the threads back that a command, which has a process to itself, has changed."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)
