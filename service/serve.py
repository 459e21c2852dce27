"""The whole service in one command: the API and the supervisor as children, kept alive.

This process holds the listening socket, so that requests wait rather than fail while the API is
started again, and so that a port in use is known before anything else starts.
"""

from __future__ import annotations

import contextlib
import http.client
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from service.auth import token_of
from service.db import Database
from service.demo import ensure_demo
from service.jobs import Patience
from service.listening import SOCKET_VARIABLE, address_of, listen
from service.processes import Stop, child_environment

if TYPE_CHECKING:
    from collections.abc import Callable

    from service.settings import Settings

GRACE_SECONDS = 8.0
READY_SECONDS = 60.0
POLL_SECONDS = 0.1
EXIT_USER = 2


class Part:
    """One child that is started again when it dies."""

    def __init__(self, module: str, environment: dict[str, str], descriptors: tuple[int, ...]):
        """Start ``python -m MODULE``."""
        self.module, self.environment, self.descriptors = module, environment, descriptors
        self.patience = Patience()
        self.process = self._start()
        self.begun = time.monotonic()

    def check(self) -> int | None:
        """Start it again if it has died; return an exit code that means that this is no use."""
        code = self.process.poll()
        if code is None:
            return None
        if code == EXIT_USER:
            return code
        if self.begun:
            # One that lived for a while has made progress; one that dies at once is made to wait.
            long_lived = time.monotonic() - self.begun > 10.0
            self.patience.note_crash(self.begun if long_lived else None)
            self.begun = 0.0
        if self.patience.ready:
            self.process, self.begun = self._start(), time.monotonic()
        return None

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", self.module],
            stdin=subprocess.DEVNULL,
            env=self.environment,
            pass_fds=self.descriptors,
            process_group=0,  # Ctrl-C reaches this process alone, which ends them in order
        )


def serve(
    settings: Settings, demo: bool = False, say: Callable[[str], object] | None = None
) -> int:
    """Serve until Ctrl-C or SIGTERM; return the exit code.

    Raises UserError before anything is started: a port in use, a folder or database of no use.
    """
    say = say or _say
    listener = listen(settings.host, settings.port)
    with listener:
        token = token_of(settings)
        with Database.open(settings) as database:
            if demo:
                ensure_demo(database)
        stop = Stop(patience=None)
        signal.signal(signal.SIGHUP, lambda *_: stop.ask())  # the terminal has gone
        environment = child_environment(**settings.environment())
        descriptor = listener.fileno()
        secret = {"NAS_HOST": settings.host, SOCKET_VARIABLE: str(descriptor)}
        if settings.token is not None:
            secret["NAS_TOKEN"] = token
        api = Part("service.api", environment | secret, (descriptor,))
        supervisor = Part("service.supervisor", environment, ())
        try:
            if _ready(settings, api, stop):
                say(_welcome(settings, token))
            return _watch([api, supervisor], stop)
        finally:
            _end([supervisor, api])


def _welcome(settings: Settings, token: str) -> str:
    address = address_of(settings)
    if settings.token is None:
        return f"Nasturtium is at {address}#token={token}\nCtrl-C stops it."
    return f"Nasturtium is at {address} (sign in with NAS_TOKEN)\nCtrl-C stops it."


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _ready(settings: Settings, api: Part, stop: Stop) -> bool:
    """Wait until the API answers; say whether it does."""
    deadline = time.monotonic() + READY_SECONDS
    target = "127.0.0.1" if settings.host in {"0.0.0.0"} else settings.host
    while time.monotonic() < deadline and not stop.asked() and api.check() is None:
        connection = http.client.HTTPConnection(target, settings.port, timeout=5)
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection.request("GET", "/healthz")
            if connection.getresponse().status == 200:
                return True
        connection.close()
        stop.wait(POLL_SECONDS)
    return False


def _watch(parts: list[Part], stop: Stop) -> int:
    """Keep the parts alive until it is time to stop; return the exit code."""
    while not stop.wait(POLL_SECONDS):
        for part in parts:
            code = part.check()
            if code is not None:
                return code
    return 0


def _end(parts: list[Part]) -> None:
    """End the parts, by force if they take too long."""
    for part in parts:
        if part.process.poll() is None:
            part.process.terminate()
    deadline = time.monotonic() + GRACE_SECONDS
    for part in parts:
        try:
            part.process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            part.process.kill()
            part.process.wait()
