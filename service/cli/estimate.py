"""``nas estimate``: what a search would take, from a measurement of seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.context import desk_of
from service.cli.failures import SearchFailed
from service.cli.options import SetOptions, SpecFile, build_spec, with_flags
from service.cli.screen import say, say_json, say_table
from service.estimates import Busy

if TYPE_CHECKING:
    from collections.abc import Callable

    from service.estimates import EstimateView, Range

COLUMNS = (("", "left"), ("each trial", "left"), ("in all", "left"))
EXAMPLES = """Examples:

    nas estimate --data digits --trials 8
    nas estimate --spec search.toml --workers 4 --epochs 10
"""


def estimate(
    context: typer.Context,
    *,
    spec: SpecFile = None,
    settings: SetOptions = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document")] = False,
    **flags: Any,
) -> None:
    """Say how long a search would take, and how much memory and disk.

    Trains a small and a large random architecture for a few steps, at most 45 seconds, and starts
    no search. The options are those of nas search.
    """
    asked = build_spec(flags, spec, settings or [])
    with desk_of(context) as desk:
        say("a small and a large architecture are measured, unless they were before", error=True)
        try:
            view = desk.estimate(asked)
        except Busy as error:
            raise SearchFailed(str(error)) from error
    if as_json:
        say_json(view.model_dump(mode="json"))
        return
    if view.seconds is not None:
        say_table(COLUMNS, _rows(view))
    say(f"space: {view.space_size} architectures")
    say(f"basis: {view.basis}")


def _rows(view: EstimateView) -> list[list[str]]:
    rows = [
        ["time", _span(view.seconds_per_trial, duration), _span(view.seconds, duration)],
        ["memory", _span(view.memory_bytes_per_trial, size), _span(view.memory_bytes, size)],
        ["disk", _span(view.disk_bytes_per_trial, size), _span(view.disk_bytes, size)],
    ]
    if view.gpu_bytes_per_trial is not None:
        rows.append(["memory of the GPU", _span(view.gpu_bytes_per_trial, size), ""])
    return rows


def _span(found: Range | None, text: Callable[[float], str]) -> str:
    if found is None:
        return ""
    low, high = text(found.low), text(found.high)
    return low if low == high else f"{low} to {high}"


def duration(seconds: float) -> str:
    """Return a length of time with two digits: 0.8 s, 42 s, 3.1 min, 5 h, 12 d."""
    for unit, length, until in (("s", 1, 90), ("min", 60, 90), ("h", 3600, 72)):
        if seconds / length < until:
            return f"{_digits(seconds / length)} {unit}"
    return f"{_digits(seconds / 86400)} d"


def size(count: float) -> str:
    """Return an amount of bytes with two digits: 950 B, 1.4 MB."""
    for unit, length in (("B", 1.0), ("kB", 1e3), ("MB", 1e6)):
        if count / length < 1000:
            return f"{_digits(count / length)} {unit}"
    return f"{_digits(count / 1e9)} GB"


def _digits(number: float) -> str:
    return f"{number:.1f}" if number < 10 else f"{number:,.0f}"


with_flags(estimate)
estimate.__doc__ = f"{estimate.__doc__}\n{EXAMPLES}"
