"""Child processes of the supervisor: each with a log, started again with patience."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from service.processes import child_environment

if TYPE_CHECKING:
    from pathlib import Path

    from service.settings import Settings

MOST_LOG_BYTES = 10 * 2**20
MOST_CRASHES = 5
FIRST_PAUSE_SECONDS = 1.0


class Job:
    """``python -m MODULE ARGUMENT``, which dies with this process."""

    def __init__(
        self, settings: Settings, module: str, argument: str, log: str, **extra: str
    ) -> None:
        """Start it; what it prints is appended to HOME/logs/``log``."""
        self.argument = argument
        path = settings.folder("logs") / log
        _turn(path)
        with path.open("ab") as file:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module, argument],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                env=child_environment(**settings.environment(), **extra),
                process_group=0,  # Ctrl-C in a terminal reaches the parent alone
            )
        self.pid = self._process.pid

    def code(self) -> int | None:
        """Return its exit code, negative for a signal; None while it runs."""
        return self._process.poll()

    def terminate(self) -> None:
        """Ask it to end."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def kill_after(self, deadline: float) -> None:
        """Wait for its end until ``deadline`` (monotonic), then end it by force."""
        try:
            self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@dataclass
class Patience:
    """How often something has crashed without progress, and when it may be started again."""

    progress: object = None
    crashes: int = 0
    not_before: float = field(default_factory=time.monotonic)

    def note_crash(self, progress: object) -> None:
        """Count a crash; one after some progress is the first again, and is forgiven at once."""
        if progress != self.progress:
            self.progress, self.crashes = progress, 0
        pause = FIRST_PAUSE_SECONDS * 2 ** (self.crashes - 1) if self.crashes else 0.0
        self.crashes += 1
        self.not_before = time.monotonic() + pause

    def wait(self, seconds: float) -> None:
        """Wait for some time before the next start, without blame."""
        self.not_before = time.monotonic() + seconds

    @property
    def ready(self) -> bool:
        """Say whether it may be started now."""
        return time.monotonic() >= self.not_before

    @property
    def exhausted(self) -> bool:
        """Say whether to give up."""
        return self.crashes >= MOST_CRASHES


def _turn(path: Path) -> None:
    """Put a log aside that has grown too long; the one before it goes."""
    if path.exists() and path.stat().st_size > MOST_LOG_BYTES:
        path.replace(path.with_suffix(path.suffix + ".1"))
