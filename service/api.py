"""The API process: ``python -m service.api``. One uvicorn worker, never Ray."""

from __future__ import annotations

import logging
import os
import socket
import sys
import threading
from typing import TYPE_CHECKING

import uvicorn

from service import uploads
from service.app import create_app
from service.catalog import catalog
from service.errors import StorageError, UserError
from service.listening import SOCKET_VARIABLE, listen
from service.processes import die_with_parent, parent_pid
from service.settings import Settings

if TYPE_CHECKING:
    from types import FrameType

    from service.stream import Broadcaster

_log = logging.getLogger(__name__)
GRACE_SECONDS = 3  # without a limit, uvicorn waits for ever for open event streams
# Longer than clients keep an idle connection (httpx: 5), so that none sends into one that closes.
KEEP_ALIVE_SECONDS = 30


class Server(uvicorn.Server):
    """Uvicorn that ends the event streams when it is asked to stop."""

    def __init__(self, config: uvicorn.Config, broadcaster: Broadcaster) -> None:
        """Serve the app of ``config``."""
        super().__init__(config)
        self._broadcaster = broadcaster

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop: streams first, then what uvicorn does."""
        self._broadcaster.close()
        super().handle_exit(sig, frame)


def serve(settings: Settings, listener: socket.socket | None = None) -> int:
    """Serve until SIGTERM or SIGINT and return the exit code.

    ``listener`` is a socket that listens already; without one, the settings say where to listen.
    Raises UserError where the database or the port cannot be used.
    """
    listener = listener or listen(settings.host, settings.port)
    app = create_app(settings)
    try:
        uploads.tidy(app.state.database)
    except StorageError as error:  # the next upload or start does it
        _log.warning("%s", error)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http="httptools",
        ws="none",
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=True,
        timeout_graceful_shutdown=GRACE_SECONDS,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )
    threading.Thread(target=_prepare, args=(app.state.visited, settings), daemon=True).start()
    Server(config, app.state.broadcaster).run(sockets=[listener])
    return 0


def _prepare(visited: threading.Event, settings: Settings) -> None:
    """Import what the form of a new search needs, which takes seconds, once the page is open."""
    visited.wait()
    catalog(settings.data_root)


def main() -> int:
    """Run the API process; return its exit code."""
    die_with_parent(parent_pid())
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    try:
        return serve(Settings.load(), _inherited())
    except UserError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2


def _inherited() -> socket.socket | None:
    """Return the listening socket that our parent holds for us, if it does."""
    descriptor = os.environ.pop(SOCKET_VARIABLE, "")
    return socket.socket(fileno=int(descriptor)) if descriptor.isdigit() else None


if __name__ == "__main__":
    sys.exit(main())
