"""A Ray cluster on this machine, held by one process that watches it and cleans up after it.

``python -m nas.execution.ray_head --num-cpus 4 --address-file FILE`` writes ``host:port`` to the
file once the cluster is up. It ends with 0 on SIGTERM or when its owner is gone, with 1 when the
cluster fails, and leaves no process and no file behind.

Why a process of its own: a raylet that is not reaped by its parent counts as alive to its workers,
which then train on for minutes; and Ray ends a driver whose cluster has died, uncatchably.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import fcntl
import logging
import os
import signal
import sys
import threading
from pathlib import Path

from nas.execution.head import environment, make_folder, make_token, remove_folder

PR_SET_CHILD_SUBREAPER = 36  # <sys/prctl.h>
OBJECT_STORE_BYTES = 128 * 2**20  # trials are sent as a few numbers; Ray's least is 75 MB

log = logging.getLogger(__name__)


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="nas.execution.ray_head", description="One Ray cluster")
    parser.add_argument("--num-cpus", type=int, required=True)
    parser.add_argument("--num-gpus", type=int, help="without it, Ray counts them")
    parser.add_argument("--address-file", type=Path, required=True)
    parser.add_argument("--folder", type=Path, help="for Ray's files; removed at the end")
    parser.add_argument("--owner", type=int, help="end when this process is no longer the parent")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Hold a cluster until told to end, the owner is gone, or it fails; return the exit code."""
    options = _parse(arguments)
    owner = options.owner or os.getppid()
    if os.getpgrp() != os.getpid():
        os.setsid()  # Ray's reaper kills the process group of a head that was killed
    # What outlives a dead raylet becomes a child of this process, which then can end it.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    variables = environment(os.environ)
    make_token(Path(variables["RAY_AUTH_TOKEN_PATH"]))
    os.environ.clear()
    os.environ.update(variables)
    folder = options.folder or make_folder()
    with (folder / "lock.draft").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        (folder / "lock.draft").rename(folder / "lock")  # a folder with a free lock is rubbish
        code = 1
        try:
            code = _hold(options, owner, folder)
        finally:
            _end_children()
            options.address_file.unlink(missing_ok=True)
            if code == 0 or options.folder is None or os.getppid() != owner:
                remove_folder(folder)  # otherwise the owner reads the log first
    return code


def _hold(options: argparse.Namespace, owner: int, folder: Path) -> int:
    import ray  # not at the top: the registry of executors imports this file

    ray.init(
        address="local",
        num_cpus=options.num_cpus,
        num_gpus=options.num_gpus,
        include_dashboard=False,
        object_store_memory=OBJECT_STORE_BYTES,
        logging_level="error",
        log_to_driver=False,
        _temp_dir=str(folder / "ray"),  # Ray makes it 0777; the folder around it stays 0700
        _node_ip_address="127.0.0.1",
    )
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):  # after ray.init, which sets its own
        signal.signal(number, lambda *_: told.set())
    core = {pid for pid, name in _children().items() if name in {"gcs_server", "raylet"}}
    draft = options.address_file.with_name(f"{options.address_file.name}.{os.getpid()}")
    draft.write_text(ray.get_runtime_context().gcs_address)
    draft.replace(options.address_file)
    while not told.wait(0.25) and os.getppid() == owner:
        if core & _reap():
            return 1  # without ray.shutdown, which would wait for the dead
    ray.shutdown()
    return 0


def _reap() -> set[int]:
    """Bury children that have ended, and return their numbers."""
    dead: set[int] = set()
    with contextlib.suppress(ChildProcessError):
        while pid := os.waitpid(-1, os.WNOHANG)[0]:
            dead.add(pid)
    return dead


def _children() -> dict[int, str]:
    """Return the number and name of every child of this process."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            before, _, after = path.read_text().rpartition(")")
            if int(after.split()[1]) == os.getpid():
                found[int(path.parent.name)] = before.partition("(")[2]
    return found


def _end_children() -> None:
    """Kill all children, then those that become children by that, until there are none."""
    while children := _children():
        for pid in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for pid in children:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)


if __name__ == "__main__":
    status = 1
    try:
        status = main(sys.argv[1:])
    except BaseException:
        log.exception("the Ray head ends")
    finally:
        # Ray's own exit hooks would wait for the cluster, which is gone already.
        sys.stderr.flush()
        os._exit(status)
