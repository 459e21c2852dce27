"""Real processes of the service for tests: an API, a supervisor, or all of it, on a free port."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from service.auth import token_of
from service.listening import SOCKET_VARIABLE, listen
from service.processes import child_environment

if TYPE_CHECKING:
    from collections.abc import Callable

    from service.settings import Settings


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def until(condition: Callable[[], object], seconds: float = 60.0, what: str = "it") -> object:
    """Wait until a condition is true and return its value; fail after ``seconds``."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"waited {seconds} s for {what}")


def alive(pid: int) -> bool:
    """Say whether a process lives; one that has ended and waits to be buried does not."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text("latin-1").rpartition(")")[2].split()
        return words[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def descendants(pid: int) -> list[int]:
    """Return all processes below ``pid`` that live."""
    parents: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            words = path.read_text("latin-1").rpartition(")")[2].split()
            parents[int(path.parent.name)] = int(words[1])
    found: list[int] = []
    level = [pid]
    while level:
        level = [child for child, parent in parents.items() if parent in level]
        found += level
    return [child for child in found if alive(child)]


class Api:
    """The API in a process of its own; the socket stays open when it dies, as under ``serve``."""

    def __init__(self, settings: Settings) -> None:
        """Start it."""
        self.settings = settings.model_copy(update={"port": free_port()})
        self.listener = listen("127.0.0.1", self.settings.port)
        self.url = f"http://127.0.0.1:{self.settings.port}"
        self.headers = {"Authorization": f"Bearer {token_of(settings)}"}
        self.start()

    def start(self) -> None:
        """Start it (again)."""
        descriptor = self.listener.fileno()
        environment = child_environment(**self.settings.environment())
        environment[SOCKET_VARIABLE] = str(descriptor)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "service.api"], env=environment, pass_fds=(descriptor,)
        )

    def client(self, **options: object) -> httpx.Client:
        """Return a client with the token."""
        return httpx.Client(base_url=self.url, headers=self.headers, timeout=60, **options)

    def ready(self) -> None:
        """Wait until it answers: the socket is open, so the request waits for it."""
        with self.client() as client:
            assert client.get("/healthz").status_code == 200
            assert client.get("/api/v1/catalog").status_code == 200  # everything is imported

    def kill(self) -> None:
        """End it by force."""
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        """End it and the socket."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()
        self.listener.close()


class Service:
    """The whole service as one command, in a process group of its own."""

    def __init__(self, settings: Settings, **environment: str) -> None:
        """Start it."""
        self.settings = settings.model_copy(update={"port": free_port()})
        self.url = f"http://127.0.0.1:{self.settings.port}"
        self.environment = environment
        self.start()

    def start(self) -> None:
        """Start it (again)."""
        code = (
            "import sys; from service.serve import serve; from service.settings import Settings; "
            "sys.exit(serve(Settings.load()))"
        )
        environment = child_environment(**self.settings.environment(), **self.environment)
        self.process = subprocess.Popen(
            [sys.executable, "-c", code],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def greeting(self) -> str:
        """Return the first line that it prints."""
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def child(self, module: str) -> int | None:
        """Return the process of a part of the service, None if it does not live."""
        for pid in descendants(self.process.pid):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                if module.encode() in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
                    return pid
        return None

    def close(self) -> None:
        """Stop it as Ctrl-C does."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                for pid in [*descendants(self.process.pid), self.process.pid]:
                    if alive(pid):
                        os.kill(pid, signal.SIGKILL)
                self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
