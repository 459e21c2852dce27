"""Events as they happen: server-sent events, gone on with after a lost connection."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from nas.client.answers import Event, read
from nas.client.errors import ClientError, NoConnection

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nas.client.wire import Wire

SILENCE_SECONDS = 45.0  # the service says something every 15
PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)  # a minute, then whoever listens is told
FULL, BUSY = 429, 503


def follow(wire: Wire, search: str | None, after: int | str) -> Iterator[Event]:
    """Yield events for ever; after a lost connection those that follow the last one.

    Raises ClientError where the first connection fails, or none can be made for a minute.
    """
    last, met = after, False
    pauses = iter(PAUSES)
    while True:
        try:
            for event in _stream(wire, search, last):
                met, pauses = True, iter(PAUSES)
                if event is not None:
                    last = event.seq
                    yield event
        except ClientError as error:
            passing = isinstance(error, NoConnection) or error.status in (FULL, BUSY)
            pause = next(pauses, None)
            if not met or not passing or pause is None:
                raise
            time.sleep(pause)
        else:
            time.sleep(PAUSES[0])  # the service has ended the stream: it stops, or we were slow


def _stream(wire: Wire, search: str | None, after: int | str) -> Iterator[Event | None]:
    """Yield the events of one connection, and None when it is open."""
    headers = {"Accept": "text/event-stream"}
    if isinstance(after, int):
        headers["Last-Event-ID"] = str(after)
    with wire.stream(
        "events", headers=headers, silence=SILENCE_SECONDS, search=search, after=after
    ) as answer:
        yield None
        for data in messages(answer.iter_lines()):
            yield read(Event, data)


def messages(lines: Iterable[str]) -> Iterator[Any]:
    """Yield the JSON of each message; comments and other fields carry nothing for us.

    A message that the stream breaks off in is left out.
    """
    parts: list[str] = []
    for line in lines:
        if line.startswith("data:"):
            parts.append(line[5:].removeprefix(" "))
        elif not line and parts:
            yield json.loads("\n".join(parts))
            parts = []
