"""The NASNet space: its size, its blocks, its loose ends, and what its keys tell apart."""

from __future__ import annotations

import random
from itertools import product

from searchspaces.arch import Arch
from searchspaces.nasnet import COMBINERS, OPERATIONS, Block, NASNet, block_cell
from tests.searchspaces.published import NASNET_A, NORMAL


def test_the_size_is_that_of_the_paper() -> None:
    assert NASNet().size == (720**2 * 338**5) ** 2
    assert NASNet(blocks=1).size == (2**2 * 13**2 * 2) ** 2


def test_there_are_five_decisions_a_block_and_the_normal_cell_comes_first() -> None:
    choices = NASNet().choices
    assert len(choices) == 50
    assert [c.name for c in choices[10:15]] == [
        "normal.2.input1",
        "normal.2.input2",
        "normal.2.op1",
        "normal.2.op2",
        "normal.2.combine",
    ]
    assert [c.kind for c in choices[10:15]] == ["input4", "input4", "op", "op", "combine"]
    assert choices[10].options == ("h[i]", "h[i-1]", "block 0", "block 1")
    assert choices[25].name == "reduction.0.input1"


def test_decisions_become_blocks_of_three_nodes() -> None:
    sep, conv = OPERATIONS.index("sep_3x3"), OPERATIONS.index("conv_1x1")
    first, second = (0, 1, sep, conv, 0), (2, 0, conv, sep, 1)
    arch = NASNet(blocks=2).decode((*first, *second, *first, *first))
    normal = arch.cell("normal")
    assert [(n.op, n.inputs) for n in normal.nodes] == [
        ("sep_3x3", (0,)),
        ("conv_1x1", (1,)),
        ("add", (2, 3)),
        ("conv_1x1", (4,)),
        ("sep_3x3", (0,)),
        ("concat", (5, 6)),
    ]


def test_blocks_that_no_block_reads_go_out() -> None:
    chain = [Block("sep_3x3", 0, "sep_3x3", 1), Block("sep_3x3", 2, "sep_3x3", 0)]
    assert block_cell("normal", chain).outputs == (7,)
    apart = [Block("sep_3x3", 0, "sep_3x3", 1), Block("sep_3x3", 1, "sep_3x3", 0)]
    assert block_cell("normal", apart).outputs == (4, 7)
    assert block_cell("normal", NORMAL, states=(1, 2)).outputs == (1, 4)


def test_every_node_of_a_decoded_cell_is_live() -> None:
    space, rng = NASNet(), random.Random(0)
    for _ in range(200):
        for cell in space.decode(space.sample(rng)).cells:
            assert cell.pruned() == cell


def test_one_block_has_exactly_702_cells_up_to_symmetry() -> None:
    # 26 pairs of operation and input make 26 * 27 / 2 unordered pairs, times two combiners.
    reduction = block_cell("reduction", [Block("sep_3x3", 0, "sep_3x3", 1)])
    keys = {
        Arch(
            "nasnet", (block_cell("normal", [Block(op1, in1, op2, in2, combine)]), reduction)
        ).key()
        for in1, in2, op1, op2, combine in product(
            (0, 1), (0, 1), OPERATIONS, OPERATIONS, COMBINERS
        )
    }
    assert len(keys) == 26 * 27 // 2 * 2


def test_the_two_cells_and_the_two_inputs_are_not_interchangeable() -> None:
    normal, reduction = NASNET_A.cells
    swapped = Arch(
        "nasnet",
        (
            type(normal)("normal", 2, reduction.nodes, reduction.outputs),
            type(normal)("reduction", 2, normal.nodes, normal.outputs),
        ),
    )
    assert swapped.key() != NASNET_A.key()
    left = Arch("nasnet", (block_cell("normal", [Block("sep_3x3", 0, "sep_5x5", 1)]),))
    right = Arch("nasnet", (block_cell("normal", [Block("sep_3x3", 1, "sep_5x5", 0)]),))
    assert left.key() != right.key()
