"""NASNet-A large against timm's hand-written port, weight by weight, in double precision."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn

from searchspaces import Task
from searchspaces.cells import CellModule
from searchspaces.layers import AveragePool, FactorizedReduction
from searchspaces.network import CellNetwork
from searchspaces.scale import Scale
from tests.searchspaces.published import NASNET_A

if TYPE_CHECKING:
    from collections.abc import Iterator

nasnet = pytest.importorskip("timm.models.nasnet", reason="timm is not installed")

LARGE = Scale(cells=6, filters=168, stem="imagenet", skip_reduction_input=True)
# The places of the stack: two stem reductions, then six cells, a reduction, and so on.
TIMM_CELLS = (
    ["cell_stem_0", "cell_stem_1"]
    + [f"cell_{i}" for i in range(6)]
    + ["reduction_cell_0"]
    + [f"cell_{i}" for i in range(6, 12)]
    + ["reduction_cell_1"]
    + [f"cell_{i}" for i in range(12, 18)]
)
SEPARABLE = {
    "1": "separable_1.depthwise_conv2d",
    "2": "separable_1.pointwise_conv2d",
    "3": "bn_sep_1",
    "5": "separable_2.depthwise_conv2d",
    "6": "separable_2.pointwise_conv2d",
    "7": "bn_sep_2",
}


def names(number: str, cell: CellModule) -> Iterator[tuple[str, str]]:
    """Yield (our module, timm's module) for everything with weights in one cell."""
    ours, theirs = f"cells.{number}", TIMM_CELLS[int(number)]
    for value, other in (("0", "conv_1x1"), ("1", "conv_prev_1x1")):
        module = cell.adjust[value]
        if isinstance(module, FactorizedReduction):
            yield f"{ours}.adjust.{value}.even", f"{theirs}.path_1.conv"
            yield f"{ours}.adjust.{value}.odd", f"{theirs}.path_2.conv"
            yield f"{ours}.adjust.{value}.norm", f"{theirs}.final_path_bn"
        elif not isinstance(module, nn.Identity):
            yield f"{ours}.adjust.{value}.1", f"{theirs}.{other}.conv"
            yield f"{ours}.adjust.{value}.2", f"{theirs}.{other}.bn"
    for place, module in enumerate(cell.ops):
        block, side = divmod(place, 3)
        where = f"{theirs}.comb_iter_{block}_{('left', 'right', '')[side]}"
        layers = SEPARABLE if isinstance(module, nn.Sequential) and len(module) == 8 else {}
        for layer, other in layers.items():
            yield f"{ours}.ops.{place}.{layer}", f"{where}.{other}"


def mapped(network: CellNetwork, theirs: nn.Module) -> dict[str, torch.Tensor]:
    """Return timm's weights under our names; every weight must be used exactly once."""
    pairs = [("stem.0", "conv0.conv"), ("stem.1", "conv0.bn"), ("head.linear", "last_linear")]
    for number, cell in network.cells.items():
        assert isinstance(cell, CellModule)
        pairs += names(number, cell)
    module_of = dict(pairs)
    state = dict(theirs.state_dict())
    found = {}
    for name in network.state_dict():
        module, _, leaf = name.rpartition(".")
        found[name] = state.pop(f"{module_of[module]}.{leaf}")
    assert not state, sorted(state)[:5]
    return found


def scramble(model: nn.Module, generator: torch.Generator) -> None:
    """Give the normalisations values that hide nothing."""
    for name, tensor in model.state_dict().items():
        if re.search(r"running_mean|\.bias$", name):
            tensor.normal_(0, 0.1, generator=generator)
        elif re.search(r"running_var|bn.*\.weight$", name):
            tensor.uniform_(0.5, 1.5, generator=generator)


@pytest.mark.slow
def test_nasnet_a_large_computes_what_timms_port_computes() -> None:
    generator = torch.Generator().manual_seed(0)
    # Double precision: an error of padding would pass for rounding in single precision.
    theirs = nasnet.nasnetalarge(pretrained=False).double().eval()
    scramble(theirs, generator)
    ours = CellNetwork(NASNET_A, Task(3, 331, 331, 1000), LARGE).double().eval()
    ours.load_state_dict(mapped(ours, theirs))
    for module in ours.modules():
        if isinstance(module, AveragePool):
            module.count_padding = True  # timm divides by the whole window at stride 2
    # 65 halves to even sizes all the way (32, 16, 8, 4, 2); 75 mixes even and odd.
    for side in (65, 75):
        x = torch.randn(1, 3, side, side, generator=generator, dtype=torch.float64)
        with torch.no_grad():
            torch.testing.assert_close(ours(x), theirs(x), rtol=0, atol=1e-9)
