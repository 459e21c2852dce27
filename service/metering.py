"""Counts requests and how long answers take to begin, and writes all in Prometheus' text format.

The format is plain lines (prometheus.io/docs/instrumenting/exposition_formats, version 0.0.4); it
needs no library.
"""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from nas.trial import State
from service import eventlog
from service.clock import MICROS, now
from service.states import SearchState
from service.tables import search, trial

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import Connection, Select
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from service.db import Database
    from service.stream import Broadcaster

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)  # seconds
Labels = tuple[tuple[str, str], ...]


class Meter:
    """What the API has answered since it started. Used in the event loop alone."""

    def __init__(self) -> None:
        """Begin at nothing."""
        self.requests: Counter[tuple[str, str, int]] = Counter()
        self.buckets: dict[str, list[int]] = {}
        self.seconds: dict[str, float] = {}

    def note(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answer that began after so many seconds."""
        self.requests[method, route, status] += 1
        counts = self.buckets.setdefault(route, [0] * (len(BUCKETS) + 1))
        counts[sum(seconds > bound for bound in BUCKETS)] += 1
        self.seconds[route] = self.seconds.get(route, 0.0) + seconds


class Metered:
    """The application with a meter before it."""

    def __init__(self, app: ASGIApp, meter: Meter) -> None:
        """Count what ``app`` answers."""
        self.app, self.meter = app, meter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and count it when its answer begins: a stream may last for days."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun = time.perf_counter()

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = getattr(scope.get("route"), "path", "none")
                seconds = time.perf_counter() - begun
                self.meter.note(scope["method"], route, message["status"], seconds)
            await send(message)

        await self.app(scope, receive, counted)


def exposition(database: Database, broadcaster: Broadcaster, meter: Meter) -> str:
    """Return all metrics as text."""
    lines: list[str] = []
    with database.read() as connection:
        there = search.c.deleted_at.is_(None)
        searches = _counts(
            connection, select(search.c.state, func.count()).where(there).group_by(search.c.state)
        )
        trials = _counts(
            connection,
            select(trial.c.state, func.count())
            .where(trial.c.search_id.in_(select(search.c.id).where(there)))
            .group_by(trial.c.state),
        )
        last = eventlog.last_seq(connection)
        waiting = eventlog.after(connection, broadcaster.seq, limit=1)
    _gauge(lines, "nasturtium_searches", "Searches by state", _states(SearchState, searches))
    _gauge(lines, "nasturtium_trials", "Trials by state", _states(State, trials))
    lag = (now() - waiting[0].at) / MICROS if waiting else 0.0
    for name, text, value in (
        ("nasturtium_events", "Number of the last event", last),
        ("nasturtium_event_lag_seconds", "Age of the oldest event not yet handed on", lag),
        ("nasturtium_event_streams", "Open streams of events", len(broadcaster.listeners)),
        ("process_resident_memory_bytes", "Memory of the API's process", resident_bytes()),
    ):
        _gauge(lines, name, text, [((), value)])
    _requests(lines, meter)
    return "\n".join(lines) + "\n"


def _counts(connection: Connection, query: Select[str, int]) -> dict[str, int]:
    return {row[0]: row[1] for row in connection.execute(query)}


def resident_bytes() -> int:
    """Return the memory of this process, 0 where the system does not tell."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS")), 0)


def _states(names: Iterable[str], counts: Mapping[str, int]) -> list[tuple[Labels, int]]:
    return [((("state", str(name)),), counts.get(str(name), 0)) for name in names]


def _gauge(lines: list[str], name: str, text: str, values: Iterable[tuple[Labels, float]]) -> None:
    lines += [f"# HELP {name} {text}", f"# TYPE {name} gauge"]
    lines += [_sample(name, labels, value) for labels, value in values]


def _requests(lines: list[str], meter: Meter) -> None:
    name = "nasturtium_http_requests_total"
    lines += [f"# HELP {name} Requests answered", f"# TYPE {name} counter"]
    for (method, route, status), count in sorted(meter.requests.items()):
        labels = (("method", method), ("route", route), ("status", str(status)))
        lines.append(_sample(name, labels, count))
    name = "nasturtium_http_request_seconds"
    lines += [f"# HELP {name} Seconds until an answer begins", f"# TYPE {name} histogram"]
    for route, counts in sorted(meter.buckets.items()):
        label, total = (("route", route),), 0
        for bound, count in zip((*map(str, BUCKETS), "+Inf"), counts, strict=True):
            total += count
            lines.append(_sample(f"{name}_bucket", (*label, ("le", bound)), total))
        lines.append(_sample(f"{name}_sum", label, meter.seconds[route]))
        lines.append(_sample(f"{name}_count", label, total))


def _sample(name: str, labels: Labels, value: float) -> str:
    inside = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels)
    return f"{name}{{{inside}}} {value}" if inside else f"{name} {value}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
