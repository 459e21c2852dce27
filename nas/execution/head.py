"""How a Ray cluster is started and met: its environment, token, folder, and the owner's side.

This file does not import Ray: what Ray reads from the environment must be there when it is loaded.
The process itself is ray_head.py.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from nas.execution.worker import WorkersUnavailable, scrubbed

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "nas-ray-"
SOCKET_ROOM = 40  # characters of a folder that leave Ray room for its sockets (107 in all)
START_SECONDS = 90.0  # on a busy machine a start takes 11 s; Ray itself gives up after 60

# With Ray's own switch for laptops (macOS has it by default) the node's address is 127.0.0.1, and
# every port listens there alone; without it, all ports are open to the network.
LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}

# Ray ends what has lost the cluster's control process after this time, 60 s if unset. Good for its
# own processes; a driver gets the 60 s, in which it can notice, close and start again.
HASTE = {"RAY_gcs_rpc_server_reconnect_timeout_s": "5"}


def token_path(environ: Mapping[str, str]) -> Path:
    """Return where the token of our clusters lies: $RAY_AUTH_TOKEN_PATH, $NAS_HOME, or ~/.ray."""
    if "RAY_AUTH_TOKEN_PATH" in environ:
        return Path(environ["RAY_AUTH_TOKEN_PATH"])
    if "NAS_HOME" in environ:
        return Path(environ["NAS_HOME"]).expanduser() / "ray-token"
    return Path.home() / ".ray" / "auth_token"


def make_token(path: Path) -> None:
    """Write a token of 256 bits unless there is one; only its owner may read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    draft.write_text(secrets.token_hex(32))
    with contextlib.suppress(FileExistsError):
        os.link(draft, path)  # unlike a rename, this never replaces the token of another process
    draft.unlink()
    path.chmod(0o600)  # Ray itself would have written 0644


def settings(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the RAY_ variables for every process of ours that meets a cluster."""
    return {
        "RAY_AUTH_MODE": environ.get("RAY_AUTH_MODE", "token"),
        "RAY_AUTH_TOKEN_PATH": str(token_path(environ)),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_ENABLE_AUTO_CONNECT": "0",  # a call after the end would start a cluster unasked
        "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",  # it would install packages on its own
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "1",  # no GPU asked for: no GPU seen
    }


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a cluster: no secrets of the service, for trials inherit it."""
    rays = {name: value for name, value in environ.items() if name.startswith("RAY_")}
    return {**scrubbed(environ), **rays, **settings(environ), **LOOPBACK, **HASTE}


class Head:
    """The owner's side of a cluster of its own."""

    def __init__(self, num_cpus: int, num_gpus: int | None = None) -> None:
        """Start the process; ``num_gpus`` None lets Ray count. It takes about 5 s: see address."""
        make_token(token_path(os.environ))
        self.folder = make_folder()
        self._file = self.folder / "address"
        self._log = self.folder / "head.log"
        options = ["--num-cpus", str(num_cpus), "--address-file", str(self._file)]
        options += ["--folder", str(self.folder), "--owner", str(os.getpid())]
        if num_gpus is not None:
            options += ["--num-gpus", str(num_gpus)]
        path = os.pathsep.join(entry for entry in sys.path if entry)
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "nas.execution.ray_head", *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**environment(os.environ), "PYTHONPATH": path},
                start_new_session=True,
            )

    def address(self, timeout: float = START_SECONDS) -> str:
        """Wait for the cluster and return its ``host:port``; raise WorkersUnavailable if none."""
        until = time.monotonic() + timeout
        while time.monotonic() < until and self.alive():
            with contextlib.suppress(FileNotFoundError):
                return self._file.read_text()
            time.sleep(0.05)
        with contextlib.suppress(FileNotFoundError):
            raise WorkersUnavailable(f"Ray does not start: {self._log.read_text()[-1000:]}")
        raise WorkersUnavailable("Ray does not start")

    def alive(self) -> bool:
        """Say whether the cluster is still there."""
        return self._process.poll() is None

    def close(self, timeout: float = 10.0) -> None:
        """End the cluster and all of its processes."""
        self._process.terminate()
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        remove_folder(self.folder)


def make_folder() -> Path:
    """Return a new folder, 0700, with a name short enough for the sockets that Ray puts there."""
    for base in (tempfile.gettempdir(), "/tmp", "/var/tmp"):
        if len(base) + len(PREFIX) + 8 <= SOCKET_ROOM and os.access(base, os.W_OK):
            _remove_stale(Path(base))
            return Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
    raise WorkersUnavailable("Ray needs a folder with a short name: set TMPDIR to one")


def _remove_stale(base: Path) -> None:
    """Remove what killed heads have left: nobody holds the lock of such a folder."""
    for folder in base.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError), (folder / "lock").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            remove_folder(folder)


def remove_folder(folder: Path) -> None:
    """Remove a cluster's folder, and end what of it still runs: two agents outlive a killed head.

    Ray's processes are known by their names and by the logs that they hold open; drivers hold some
    too, and live on.
    """
    for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):
            if str(descriptor.readlink()).startswith(f"{folder}/"):
                name = descriptor.parents[1].joinpath("comm").read_text()
                if name.startswith(("ray::", "raylet", "gcs_server")):
                    os.kill(int(descriptor.parts[2]), signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)
