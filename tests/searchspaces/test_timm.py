"""NASNet-A and PNASNet-5 large against timm's ports, weight by weight, in double precision."""

from __future__ import annotations

import re

import pytest
import torch
from torch import nn

import nas
from nas.zoo import ZooError, load_timm

nasnet = pytest.importorskip("timm.models.nasnet", reason="timm is not installed")
pnasnet = pytest.importorskip("timm.models.pnasnet", reason="timm is not installed")

THEIRS = {
    "nasnet_a_large": nasnet.nasnetalarge,
    "pnasnet_5_large": pnasnet.pnasnet5large,
}
TENSORS = {"nasnet_a_large": 1810, "pnasnet_5_large": 1380}


def scramble(model: nn.Module, generator: torch.Generator) -> None:
    """Give the normalisations values that hide nothing."""
    for name, tensor in model.state_dict().items():
        if re.search(r"running_mean|\.bias$", name):
            tensor.normal_(0, 0.1, generator=generator)
        elif re.search(r"running_var|bn.*\.weight$", name):
            tensor.uniform_(0.5, 1.5, generator=generator)


@pytest.mark.slow
@pytest.mark.parametrize("name", THEIRS)
def test_a_network_with_timms_weights_computes_what_timms_port_computes(name: str) -> None:
    generator = torch.Generator().manual_seed(0)
    # Double precision: an error of padding would pass for rounding in single precision.
    theirs = THEIRS[name](pretrained=False).double().eval()
    scramble(theirs, generator)
    ours = nas.create_model(name).double().eval()
    load_timm(ours, theirs.state_dict())
    # 65 halves to even sizes all the way (32, 16, 8, 4, 2); 75 and 107 mix even and odd.
    for side in (65, 75, 107):
        x = torch.randn(1, 3, side, side, generator=generator, dtype=torch.float64)
        with torch.no_grad():
            torch.testing.assert_close(ours(x), theirs(x), rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", THEIRS)
def test_every_tensor_of_timm_has_one_place(name: str) -> None:
    with torch.device("meta"):
        theirs = THEIRS[name](pretrained=False).state_dict()
        ours = nas.create_model(name)
        assert len(theirs) == len(ours.state_dict()) == TENSORS[name]
        load_timm(ours, theirs)
        extra = theirs | {"cell_99.bn.weight": theirs["last_linear.bias"]}
        with pytest.raises(ZooError, match="no place for 1 tensors, such as cell_99"):
            load_timm(ours, extra)
        with pytest.raises(ZooError, match=r"last_linear.bias is \(3,\), allowed is \(1000,\)"):
            load_timm(ours, theirs | {"last_linear.bias": torch.empty(3)})
        del theirs["cell_3.comb_iter_0_left.bn_sep_1.running_var"]
        with pytest.raises(ZooError, match=r"looked for cell_3\.comb_iter_0_left\.bn_sep_1"):
            load_timm(ours, theirs)


def test_other_networks_and_other_names_are_refused() -> None:
    with pytest.raises(ZooError, match="model: Linear"):
        load_timm(nn.Linear(1, 1), {})
    with torch.device("meta"), pytest.raises(ZooError, match="no conv0"):
        load_timm(nas.create_model("nasnet_a_mobile"), {"weight": torch.empty(1)})
