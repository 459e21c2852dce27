"""The course of a search as the columns that the service sends as bytes, for very many trials."""

from __future__ import annotations

import json
import sys
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nas.client.errors import ClientError
from nas.client.wire import patiently

if TYPE_CHECKING:
    from nas.client.wire import Wire

MEDIA_TYPE = "application/octet-stream"
MAGIC = b"NAS1"
FIGURES = "figures."  # before the name of a figure, in the names of columns
CODES = {"int32": "i", "float64": "d", "uint8": "B"}


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Trials by number, one column a field; NaN where there is no reward or no such figure.

    ``seq`` is the last event that is in it. ``since`` is the event after which these trials have
    changed, 0 where they are all that there are.
    """

    seq: int
    since: int
    number: array[int]
    reward: array[float]
    state: list[str]
    arm: list[str | None]
    figures: dict[str, array[float]]


def fetch(wire: Wire, path: str, after: int, since: int) -> Columns:
    """Ask for columns, again where the service is busy or the connection breaks."""

    def once() -> Columns:
        accept = {"Accept": MEDIA_TYPE}
        with wire.stream(path, headers=accept, after=after, since=since) as answer:
            return unpack(answer.read())

    return patiently(once)


def unpack(data: bytes) -> Columns:
    """Return columns from their bytes; raise ClientError where they are something else."""
    if data[:4] != MAGIC:
        text = "the service answers with columns that this client does not know"
        raise ClientError(text, field="columns", value=data[:4].hex())
    begin = 8 + int.from_bytes(data[4:8], "little")
    head = json.loads(data[8:begin])
    found: dict[str, Any] = {}
    for about in head["columns"]:
        column = array(CODES[about["type"]])
        place = begin + about["at"]
        column.frombytes(data[place : place + head["count"] * column.itemsize])
        if sys.byteorder == "big":
            column.byteswap()
        words = about.get("values")
        found[about["name"]] = column if words is None else [words[one] for one in column]
    figures = {
        name.removeprefix(FIGURES): column
        for name, column in found.items()
        if name.startswith(FIGURES)
    }
    return Columns(
        seq=head["seq"],
        since=head["since"],
        number=found["number"],
        reward=found["reward"],
        state=found["state"],
        arm=found["arm"],
        figures=figures,
    )
