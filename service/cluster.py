"""The Ray cluster of the service: started when a search needs it, watched, ended when idle."""

from __future__ import annotations

import logging
import os
import time

from nas.execution.head import Head
from nas.execution.worker import WorkersUnavailable
from service.jobs import Patience

START_SECONDS = 90.0
IDLE_SECONDS = 300.0  # an idle cluster holds half a gigabyte
STOP_SECONDS = 3.0
_log = logging.getLogger(__name__)


class RayCluster:
    """A cluster on this machine, in a process of its own."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self.address: str | None = None
        self.trouble = ""
        self._head: Head | None = None
        self._patience = Patience()
        self._begun = 0.0
        self._used = 0.0

    @property
    def running(self) -> bool:
        """Say whether there is a cluster, or one is about to be."""
        return self._head is not None

    @property
    def hopeless(self) -> bool:
        """Say whether it has failed too often to be tried again soon."""
        return self._patience.exhausted

    def step(self, needed: bool) -> None:
        """Start, watch or end the cluster; returns at once."""
        now = time.monotonic()
        if needed:
            self._used = now
        if self._head is None:
            if needed and self._patience.ready:
                self._start()
        elif not self._head.alive():
            self._failed(f"the Ray cluster has ended; {self._said()}")
        elif self.address is None:
            self._look()
        elif now - self._used > IDLE_SECONDS:
            _log.info("the Ray cluster has been idle and is ended")
            self.close()

    def close(self) -> None:
        """End the cluster."""
        if self._head is not None:
            self._head.close(STOP_SECONDS)
        self._head, self.address = None, None

    def forgive(self) -> None:
        """Try again after all: somebody has asked for something new."""
        self._patience = Patience()

    def _start(self) -> None:
        try:
            self._head = Head(os.cpu_count() or 1)
            self._begun = time.monotonic()
        except (WorkersUnavailable, OSError) as error:
            self._failed(str(error))

    def _look(self) -> None:
        """Take the address as soon as it is there."""
        try:
            self.address = self._head.address(0.02) if self._head else None
        except WorkersUnavailable as error:
            if time.monotonic() - self._begun > START_SECONDS:
                self._failed(str(error))
            return
        _log.info("the Ray cluster is up at %s", self.address)
        self.trouble = ""
        self._patience = Patience()

    def _said(self) -> str:
        try:
            self._head.address(0.0) if self._head else None
        except WorkersUnavailable as error:
            return " ".join(str(error).split())[-300:]
        return ""

    def _failed(self, why: str) -> None:
        _log.warning("%s", why)
        self.trouble = " ".join(why.split())[:500]
        self.close()
        self._patience.note_crash(None)
