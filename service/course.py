"""The course of a search as columns, read at once, and the same columns as bytes.

The bytes, all of them little-endian: ``NAS1``; the length of the head as uint32; the head, JSON
padded with spaces; the columns. The head and every column begin at a multiple of 8. Of each column
the head names the type, and the place counted from the end of the head.
"""

from __future__ import annotations

import json
import math
import re
import sys
from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, true

from nas.honesty.arms import ARM, RANDOM, SEARCH
from nas.trial import State
from service import eventlog
from service.schemas import History
from service.searchrows import SearchRows
from service.tables import trial

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy import ColumnElement, Connection, Row, Select

    from service.db import Database

MEDIA_TYPE = "application/octet-stream"
MAGIC = b"NAS1"
STATES = tuple(State)
ARMS = (None, SEARCH, RANDOM)
FIGURES = "figures."  # before the name of a figure, in the names of columns
MOST = 1_000_000  # trials of one answer: as many as a search may have
CHUNK = 250  # rows at once: of thousands, the collector of garbage takes half of the time
_NAN = float("nan")
_PLAIN = re.compile(r'[^"\\\x00-\x1f]+')


@dataclass(slots=True)
class Course:
    """Trials by number, a column a key; NaN where there is no reward or no such figure.

    ``seq`` is the last event that is in it; ``since`` the one after which trials have changed, 0
    for all. States and arms are places in ``STATES`` and ``ARMS``.
    """

    seq: int
    since: int
    number: array[int] = field(default_factory=lambda: array("i"))
    reward: array[float] = field(default_factory=lambda: array("d"))
    state: bytearray = field(default_factory=bytearray)
    arm: bytearray = field(default_factory=bytearray)
    figures: dict[str, array[float]] = field(default_factory=dict)

    def append(self, rows: Sequence[Row[Any]]) -> None:
        """Append rows of (number, reward, state, arm, and each of the figures)."""
        numbers, rewards, states, arms, *figures = zip(*rows, strict=True)
        self.number.extend(numbers)
        self.reward.extend(_numbers(rewards))
        self.state += bytes(map(STATES.index, states))
        self.arm += bytes(map(ARMS.index, arms))
        for column, values in zip(self.figures.values(), figures, strict=True):
            column.extend(_numbers(values))

    def history(self) -> History:
        """Return the same with words and nulls, for JSON."""
        return History(
            seq=self.seq,
            number=self.number.tolist(),
            reward=_nulls(self.reward),
            state=[STATES[one] for one in self.state],
            arm=[ARMS[one] for one in self.arm],
            figures={name: _nulls(column) for name, column in self.figures.items()},
        )

    def packed(self) -> bytes:
        """Return the columns as bytes, with their head."""
        columns: list[tuple[dict[str, Any], bytes]] = [
            ({"name": "number", "type": "int32"}, _little(self.number)),
            ({"name": "reward", "type": "float64"}, _little(self.reward)),
            ({"name": "state", "type": "uint8", "values": STATES}, bytes(self.state)),
            ({"name": "arm", "type": "uint8", "values": ARMS}, bytes(self.arm)),
        ]
        for name, column in self.figures.items():
            columns.append(({"name": FIGURES + name, "type": "float64"}, _little(column)))
        told, parts, place = [], [], 0
        for about, data in columns:
            told.append(about | {"at": place})
            parts.append(_padded(data, b"\0"))
            place += len(parts[-1])
        head: dict[str, Any] = {"count": len(self.number), "seq": self.seq, "since": self.since}
        text = _padded(json.dumps(head | {"columns": told}).encode(), b" ")
        return b"".join([MAGIC, len(text).to_bytes(4, "little"), text, *parts])


def course(
    database: Database, search_id: str, *, after: int = -1, since: int = 0, limit: int = MOST
) -> Course:
    """Return the trials that follow number ``after`` and have changed after event ``since``.

    A ``since`` that has not been yet is of another database: the answer then holds all trials.
    """
    wanted = [trial.c.search_id == search_id]
    number: ColumnElement[int] = trial.c.number
    with database.read() as connection:
        SearchRows(connection, search_id).search()
        seq = eventlog.last_seq(connection)
        if 0 < since <= seq:
            wanted.append(trial.c.changed > since)
            number += 0  # or SQLite walks through all numbers: it does not know how few changed
        query = select(trial).where(*wanted, number > after).order_by(number).limit(limit)
        names = _names(connection, query)
        found = Course(seq, since if since <= seq else 0)
        found.figures = {name: array("d") for name in names}
        columns = [trial.c.number, trial.c.reward, trial.c.state, inside(trial.c.note, ARM)]
        columns += [inside(trial.c.figures, name) for name in names]
        for rows in connection.execute(query.with_only_columns(*columns)).partitions(CHUNK):
            found.append(rows)
    return found


def _names(connection: Connection, query: Select[Any]) -> list[str]:
    """Return the names of the figures that the trials of a query have."""
    part = query.with_only_columns(trial.c.figures).subquery()
    each = func.json_each(part.c.figures).table_valued("key")
    found = select(each.c.key).distinct().select_from(part.join(each, true()))
    return sorted(connection.execute(found).scalars())


def inside(column: ColumnElement[Any], name: str) -> ColumnElement[Any]:
    """Return what a column of JSON objects has by a name: found by SQLite, in a third of the time
    that Python takes to read all the objects."""
    if _PLAIN.fullmatch(name):
        return func.json_extract(column, f'$."{name}"')
    # A path has no way to write a quotation mark, nor a sign that JSON escapes.
    each = func.json_each(column).table_valued("key", "value")
    return select(each.c.value).where(each.c.key == name).scalar_subquery()


def _numbers(values: Iterable[float | None]) -> Iterator[float]:
    return (_NAN if one is None else one for one in values)


def _nulls(column: array[float]) -> list[float | None]:
    return [None if math.isnan(one) else one for one in column]


def _little(column: array[Any]) -> bytes:
    if sys.byteorder == "big":
        column = column[:]
        column.byteswap()
    return column.tobytes()


def _padded(data: bytes, by: bytes) -> bytes:
    return data + by * (-len(data) % 8)
