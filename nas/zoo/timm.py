"""Loads weights in the names of timm's nasnetalarge and pnasnet5large into our networks.

timm itself is not needed: a state dictionary of its names is. Every tensor must find its place and
every place its tensor. timm's average pools of stride 2 divide by the whole window, padding
included, so that the network is switched to do the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from nas.zoo import ZooError
from searchspaces.cells import CellModule
from searchspaces.layers import AveragePool, FactorizedReduction, count_padding
from searchspaces.network import CellNetwork

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import Tensor

    from searchspaces.scale import Scale

# The layers of our separable operation and timm's names for them.
SEPARABLE = {
    "1": "separable_1.depthwise_conv2d",
    "2": "separable_1.pointwise_conv2d",
    "3": "bn_sep_1",
    "5": "separable_2.depthwise_conv2d",
    "6": "separable_2.pointwise_conv2d",
    "7": "bn_sep_2",
}
STEM_CELLS = 2
# Files from before torch 0.4.1 have no such count; normalisation with a fixed momentum reads none.
COUNTER = "num_batches_tracked"


def load_timm(model: nn.Module, state_dict: Mapping[str, Tensor]) -> None:
    """Copy timm's weights into ``model``, a NASNet-A or PNASNet-5 with the ImageNet stem.

    Raises ZooError for another network, and naming a tensor that is missing, left over or of
    another shape; the model is then left as it was.
    """
    model.load_state_dict(in_our_names(model, state_dict))
    count_padding(model)


def counted_as(scale: Scale, model: nn.Module) -> Scale:
    """Return the scale of a network, saying whether it counts the padding as timm does."""
    pools = (part for part in model.modules() if isinstance(part, AveragePool))
    return scale.model_copy(update={"count_padding": any(pool.count_padding for pool in pools)})


def in_our_names(model: nn.Module, state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return timm's tensors under the names of ``model``; raise ZooError as ``load_timm`` does."""
    if not isinstance(model, CellNetwork):
        raise ZooError(
            f"model: {type(model).__name__} (allowed: a network of NASNet or PNAS cells)"
        )
    if not {"conv0.conv.weight", "conv_0.conv.weight"} & set(state_dict):
        raise ZooError("state_dict: no conv0 or conv_0 (allowed: nasnetalarge, pnasnet5large)")
    module_of = dict(_modules(model, pnas="conv_0.conv.weight" in state_dict))
    left, found = set(state_dict), {}
    for name, tensor in model.state_dict().items():
        module, _, leaf = name.rpartition(".")
        theirs = f"{module_of.get(module, '?')}.{leaf}"
        if theirs not in left:
            if leaf == COUNTER:
                found[name] = torch.zeros_like(tensor, device="cpu")
                continue
            raise ZooError(f"state_dict: nothing for {name} (looked for {theirs})")
        if state_dict[theirs].shape != tensor.shape:
            shapes = f"{tuple(state_dict[theirs].shape)}, allowed is {tuple(tensor.shape)}"
            raise ZooError(f"state_dict: {theirs} is {shapes}")
        left.remove(theirs)
        found[name] = state_dict[theirs]
    if left:
        raise ZooError(f"state_dict: no place for {len(left)} tensors, such as {min(left)}")
    return found


def _modules(model: CellNetwork, *, pnas: bool) -> Iterator[tuple[str, str]]:
    """Yield (our module, timm's module) for everything with weights."""
    stem = "conv_0" if pnas else "conv0"
    yield from (("stem.0", f"{stem}.conv"), ("stem.1", f"{stem}.bn"))
    yield "head.linear", "last_linear"
    names = list(_cell_names(model, pnas=pnas))
    for number, cell in model.cells.items():
        if isinstance(cell, CellModule):
            yield from _cell(f"cells.{number}", names[int(number)], cell, pnas=pnas)


def _cell_names(model: CellNetwork, *, pnas: bool) -> Iterator[str]:
    """Yield timm's name of every place: stems, cells, and reductions counted by themselves."""
    normal = reduction = 0
    for number, place in enumerate(model.plan):
        if number < STEM_CELLS:
            yield f"cell_stem_{number}"
        elif pnas or place.cell == "normal":
            yield f"cell_{normal}"
            normal += 1
        else:
            yield f"reduction_cell_{reduction}"
            reduction += 1


def _cell(ours: str, theirs: str, cell: CellModule, *, pnas: bool) -> Iterator[tuple[str, str]]:
    for value, other in (("0", "conv_1x1"), ("1", "conv_prev_1x1")):
        module = cell.adjust[value]
        if isinstance(module, FactorizedReduction):
            prefix = f"{theirs}.{other}" if pnas else theirs
            yield f"{ours}.adjust.{value}.even", f"{prefix}.path_1.conv"
            yield f"{ours}.adjust.{value}.odd", f"{prefix}.path_2.conv"
            yield f"{ours}.adjust.{value}.norm", f"{prefix}.final_path_bn"
        else:
            yield f"{ours}.adjust.{value}.1", f"{theirs}.{other}.conv"
            yield f"{ours}.adjust.{value}.2", f"{theirs}.{other}.bn"
    for place, module in enumerate(cell.ops):
        block, side = divmod(place, 3)
        where = f"{theirs}.comb_iter_{block}_{('left', 'right', 'add')[side]}"
        for layer, other in _layers(module).items():
            yield f"{ours}.ops.{place}.{layer}", f"{where}.{other}"


def _layers(module: nn.Module) -> dict[str, str]:
    """Return the layers with weights of an operation: separable, or a 1x1 that fits its shape."""
    if not isinstance(module, nn.Sequential):
        return {}
    # ReLU or a pool, then convolution and normalisation.
    return SEPARABLE if len(module) == 1 + max(map(int, SEPARABLE)) else {"1": "conv", "2": "bn"}
