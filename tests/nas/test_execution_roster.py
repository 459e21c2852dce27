"""The machines of a cluster: told apart by Ray's own names, and forgotten when they are gone."""

from __future__ import annotations

from typing import Any

from nas.execution.roster import KEPT_SECONDS, MOST_LEFT, Roster


def told(number: int, alive: bool = True, cpus: float = 4.0) -> dict[str, Any]:
    """Return what Ray tells of a node; all are on one host, as two of one machine are."""
    return {
        "NodeID": f"{number:012x}" + "0" * 44,
        "NodeManagerHostname": "host",
        "NodeManagerAddress": "127.0.0.1",
        "Alive": alive,
        "Resources": {"CPU": cpus, "memory": 1e9} if alive else {},
    }


def test_two_nodes_of_one_address_are_two() -> None:
    nodes = Roster("127.0.0.1:6379").update([told(1), told(2, cpus=8.0)], 0.0)
    assert [(node.id, node.cpus) for node in nodes] == [("000000000001", 4), ("000000000002", 8)]
    assert {(node.name, node.address, node.cluster) for node in nodes} == {
        ("host", "127.0.0.1", "127.0.0.1:6379")
    }


def test_one_that_leaves_is_told_of_for_a_while_with_what_it_had() -> None:
    roster = Roster("c")
    roster.update([told(1), told(2)], 0.0)
    for now in (10.0, 10.0 + KEPT_SECONDS - 1):
        nodes = roster.update([told(1), told(2, alive=False)], now)
        assert [(node.id[-1], node.alive, node.cpus) for node in nodes] == [
            ("1", True, 4.0),
            ("2", False, 4.0),
        ]
    (node,) = roster.update([told(1), told(2, alive=False)], 10.0 + KEPT_SECONDS)
    assert node.alive
    assert roster.nodes == (node,)


def test_one_that_comes_back_lives() -> None:
    roster = Roster("c")
    roster.update([told(1)], 0.0)
    assert [node.alive for node in roster.update([], 1.0)] == [False]
    assert [node.alive for node in roster.update([told(1)], 2.0)] == [True]


def test_those_that_left_before_anyone_looked_are_none_of_ours() -> None:
    assert Roster("c").update([told(n, alive=False) for n in range(9)], 0.0) == ()


def test_of_thousands_that_leave_the_last_are_told() -> None:
    roster = Roster("c")
    for number in range(1000):
        past = [told(n, alive=False) for n in range(number)]
        nodes = roster.update([*past, told(number)], number / 100)
    assert len(nodes) == 1 + MOST_LEFT
    assert [int(node.id, 16) for node in nodes] == list(range(999, 998 - MOST_LEFT, -1))
