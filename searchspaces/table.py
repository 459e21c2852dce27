"""Any CSV file as a search space: columns named ``choice:NAME`` are decisions, the rest measured.

The options of a choice are the distinct values of its column, numbers in order and texts in the
order in which they first appear. The evaluator ``tabular`` looks the measured values up. Points
have labels but no network.
"""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, NoReturn

from pydantic import Field

from searchspaces import Choice, Decisions
from searchspaces.labels import Labelled
from searchspaces.registry import RegistryError

PREFIX = "choice:"


@dataclass(frozen=True, slots=True)
class Table:
    """A CSV file as text: the header, and each row with the number of the line where it ends."""

    path: str
    columns: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]

    def texts(self, column: str) -> list[tuple[int, str]]:
        """Return the line and the text of each row in a column; raise RegistryError if empty."""
        place = self.columns.index(column)
        found = [(line, row[place].strip()) for line, row in self.rows]
        for line, text in found:
            if not text:
                self.refuse("empty", line, column)
        return found

    def numbers(self, column: str) -> list[float]:
        """Return a column of finite numbers; raise RegistryError naming one that is not."""
        found = []
        for line, text in self.texts(column):
            try:
                number = float(text)
            except ValueError:
                number = math.nan
            if not math.isfinite(number):
                self.refuse(f"expected a finite number, got {text!r}", line, column)
            found.append(number)
        return found

    def refuse(self, what: str, line: int = 1, column: str = "") -> NoReturn:
        """Raise the RegistryError that names the file, the line and the column."""
        where = f"{self.path}, line {line}" + (f", column {column!r}" if column else "")
        raise RegistryError(f"option 'path': {where}: {what}", "path")


def read_table(path: str) -> Table:
    """Read a CSV file with a header; raise RegistryError naming the line that is wrong."""
    if not path:
        raise RegistryError("option 'path' is empty: give the path of a CSV file", "path")
    try:
        with Path(path).expanduser().open(newline="", encoding="utf-8-sig") as file:
            return _parsed(path, file.read().splitlines(keepends=True))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise RegistryError(f"option 'path': cannot read {path}: {reason}", "path") from error


def _parsed(path: str, lines: list[str]) -> Table:
    reader = csv.reader(lines, strict=True)
    try:
        # A blank line is an empty row.
        read = [(reader.line_num, tuple(row)) for row in reader if row]
    except csv.Error as error:
        Table(path, (), ()).refuse(str(error), reader.line_num)
    columns = tuple(name.strip() for name in read[0][1]) if read else ()
    table = Table(path, columns, tuple(read[1:]))
    if not table.rows:
        table.refuse("no rows under a header")
    _check_header(table, read[0][0])
    for line, row in table.rows:
        if len(row) != len(columns):
            table.refuse(f"{len(row)} values, the header has {len(columns)}", line)
    return table


def _check_header(table: Table, line: int) -> None:
    for place, name in enumerate(table.columns, 1):
        if not name.removeprefix(PREFIX):
            table.refuse(f"column {place} has no name", line)
        if table.columns.index(name) != place - 1:
            table.refuse("named twice", line, name)


class TableSpace(Labelled):
    """The columns 'choice:NAME' of a CSV file as decisions; for own benchmarks."""

    name = "table"

    def __init__(
        self,
        *,
        path: Annotated[
            str, Field(max_length=4096, description="A CSV file with columns choice:NAME")
        ] = "",
    ) -> None:
        """Read the choices from the file; raise RegistryError naming the line that is wrong.

        A relative path starts where the service runs; workers on other machines need the file too.
        """
        self.table = read_table(path)
        named = [column for column in self.table.columns if column.startswith(PREFIX)]
        if not named:
            self.table.refuse(f"no column is named {PREFIX}NAME")
        self.choices = tuple(
            Choice(column.removeprefix(PREFIX), column, _options(self.table, column))
            for column in named
        )
        self.rows = self._points(named)  # the points in the table, each with its row from 0

    def _points(self, named: list[str]) -> dict[Decisions, int]:
        columns = [
            [choice.options.index(text) for _, text in self.table.texts(column)]
            for choice, column in zip(self.choices, named, strict=True)
        ]
        found: dict[Decisions, int] = {}
        for number, point in enumerate(zip(*columns, strict=True)):
            if found.setdefault(point, number) != number:
                first, line = (self.table.rows[n][0] for n in (found[point], number))
                self.table.refuse(f"the same choices as in line {first}", line)
        return found


def _options(table: Table, column: str) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(text for _, text in table.texts(column)))
    try:
        return tuple(sorted(found, key=float))
    except ValueError:
        return found
