"""Live events: one task reads the log and hands each event to every listener's bounded queue.

A listener first reads what it has missed from the log, then from its queue. One that is too slow
loses its queue: its stream ends, and the browser comes back with Last-Event-ID and misses nothing.
"""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Any

from service import eventlog
from service.clock import moment
from service.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from service.db import Database
    from service.eventlog import Logged

POLL_SECONDS = 0.25
BURST_SECONDS = 0.02  # between pages of a burst: the listeners empty their queues meanwhile
PING_SECONDS = 15.0
QUEUE_EVENTS = 1000
MOST_LISTENERS = 300
PAGE = 500
_log = logging.getLogger(__name__)


def data(event: Logged) -> dict[str, Any]:
    """Return an event as JSON data."""
    return {
        "seq": event.seq,
        "search": event.search,
        "trial": event.trial,
        "kind": event.kind,
        "at": moment(event.at).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "payload": event.payload,
    }


def frame(event: Logged) -> bytes:
    """Return an event in the form of server-sent events."""
    text = json.dumps(data(event), separators=(",", ":"))
    return f"id: {event.seq}\nevent: {event.kind}\ndata: {text}\n\n".encode()


class Listener:
    """A queue of (event, frame) for one stream; None in it ends the stream."""

    def __init__(self, search: str | None) -> None:
        """Listen to one search, or to all."""
        self.search = search
        self.queue: asyncio.Queue[tuple[int, bytes] | None] = asyncio.Queue(QUEUE_EVENTS + 1)
        self.dropped = False

    def give(self, event: Logged, sent: bytes) -> None:
        """Put an event into the queue; a full one is cut off."""
        if self.dropped or self.search not in (None, event.search):
            return
        if self.queue.qsize() >= QUEUE_EVENTS:
            self.drop()
        else:
            self.queue.put_nowait((event.seq, sent))

    def drop(self) -> None:
        """End the stream after what is in the queue."""
        if not self.dropped:
            self.dropped = True
            self.queue.put_nowait(None)


class Broadcaster:
    """Reads new events once and hands them to all listeners."""

    def __init__(self, database: Database) -> None:
        """Use :meth:`run` as a task."""
        self.database = database
        self.listeners: set[Listener] = set()
        self.closed = False
        self._seq = self._last()

    @property
    def seq(self) -> int:
        """Return the number of the last event that was handed on."""
        return self._seq

    @property
    def full(self) -> bool:
        """Say whether no more streams are served at the same time."""
        return len(self.listeners) >= MOST_LISTENERS

    async def run(self) -> None:
        """Poll the log until cancelled; while nobody listens, only keep the place."""
        while not self.closed:
            more = False
            try:
                more = self._poll()
            except StorageError as error:
                _log.warning("events wait: %s", error)
            await asyncio.sleep(BURST_SECONDS if more else POLL_SECONDS)

    def close(self) -> None:
        """End all streams now, and refuse new ones."""
        self.closed = True
        for listener in self.listeners:
            listener.drop()

    async def stream(self, after: int | None, search: str | None) -> AsyncIterator[bytes]:
        """Yield frames of the events that follow ``after`` (None: from now on), for ever."""
        listener = Listener(search)
        self.listeners.add(listener)
        try:
            if self.closed:
                listener.drop()
            yield b": hello\nretry: 1000\n\n"
            last = self._last() if after is None else after
            async for seq, sent in self._missed(last, search):
                last = seq
                yield sent
            async for sent in _live(listener, last):
                yield sent
        finally:
            self.listeners.discard(listener)

    def _last(self) -> int:
        with self.database.read() as connection:
            return eventlog.last_seq(connection)

    async def _missed(self, seq: int, search: str | None) -> AsyncIterator[tuple[int, bytes]]:
        while not self.closed:
            with self.database.read() as connection:
                events = eventlog.after(connection, seq, search, PAGE)
            for event in events:
                seq = event.seq
                yield seq, frame(event)
            if len(events) < PAGE:
                return
            await asyncio.sleep(0)

    def _poll(self) -> bool:
        """Hand new events out; say whether there may be more."""
        with self.database.read() as connection:
            if not self.listeners:
                self._seq = eventlog.last_seq(connection)
                return False
            events = eventlog.after(connection, self._seq, None, PAGE)
        for event in events:
            sent = frame(event)
            for listener in self.listeners:
                listener.give(event, sent)
            self._seq = event.seq
        return len(events) == PAGE


async def _live(listener: Listener, seq: int) -> AsyncIterator[bytes]:
    """Yield what comes into the queue after ``seq``, all at once; a comment when nothing does."""
    queue = listener.queue
    while True:
        try:
            waiting = [await asyncio.wait_for(queue.get(), PING_SECONDS)]
        except TimeoutError:
            yield b": ping\n\n"
            continue
        while not queue.empty():
            waiting.append(queue.get_nowait())
        frames = [one[1] for one in waiting if one is not None and one[0] > seq]
        if frames:
            yield b"".join(frames)
        if waiting[-1] is None:
            return
