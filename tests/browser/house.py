"""A whole service for the browser tests: the real processes in a folder of their own."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx

PLUGINS = Path(__file__).parent / "plugins"
START_SECONDS = 60


def free_port() -> int:
    """Return a port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class House:
    """``nas serve`` in ``home``; ``link`` is the address that it printed."""

    digits: str  # a search on real images
    moody: str  # one with trials that fail

    def __init__(self, home: Path, *, role: str = "all", root_path: str = "") -> None:
        """Start it and wait until it answers."""
        self.home, self.port = home, free_port()
        self.log = home.with_name(home.name + ".log")
        self.address = f"http://127.0.0.1:{self.port}/"
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("NAS_")}
        env = inherited | {
            "NAS_HOME": str(home),
            "NAS_PORT": str(self.port),
            "NAS_ROOT_PATH": root_path,
            "NAS_PLUGINS": str(PLUGINS),
            "PYTHONUNBUFFERED": "1",
        }
        nas = Path(sys.executable).with_name("nas")
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [nas, "serve", role], env=env, stdout=log, stderr=subprocess.STDOUT
            )
        try:
            self.token = self._wait_for_token()
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise
        self.client = httpx.Client(
            base_url=self.address + "api/v1/",
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=120,
        )

    @property
    def link(self) -> str:
        """The address that signs a browser in."""
        return f"{self.address}#token={self.token}"

    def output(self) -> str:
        """Return what the service has printed."""
        return self.log.read_text(errors="replace")

    def _wait_for_token(self) -> str:
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until and self.process.poll() is None:
            try:
                httpx.get(self.address + "readyz", timeout=5).raise_for_status()
                return (self.home / "token").read_text().strip()
            except (httpx.HTTPError, OSError):
                time.sleep(0.1)
        raise AssertionError(f"the service did not start:\n{self.output()}")

    def start(self, **spec: Any) -> str:
        """Start a search and return its id."""
        answer = self.client.post("searches", json=spec)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def note(self, name: str, wish: str = "stop") -> str:
        """Return a new search that is paused or stopped before anybody could run it."""
        search = self.start(
            name=name,
            space="toy",
            evaluator="toy",
            data=None,
            execution={"executor": "local"},
            final={"epochs": 0},
        )
        self.client.post(f"searches/{search}/{wish}", json={}).raise_for_status()
        return search

    def view(self, search: str) -> dict[str, Any]:
        """Return a search as it stands."""
        answer = self.client.get(f"searches/{search}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def wait(self, search: str, *states: str, seconds: float = 240) -> dict[str, Any]:
        """Return the search once it is in one of ``states``."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            found = self.view(search)
            if found["state"] in states:
                return found
            time.sleep(0.2)
        raise AssertionError(f"still {found['state']} ({found['reason']}):\n{self.output()}")

    def kill_api(self) -> None:
        """Kill the process that answers, as a crash would; its parent starts another."""
        for pid in _children(self.process.pid):
            command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
            if re.search(r"service\.api\b", command):
                os.kill(pid, signal.SIGKILL)
                return
        raise AssertionError("the service has no API process")

    def stop(self) -> int:
        """Stop it as Ctrl-C would and return its exit status."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=20)

    def kill(self) -> None:
        """End whatever is left of it."""
        self.client.close()
        self.process.kill()
        self.process.wait()


def _children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in found]
