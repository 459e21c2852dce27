"""Architectures as data: pruning, JSON, and a key that is exactly isomorphism."""

from __future__ import annotations

import random
import time
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from searchspaces import SpaceError
from searchspaces.arch import Arch, Cell, Node
from searchspaces.nasnet import Block, NASNet, block_cell
from tests.searchspaces.published import NASNET_A


@st.composite
def cells(draw: st.DrawFn, most: int = 8) -> Cell:
    """Any cell of two operations and two combiners; few names make many symmetries."""
    inputs = draw(st.integers(1, 2))
    nodes: list[Node] = []
    for here in range(inputs, inputs + draw(st.integers(1, most))):
        value = st.integers(0, here - 1)
        if draw(st.booleans()):
            nodes.append(Node(draw(st.sampled_from(["sep_3x3", "identity"])), (draw(value),)))
        else:
            read = draw(st.tuples(value, value))
            nodes.append(Node(draw(st.sampled_from(["add", "concat"])), read))
    top = st.integers(0, inputs + len(nodes) - 1)
    outputs = tuple(draw(st.lists(top, min_size=1, max_size=3)))
    return Cell("normal", inputs, tuple(nodes), outputs)


def key(cell: Cell) -> str:
    return Arch("any", (cell,)).key()


def isomorphic(one: Cell, other: Cell) -> bool:
    """Try every renumbering of the nodes."""
    if (one.inputs, len(one.nodes)) != (other.inputs, len(other.nodes)):
        return False
    first = range(one.inputs)

    def shape(cell: Cell, place: list[int]) -> tuple:
        rows = [
            (place[value], node.op, sorted(place[v] for v in node.inputs))
            for value, node in enumerate(cell.nodes, cell.inputs)
        ]
        return sorted(rows), sorted(place[v] for v in cell.outputs)

    goal = shape(one, list(range(one.inputs + len(one.nodes))))
    numbers = range(one.inputs, one.inputs + len(one.nodes))
    return any(shape(other, [*first, *order]) == goal for order in permutations(numbers))


@given(cells(most=5), cells(most=5))
def test_two_cells_share_a_key_exactly_if_they_are_isomorphic(one: Cell, other: Cell) -> None:
    one, other = one.pruned(), other.pruned()
    assert (key(one) == key(other)) == isomorphic(one, other)


@given(cells(most=5), st.integers(0, 10**6))
def test_a_changed_cell_keeps_its_key_exactly_if_it_is_isomorphic(cell: Cell, seed: int) -> None:
    cell, rng = cell.pruned(), random.Random(seed)
    if not cell.nodes:
        return
    place = rng.randrange(len(cell.nodes))
    node = cell.nodes[place]
    read = tuple(rng.randrange(cell.inputs + place) for _ in node.inputs)
    changed = (*cell.nodes[:place], Node(node.op, read), *cell.nodes[place + 1 :])
    other = Cell(cell.name, cell.inputs, changed, cell.outputs).pruned()
    assert (key(cell) == key(other)) == isomorphic(cell, other)


def test_relabellings_of_large_symmetric_cells_share_a_key_without_factorial_time() -> None:
    rng = random.Random(0)
    for block in (
        Block("sep_3x3", 0, "sep_3x3", 0),
        Block("sep_3x3", 0, "sep_5x5", 1),
        Block("sep_3x3", 0, "sep_3x3", 1, "concat"),
    ):
        begin = time.process_time()
        keys = set()
        for _ in range(2):
            cell = block_cell("normal", [block] * 10)
            outputs = list(cell.outputs)
            rng.shuffle(outputs)
            keys.add(key(Cell("normal", 2, cell.nodes, tuple(outputs))))
        assert len(keys) == 1
        # Ten blocks alike: trying every order would take 10! times one form.
        assert time.process_time() - begin < 5


def test_the_key_of_nasnet_a_never_changes() -> None:
    assert NASNET_A.key() == "2665003f9d51ee3e"
    space = NASNet()
    assert space.decode((0,) * 50).key() == "49bf3392e902de51"


@given(cells())
def test_pruning_keeps_what_reaches_the_output_and_nothing_else(cell: Cell) -> None:
    pruned = cell.pruned()
    assert pruned.pruned() == pruned
    assert key(pruned) == key(cell)
    assert set(range(pruned.inputs, pruned.inputs + len(pruned.nodes))) <= pruned.live()
    kept = [node.op for value, node in enumerate(cell.nodes, cell.inputs) if value in cell.live()]
    assert [node.op for node in pruned.nodes] == kept


@given(cells())
def test_json_round_trip_is_the_identity(cell: Cell) -> None:
    arch = Arch("any", (cell,))
    assert Arch.from_json(arch.to_json()) == arch


def test_arguments_of_a_node_are_part_of_the_key_in_any_order() -> None:
    def arch(*args: tuple[str, int]) -> Arch:
        data = {
            "space": "any",
            "cells": [
                {
                    "name": "c",
                    "inputs": 1,
                    "nodes": [{"op": "conv", "inputs": [0], "args": dict(args)}],
                    "outputs": [1],
                }
            ],
        }
        return Arch.from_json(data)

    assert arch(("a", 1), ("b", 2)).key() == arch(("b", 2), ("a", 1)).key()
    assert arch(("a", 1), ("b", 2)).key() != arch(("a", 2), ("b", 1)).key()


def test_the_space_is_part_of_the_key() -> None:
    assert Arch("one", NASNET_A.cells).key() != Arch("two", NASNET_A.cells).key()


def test_nodes_only_look_back_and_outputs_exist() -> None:
    with pytest.raises(SpaceError, match=r"value 1 \(add\) reads \[0, 1\], allowed are 0 to 0"):
        Arch("any", (Cell("c", 1, (Node("add", (0, 1)),), (1,)),))
    with pytest.raises(SpaceError, match=r"outputs \[2\], allowed are 0 to 1"):
        Arch("any", (Cell("c", 1, (Node("add", (0,)),), (2,)),))
    with pytest.raises(SpaceError, match=r"reads \[\]"):
        Arch("any", (Cell("c", 1, (Node("add", ()),), (1,)),))


@pytest.mark.parametrize(
    "data",
    [{}, {"space": "s", "cells": 3}, {"space": "s", "cells": [{"name": "c"}]}, [], None, "x"],
)
def test_malformed_json_is_refused(data: object) -> None:
    with pytest.raises(SpaceError, match="not an architecture"):
        Arch.from_json(data)  # type: ignore[arg-type]
