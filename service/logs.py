"""What the processes of a search have printed: its runner and, if they are local, its workers.

A search has a log for each who ran it: the supervisor and the command line. They are read as one.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.searchrows import SearchRows

if TYPE_CHECKING:
    from pathlib import Path

    from service.db import Database

MOST_LINES = 10_000
MOST_BYTES = 2**20  # read from the end
MOST_LETTERS = 2000  # of a line
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")  # colours, bells


@dataclass(frozen=True, slots=True)
class Log:
    """Lines of a log; ``version`` changes when there is more."""

    text: str
    version: str


def read(database: Database, search_id: str, tail: int, trial: int | None = None) -> Log:
    """Return the last ``tail`` lines, or those up to the one that says how a trial ended.

    Of a trial that has not ended, or of which the log has no line (any more), there are none.
    Raises NotFound if there is no such search.
    """
    with database.read() as connection:
        SearchRows(connection, search_id).search()
    files = _files(database.settings.home / "logs", search_id)
    lines = _lines(files)
    if trial is not None:
        lines = _up_to(lines, trial)
    text = "".join(f"{line}\n" for line in lines[-tail:])
    return Log(text, hashlib.sha256(text.encode()).hexdigest()[:32])


def ended(trial: int, attempt: int, how: str) -> str:
    """Return the line that says how an attempt at a trial ended."""
    return f"trial {trial}, attempt {attempt}: {' '.join(how.split())}"


def _files(folder: Path, search_id: str) -> list[Path]:
    """Return the logs of a search, the one that was written to last at the end."""
    names = (f"search-{search_id}.log.1", f"search-{search_id}.log", f"cli-{search_id}.log")
    there = [path for name in names if (path := folder / name).is_file()]
    return sorted(there, key=lambda path: path.stat().st_mtime_ns)


def _lines(files: list[Path]) -> list[str]:
    """Return the lines of files, as far back as is read."""
    lines: list[str] = []
    left = MOST_BYTES
    for path in reversed(files):
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - left))
            found = file.read(left).decode("utf-8", "replace").replace("\r\n", "\n").split("\n")
        if size > left:
            found = found[1:]  # the first is cut
        if found and not found[-1]:
            found.pop()
        lines = [_clean(line) for line in found] + lines
        left -= min(left, size)
        if not left:
            break
    return lines


def _clean(line: str) -> str:
    """Return a line as it would stand on a terminal at its end, without colours, of some length."""
    shown = _CONTROL.sub("", line.rstrip("\r").rpartition("\r")[2])
    return shown if len(shown) <= MOST_LETTERS else shown[: MOST_LETTERS - 1] + "…"


def _up_to(lines: list[str], trial: int) -> list[str]:
    named = re.compile(rf"\btrial {trial}, attempt \d+: ")
    for place in range(len(lines) - 1, -1, -1):
        if named.search(lines[place]):
            return lines[: place + 1]
    return []
