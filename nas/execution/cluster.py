"""The connection of this process to a Ray cluster: an existing one, or one started for it."""

from __future__ import annotations

import logging
import math
import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.execution.head import LOOPBACK, Head, settings
from nas.execution.roster import Roster
from nas.execution.worker import WorkersUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from nas.execution import Node
    from nas.spec import Execution

ATTEMPTS = 3  # at starting Ray: 3 of 12 starts failed where 20 to 40 processes shared two cores

log = logging.getLogger(__name__)


class Cluster:
    """This process's connection, and the cluster itself where it was started for it."""

    def __init__(self, execution: Execution) -> None:
        """Find or start the cluster and set the environment; :meth:`connect` must follow.

        Raises ValueError for an address that is none, WorkersUnavailable where Ray does not start.
        """
        self.execution = execution
        self.address = execution.ray_address or os.environ.get("NAS_RAY_ADDRESS")
        self._head: Head | None = None
        self._ray: Any = None
        self._roster = Roster("")
        if self.address is not None:
            parse_address(self.address)
        connected = _connected_to()
        self._guest = connected is not None
        if connected is not None:
            if self.address not in (None, connected):
                raise ValueError(
                    f"ray_address is {self.address!r}, but this process has joined {connected!r}"
                )
            self.address = connected
            return
        if self.address is None:
            self._head, self.address = _start(execution)
        _set_environment(self.address, own=self._head is not None)

    def connect(self, ray: Any) -> None:
        """Connect, and see that a trial fits; raise WorkersUnavailable or ValueError."""
        self._ray = ray
        self._roster = Roster(str(self.address))
        try:
            if not self._guest and self.address is not None:
                self._init(ray, self.address)
            nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
            check_room(self.execution, nodes)
        except BaseException:
            self.close()
            raise

    def _init(self, ray: Any, address: str) -> None:
        if not reachable(address):  # Ray would end this process after a while, uncatchably
            raise WorkersUnavailable(f"no Ray cluster answers at {address}")
        _refresh(ray, address)
        main = threading.current_thread() is threading.main_thread()
        handler = signal.getsignal(signal.SIGTERM)
        try:
            ray.init(address=address, logging_level="error", log_to_driver=False)
        except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
            text = " ".join(str(error).split())[:300]
            raise WorkersUnavailable(
                f"no connection to Ray at {address} (is the token in "
                f"$RAY_AUTH_TOKEN_PATH the cluster's?): {text}"
            ) from error
        finally:
            if main:
                signal.signal(signal.SIGTERM, handler)  # Ray puts its own in place

    def connected(self) -> bool:
        """Say whether there is a connection to call actors through."""
        return self._ray is not None and bool(self._ray.is_initialized())

    def gone(self, ask: bool = True) -> str:
        """Return why the cluster is no more, or nothing; ``ask`` knocks at an existing one."""
        if not self.connected():
            return "this process has been disconnected from Ray"
        if self._head is not None:
            return "" if self._head.alive() else "the Ray cluster has ended"
        if not ask or self.address is None or reachable(self.address):
            return ""
        return f"the Ray cluster at {self.address} does not answer"

    def nodes(self) -> tuple[Node, ...]:
        """Return the machines of the cluster, and those that have left it lately: not alive.

        Where Ray gives no answer they are as last told; :meth:`gone` says whether it is no more.
        """
        try:
            return self._roster.update(self._ray.nodes(), time.monotonic())
        except (OSError, RuntimeError, ValueError, self._ray.exceptions.RayError) as error:
            log.warning("the Ray cluster does not tell of its nodes: %s", error)
            return self._roster.nodes

    def close(self) -> None:
        """Disconnect, and end the cluster if it is our own."""
        if not self._guest and self.connected():
            self._ray.shutdown()
        if self._head is not None:
            self._head.close()
            self._head = None


def check_room(execution: Execution, nodes: Iterable[Mapping[str, float]]) -> None:
    """Raise ValueError where none of the nodes, given by their resources, can hold one trial."""
    cpus, gpus = execution.cpus_per_trial, execution.gpus_per_trial
    sizes = [(node.get("CPU", 0.0), node.get("GPU", 0.0)) for node in nodes] or [(0.0, 0.0)]
    most_cpus, most_gpus = (max(column) for column in zip(*sizes, strict=True))
    if most_gpus < gpus:
        found = f"at most {most_gpus:g} on one node" if most_gpus else "no GPU"
        raise ValueError(f"gpus_per_trial is {gpus:g}, but the cluster has {found}")
    if most_cpus < cpus:
        raise ValueError(
            f"cpus_per_trial is {cpus:g}, but the largest node of the cluster has {most_cpus:g}"
        )
    if not any(size[0] >= cpus and size[1] >= gpus for size in sizes):
        raise ValueError(f"no node of the cluster has {cpus:g} CPUs and {gpus:g} GPUs together")


def parse_address(address: str) -> tuple[str, int]:
    """Return host and port; raise ValueError where it is not that."""
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ValueError(f"ray_address is {address!r}, must be host:port")
    return host.strip("[]"), int(port)


def reachable(address: str, timeout: float = 2.0) -> bool:
    """Say whether anything accepts connections at ``host:port``."""
    try:
        socket.create_connection(parse_address(address), timeout).close()
    except OSError:
        return False
    return True


def _connected_to() -> str | None:
    """Return the cluster that this process, another search of it perhaps, has joined already."""
    ray = sys.modules.get("ray")
    if ray is None or not ray.is_initialized():
        return None
    return str(ray.get_runtime_context().gcs_address)


def _start(execution: Execution) -> tuple[Head, str]:
    """Start a cluster that has room for all workers; a failed start is tried again."""
    cpus = math.ceil(execution.workers * execution.cpus_per_trial)
    for attempt in range(ATTEMPTS):
        head = Head(max(cpus, os.cpu_count() or 1))
        try:
            return head, head.address()
        except BaseException as error:
            head.close()
            if attempt == ATTEMPTS - 1 or not isinstance(error, WorkersUnavailable):
                raise
    raise WorkersUnavailable("Ray does not start")


def _set_environment(address: str, own: bool) -> None:
    """Set what Ray's driver reads. A cluster of others may have no token: then none is sent."""
    variables = settings(os.environ)
    if not own and "RAY_AUTH_MODE" not in os.environ:
        token = variables["RAY_AUTH_TOKEN_PATH"]
        if not Path(token).exists():
            del variables["RAY_AUTH_MODE"], variables["RAY_AUTH_TOKEN_PATH"]
    if _is_here(address):
        variables |= LOOPBACK
    os.environ.update(variables)


def _refresh(ray: Any, address: str) -> None:
    """Let Ray read the environment again: it may have been loaded long before it was set."""
    ray._private.ray_constants.ENABLE_RAY_CLUSTER = not _is_here(address)
    ray._raylet.Config.initialize("")


def _is_here(address: str) -> bool:
    return parse_address(address)[0] in {"127.0.0.1", "localhost", "::1"}
