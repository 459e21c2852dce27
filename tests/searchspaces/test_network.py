"""The network builder: published sizes, odd sizes, drop path, auxiliary head, dead parts."""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from searchspaces import SpaceError, Task
from searchspaces.arch import Arch, Cell, Node
from searchspaces.catalog import SPACES
from searchspaces.cells import CellModule, Source, drop_path
from searchspaces.nasnet import Block, block_cell
from searchspaces.network import CellNetwork
from searchspaces.scale import Scale
from searchspaces.stack import nasnet_stack
from tests.searchspaces.published import NASNET_A

CIFAR = Task(3, 32, 32, 10)
IMAGENET = Task(3, 224, 224, 1000)
MOBILE = Scale(cells=4, filters=44, stem="imagenet", stem_multiplier=1)
LARGE = Scale(cells=6, filters=168, stem="imagenet", skip_reduction_input=True)


def parameters(arch: Arch, task: Task, scale: Scale) -> int:
    with torch.device("meta"):
        network = CellNetwork(arch, task, scale)
    return sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize(
    ("scale", "task", "expected"),
    [
        (Scale(cells=6, filters=32), CIFAR, 3_346_538),
        (Scale(cells=6, filters=96), CIFAR, 28_213_546),
        (Scale(cells=6, filters=32, auxiliary=True), CIFAR, 3_346_538 + 1_631_498),
        (MOBILE, IMAGENET, 5_289_978),
        (LARGE, Task(3, 331, 331, 1000), 88_753_150),
    ],
    ids=["6@768", "6@2304", "6@768 with auxiliary head", "4@1056", "6@4032"],
)
def test_nasnet_a_has_the_published_number_of_parameters(
    scale: Scale, task: Task, expected: int
) -> None:
    assert parameters(NASNET_A, task, scale) == expected


def test_the_stack_adds_a_reduction_before_cells_n_and_2n() -> None:
    kinds = [place.cell[0] for place in nasnet_stack(Scale(cells=2))]
    assert "".join(kinds) == "nnrnnrnn"
    assert [p.filters for p in nasnet_stack(Scale(cells=1, filters=10))] == [10, 20, 20, 40, 40]


def test_the_cell_after_a_reduction_can_read_what_the_reduction_read() -> None:
    plain = nasnet_stack(Scale(cells=2))
    skipping = nasnet_stack(Scale(cells=2, skip_reduction_input=True))
    assert (plain[3].previous, plain[3].before) == (3, 2)
    assert (skipping[3].previous, skipping[3].before) == (3, 1)


def test_the_imagenet_stem_puts_two_narrow_reduction_cells_first() -> None:
    plan = nasnet_stack(MOBILE)
    assert [(p.cell, p.filters) for p in plan[:3]] == [
        ("reduction", 11),
        ("reduction", 22),
        ("normal", 44),
    ]
    assert plan[0].before is None


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (5, 4), (7, 7), (8, 8)])
@pytest.mark.parametrize("stem", ["cifar", "imagenet"])
def test_a_network_takes_images_of_any_size(size: tuple[int, int], stem: str) -> None:
    scale = Scale.model_validate({"filters": 6, "stem": stem})
    task = Task(1, max(3, size[0]), max(3, size[1]), 4)
    network = CellNetwork(NASNET_A, task, scale).eval()
    height, width = (task.height, task.width) if stem == "imagenet" else size
    assert network(torch.randn(2, 1, height, width)).shape == (2, 4)


def test_an_image_too_small_for_the_imagenet_stem_is_refused_with_its_size() -> None:
    with pytest.raises(SpaceError, match="at least 3x3, got 2x9"):
        CellNetwork(NASNET_A, Task(1, 2, 9, 4), Scale(filters=4, stem="imagenet"))


@pytest.mark.parametrize("side", [8, 20, 32])
def test_training_returns_auxiliary_logits_and_evaluation_does_not(side: int) -> None:
    network = CellNetwork(NASNET_A, Task(1, side, side, 5), Scale(filters=4, auxiliary=True))
    logits, auxiliary = network(torch.randn(3, 1, side, side))
    assert logits.shape == auxiliary.shape == (3, 5)
    (logits.sum() + auxiliary.sum()).backward()
    assert all(p.grad is not None for p in network.parameters())
    assert network.eval()(torch.randn(3, 1, side, side)).shape == (3, 5)


def test_memory_format_does_not_change_the_logits() -> None:
    generator = torch.Generator().manual_seed(0)
    network = CellNetwork(NASNET_A, Task(3, 9, 12, 5), Scale(filters=6)).eval().double()
    x = torch.randn(2, 3, 9, 12, generator=generator, dtype=torch.float64)
    expected = network(x)
    network.to(memory_format=torch.channels_last)
    actual = network(x.to(memory_format=torch.channels_last))
    torch.testing.assert_close(actual, expected, rtol=1e-9, atol=1e-12)


def test_drop_path_grows_with_depth_and_with_training() -> None:
    network = CellNetwork(NASNET_A, CIFAR, Scale(cells=1, filters=4, drop_path=0.4))
    cells = [cell for cell in network.cells.values() if isinstance(cell, CellModule)]
    assert [cell.keep for cell in cells] == [1.0] * 5
    network.set_progress(0.5)
    assert [cell.keep for cell in cells] == pytest.approx([0.96, 0.92, 0.88, 0.84, 0.8])
    network.set_progress(2.0)
    assert cells[-1].keep == pytest.approx(0.6)


def test_drop_path_zeroes_whole_examples_and_keeps_the_mean() -> None:
    dropped = drop_path(torch.ones(4000, 2, 3, 3), 0.75)
    per_example = dropped.flatten(1)
    assert per_example.unique().tolist() == pytest.approx([0.0, 1 / 0.75])
    assert torch.equal(per_example.min(1).values, per_example.max(1).values)
    assert abs(float(dropped.mean()) - 1) < 0.05


def test_drop_path_is_silent_in_evaluation_and_random_in_training() -> None:
    network = CellNetwork(NASNET_A, Task(1, 8, 8, 3), Scale(filters=4, drop_path=0.5))
    network.set_progress(1.0)
    x = torch.randn(4, 1, 8, 8)
    assert not torch.equal(network(x), network(x))
    network.eval()
    assert torch.equal(network(x), network(x))


def only(name: str, source: int) -> Cell:
    return block_cell(name, [Block("sep_3x3", source, "conv_1x1", source)])


def test_an_input_that_no_node_reads_has_no_parameters() -> None:
    cell = CellModule(only("normal", 0), [Source(8), Source(8)], 4, 1)
    assert list(cell.adjust) == ["0"]
    x = torch.randn(1, 8, 5, 5)
    assert cell(x, None).shape == (1, 4, 5, 5)


def test_cells_that_cannot_reach_the_logits_are_not_built() -> None:
    arch = Arch("nasnet", (only("normal", 1), only("reduction", 1)))
    network = CellNetwork(arch, Task(1, 8, 8, 3), Scale(cells=1, filters=4))
    # h_{i-1} of the last cell is the one before the reduction, and so on down to the stem.
    assert list(network.cells) == ["0", "2", "4"]
    network(torch.randn(2, 1, 8, 8)).sum().backward()
    assert all(p.grad is not None for p in network.parameters())


def test_an_input_that_goes_out_of_a_reduction_is_halved_to_the_width_of_the_cell() -> None:
    cell = Cell("reduction", 2, (Node("max_3x3", (0,)),), (0, 2, 2))
    module = CellModule(cell, [Source(6), Source(6)], 4, 2)
    assert module.width == 12
    assert module(torch.randn(1, 6, 7, 7), torch.randn(1, 6, 7, 7)).shape == (1, 12, 4, 4)


def test_an_add_of_unlike_widths_and_a_strided_combine_are_refused() -> None:
    nodes = (Node("identity", (0,)), Node("concat", (2, 2)), Node("add", (2, 3)))
    with pytest.raises(SpaceError, match="one width"):
        CellModule(Cell("normal", 2, nodes, (4,)), [Source(4), Source(4)], 4, 1)
    with pytest.raises(SpaceError, match="an operation must come between"):
        CellModule(Cell("reduction", 1, (Node("add", (0, 0)),), (1,)), [Source(4)], 4, 2)
    with pytest.raises(SpaceError, match="reads one value, got 2"):
        CellModule(Cell("normal", 1, (Node("sep_3x3", (0, 0)),), (1,)), [Source(4)], 4, 1)
    with pytest.raises(SpaceError, match="unknown operation 'warp'; known: identity"):
        CellModule(Cell("normal", 1, (Node("warp", (0,)),), (1,)), [Source(4)], 4, 1)


def test_the_forward_pass_is_the_graph_of_the_cell() -> None:
    nodes = (Node("avg_3x3", (0,)), Node("max_3x3", (1,)), Node("add", (2, 3)))
    module = CellModule(
        Cell("normal", 2, nodes, (4, 1)), [Source(3, raw=True), Source(3, raw=True)], 3, 1
    )
    a, b = torch.randn(2, 3, 6, 6), torch.randn(2, 3, 6, 6)
    average = torch.nn.functional.avg_pool2d(a, 3, 1, 1, count_include_pad=False)
    expected = torch.cat([average + torch.nn.functional.max_pool2d(b, 3, 1, 1), b], 1)
    torch.testing.assert_close(module(a, b), expected)


class StridedPoints(TorchDispatchMode):
    """Notes the 1x1 convolutions that are called with a stride."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[int, ...]] = []
        self.convolutions = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten.convolution.default:
            self.convolutions += 1
            if args[1].shape[2:].numel() == 1 and max(args[3]) > 1:
                self.found.append(tuple(args[1].shape))
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("name", [n for n in SPACES.names() if SPACES.get(n).buildable])
def test_no_1x1_convolution_has_a_stride(name: str) -> None:
    """One of oneDNN's with a stride and few channels corrupts the heap (see layers.subsampled)."""
    space, rng, watch = SPACES.create(name), random.Random(0), StridedPoints()
    with torch.device("meta"):
        for _ in range(5):
            network = space.build(space.decode(space.sample(rng)), CIFAR, Scale(filters=8))
            with watch:
                network(torch.empty(2, 3, 32, 32))
    assert watch.convolutions > 0
    assert watch.found == []
