"""Who runs a search: a supervisor that serves the same folder, else a child of this command."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from service.processes import child_environment, is_locked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from service.settings import Settings

GRACE_SECONDS = 20.0  # for a child to end its workers and write what it knows


def runs(settings: Settings, search_id: str) -> bool:
    """Say whether some process runs the search now."""
    return is_locked(settings.folder("locks") / f"search-{search_id}.lock")


class Child:
    """A process of ours that does the work; it dies with this command."""

    def __init__(self, settings: Settings, module: str, argument: str) -> None:
        """Start ``python -m module argument``; what it prints goes to a log."""
        self.log: Path = settings.folder("logs") / f"cli-{argument}.log"
        environment = child_environment(NAS_HOME=str(settings.home))
        if settings.data is not None:
            environment["NAS_DATA"] = str(settings.data)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", module, argument],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                # A group of its own: Ctrl-C reaches this command alone, which then asks politely.
                process_group=0,
            )

    @property
    def ended(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self.process.poll()

    def stop(self) -> None:
        """Ask it to end and wait for it; end it by force if it takes too long."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


@contextmanager
def child(settings: Settings, module: str, argument: str) -> Iterator[Child]:
    """Run a module as a child for the length of the block."""
    made = Child(settings, module, argument)
    try:
        yield made
    finally:
        made.stop()
