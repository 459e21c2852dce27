"""Waits until something on a service has come to an end, and says how far it is."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, TypeVar

from nas.client.errors import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
POLL_SECONDS = (0.2, 0.5, 1.0)  # then once a second


def until(
    look: Callable[[], T],
    ended: Callable[[T], bool],
    text: Callable[[T], str],
    progress: bool,
    timeout: float | None,
) -> T:
    """Look again and again until it has ended, and return what was seen then.

    ``progress`` writes what ``text`` says to standard error whenever it is news. Raises ClientError
    after ``timeout`` seconds.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    said, looks = "", 0
    while True:
        seen = look()
        now = text(seen)
        if progress and now != said:
            sys.stderr.write(now + "\n")
            sys.stderr.flush()
            said = now
        if ended(seen):
            return seen
        pause = POLL_SECONDS[min(looks, len(POLL_SECONDS) - 1)]
        looks += 1
        if deadline is not None and time.monotonic() + pause > deadline:
            raise ClientError(f"waited {timeout:g} seconds: {now}", field="timeout", value=timeout)
        time.sleep(pause)
