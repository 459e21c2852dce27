"""Times as the database keeps them: whole microseconds UTC since 1970."""

from __future__ import annotations

import time
from datetime import UTC, datetime

MICROS = 1_000_000


def now() -> int:
    """Return the time in microseconds since 1970."""
    return time.time_ns() // 1000


def seconds(micros: int) -> float:
    """Return microseconds as seconds since 1970."""
    return micros / MICROS


def seconds_or_none(micros: int | None) -> float | None:
    """Return microseconds as seconds since 1970; None stays None."""
    return None if micros is None else micros / MICROS


def moment(micros: int) -> datetime:
    """Return microseconds as an aware UTC time."""
    return datetime.fromtimestamp(micros / MICROS, UTC)


def moment_or_none(micros: int | None) -> datetime | None:
    """Return microseconds as an aware UTC time; None stays None."""
    return None if micros is None else moment(micros)
