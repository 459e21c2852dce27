"""Which machines a cluster has, and which have left it lately, from what Ray tells of its nodes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nas.execution import Node

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

KEPT_SECONDS = 1800.0  # for which a machine that has left is still told of
MOST_LEFT = 20  # such machines; one that grows and shrinks by itself has thousands in time
ID_LENGTH = 12  # of the 56 characters of Ray's


class Roster:
    """The machines of one cluster. Ray lists all that ever were; here only those seen alive are."""

    def __init__(self, cluster: str) -> None:
        """``cluster`` is the address by which the machines are told from those of others."""
        self.cluster = cluster
        self.nodes: tuple[Node, ...] = ()  # as last told
        self._alive: dict[str, Node] = {}
        self._left: dict[str, tuple[float, Node]] = {}  # with the time at which it was missed

    def update(self, told: Iterable[Mapping[str, Any]], now: float) -> tuple[Node, ...]:
        """Return those that live, then those that left lately, the last to go first."""
        nodes = [_read(one, self.cluster) for one in told if one["Alive"]]
        alive = {node.id: node for node in nodes}
        missed = self._alive.keys() - alive.keys()
        self._left |= {key: (now, replace(self._alive[key], alive=False)) for key in missed}
        lately = sorted(self._left.items(), key=lambda item: item[1][0], reverse=True)
        self._left = {
            key: (since, node)
            for key, (since, node) in lately[:MOST_LEFT]
            if now - since < KEPT_SECONDS and key not in alive
        }
        self._alive = alive
        self.nodes = (*alive.values(), *(node for _, node in self._left.values()))
        return self.nodes


def _read(one: Mapping[str, Any], cluster: str) -> Node:
    return Node(
        id=str(one["NodeID"])[:ID_LENGTH],
        cluster=cluster,
        name=str(one["NodeManagerHostname"]),
        address=str(one["NodeManagerAddress"]),
        alive=True,
        cpus=float(one["Resources"].get("CPU", 0.0)),
        gpus=float(one["Resources"].get("GPU", 0.0)),
        memory_bytes=int(one["Resources"].get("memory", 0)),
    )
