"""What a terminal is shown: results on standard output, progress on standard error."""

from __future__ import annotations

import json
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.progress import TaskID

QUIET_SECONDS = 15.0  # between two lines of the same progress where there is no terminal


def say(text: str, *, error: bool = False) -> None:
    """Print text as it is: on standard output, or on standard error."""
    Console(stderr=error, markup=False, highlight=False, soft_wrap=True).print(text)


def say_json(data: Any) -> None:
    """Print one JSON document on standard output."""
    sys.stdout.write(json.dumps(data, indent=2, ensure_ascii=False) + "\n")


def say_table(columns: Sequence[tuple[str, str]], rows: Sequence[Sequence[str]]) -> None:
    """Print a table on standard output; a column is a title and "left" or "right"."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for title, side in columns:
        table.add_column(title, justify="right" if side == "right" else "left", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    console = Console(markup=False, highlight=False)
    if not console.is_terminal:  # never cut what a pipe or a file receives
        console = Console(markup=False, highlight=False, width=1000)
        table.expand = False
    console.print(table)


class Meter(Protocol):
    """Shows how far something is. ``total`` 0 means that it is not known."""

    def show(self, name: str, done: int, total: int, text: str) -> None:
        """Show the state of the thing called ``name``."""


@contextmanager
def meter() -> Iterator[Meter]:
    """Give a progress bar on a terminal, else lines now and then; both on standard error."""
    console = Console(stderr=True, markup=False, highlight=False)
    if not console.is_terminal:
        yield Lines(console)
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[text]}", markup=False),
    )
    with Progress(*columns, console=console) as progress:
        yield Bars(progress)


class Bars:
    """One bar for each thing, redrawn in place."""

    def __init__(self, progress: Progress) -> None:
        """Keep the display."""
        self.progress = progress
        self.tasks: dict[str, TaskID] = {}

    def show(self, name: str, done: int, total: int, text: str) -> None:
        """Move the bar of ``name``."""
        if name not in self.tasks:
            self.tasks[name] = self.progress.add_task(name, text="")
        self.progress.update(self.tasks[name], completed=done, total=total or None, text=text)


class Lines:
    """A line whenever a number has changed, or after a while without."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        """Print to ``console``."""
        self.console, self.clock = console, clock
        self.last: dict[str, tuple[int, float]] = {}

    def show(self, name: str, done: int, total: int, text: str) -> None:
        """Print the state of ``name`` if it is news."""
        now = self.clock()
        before, at = self.last.get(name, (-1, 0.0))
        many = total > 1000  # images: by time alone, not one by one
        if (done == before or (many and done < total)) and before >= 0 and now - at < QUIET_SECONDS:
            return
        self.last[name] = (done, now)
        count = f"{done}/{total}" if total else f"{done}"
        self.console.print(f"{name} {count}  {text}".rstrip(), soft_wrap=True)
