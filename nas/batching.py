"""Runs requests that arrive at the same time as one batch, in a thread of its own.

Nothing waits for a batch to fill: while one batch is computed the next requests gather, and all
that have gathered are the next batch. So a lone request is answered at once, and many together
cost little more than one.
"""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class Busy(RuntimeError):
    """Too much is waiting already: come back later."""


class Batcher(Generic[Item, Answer]):
    """A queue and the thread that empties it."""

    def __init__(
        self,
        run: Callable[[Sequence[Item]], Sequence[Answer]],
        size: Callable[[Item], int],
        *,
        most: int,
        waiting: int,
    ) -> None:
        """``run`` gives an answer for each item of a batch.

        ``size`` says what an item counts for; a batch counts at most ``most`` unless one item alone
        counts more, and what waits at most ``waiting``.
        """
        self._run, self._size, self._most, self._waiting = run, size, most, waiting
        self._queue: deque[tuple[Item, Future[Answer]]] = deque()
        self._queued = 0
        self._closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="batches", daemon=True)
        self._thread.start()

    def submit(self, item: Item) -> Future[Answer]:
        """Queue an item and return its answer to come; raise Busy where too much waits.

        An error of ``run`` is the answer of every item of its batch.
        """
        with self._changed:
            if self._closed:
                raise Busy("nothing is computed any more")
            size = self._size(item)
            if self._queue and self._queued + size > self._waiting:
                raise Busy(f"{self._queued} are waiting, at most {self._waiting} may")
            future: Future[Answer] = Future()
            self._queue.append((item, future))
            self._queued += size
            self._changed.notify()
        return future

    def close(self) -> None:
        """Answer what waits with Busy, and end the thread after its present batch."""
        with self._changed:
            self._closed = True
            left, self._queue = list(self._queue), deque()
            self._changed.notify()
        for _, future in left:
            if future.set_running_or_notify_cancel():
                future.set_exception(Busy("nothing is computed any more"))

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._queue and not self._closed:
                    self._changed.wait()
                if self._closed:
                    return
                batch = self._take()
            self._answer([one for one in batch if one[1].set_running_or_notify_cancel()])

    def _take(self) -> list[tuple[Item, Future[Answer]]]:
        taken: list[tuple[Item, Future[Answer]]] = []
        count = 0
        while self._queue:
            size = self._size(self._queue[0][0])
            if taken and count + size > self._most:
                break
            taken.append(self._queue.popleft())
            count += size
        self._queued -= count
        return taken

    def _answer(self, batch: list[tuple[Item, Future[Answer]]]) -> None:
        if not batch:
            return
        try:
            answers = self._run([item for item, _ in batch])
        except BaseException as error:  # the thread lives on, and its callers learn of it
            for _, future in batch:
                future.set_exception(error)
            return
        for (_, future), answer in zip(batch, answers, strict=True):
            future.set_result(answer)
