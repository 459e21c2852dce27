"""How often is too often: a token bucket for each caller, kept in memory.

The service is one process, so the counts are exact. They begin anew when it starts.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

MOST_KEYS = 10_000  # callers that are remembered; of more, the one that called first is forgotten


class Rates:
    """Lets each key through ``burst`` times at once and ``per_second`` times in the long run.

    A bucket is full at first, loses one at each call and fills again with time. The key that has
    called longest ago is forgotten first: its bucket is the fullest.
    """

    def __init__(
        self, per_second: float, burst: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Start with full buckets; ``clock`` tells seconds."""
        self.per_second, self.burst, self._clock = per_second, burst, clock
        self._left: dict[Hashable, tuple[float, float]] = {}  # what was left, and when

    def wait(self, key: Hashable) -> float:
        """Return the seconds until the key may call again, 0 where it may now."""
        return max(0.0, (1.0 - self._now(key)) / self.per_second)

    def take(self, key: Hashable) -> None:
        """Count a call."""
        left = max(0.0, self._now(key) - 1.0)
        self._left.pop(key, None)
        self._left[key] = left, self._clock()
        if len(self._left) > MOST_KEYS:
            del self._left[next(iter(self._left))]

    def _now(self, key: Hashable) -> float:
        left, at = self._left.get(key, (float(self.burst), 0.0))
        return min(float(self.burst), left + (self._clock() - at) * self.per_second)
