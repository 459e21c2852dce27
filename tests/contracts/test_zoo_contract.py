"""What every network of the zoo must do, at the sizes of its paper; on meta tensors."""

from __future__ import annotations

import pytest
import torch

import nas
from nas.profile import profile
from nas.zoo import ZooError
from nas.zoo.catalog import ZOO
from searchspaces.registry import RegistryError
from tests.conftest import ROOT

DOCS = ROOT / "docs" / "zoo.md"
UNITS = {"K": 1e3, "M": 1e6, "B": 1e9}


def printed(figure: str) -> float:
    return float(figure[:-1]) * UNITS[figure[-1]]


@pytest.mark.parametrize("name", ZOO.names())
def test_a_network_costs_what_its_paper_prints_or_says_how_that_differs(name):
    model = ZOO.create(name)
    with torch.device("meta"):
        cost = profile(model.build(model.task), model.task)
    agree = [
        cost_of == pytest.approx(printed(figure), rel=tolerance)
        for cost_of, figure, tolerance in (
            (cost.params, model.paper.params, 0.02),
            (cost.madds, model.paper.madds, 0.005),
        )
        if figure
    ]
    rows = [line for line in DOCS.read_text().splitlines() if line.startswith(f"| `{name}` |")]
    assert len(rows) == 1
    assert f"| {cost.params:,} | {cost.madds / 1e6:,.1f}M |" in rows[0]
    # Where a paper prints something else than what it describes, the zoo says so.
    assert all(agree) != bool(model.paper.differs)


@pytest.mark.parametrize("name", ZOO.names())
def test_a_network_takes_other_classes_and_channels(name):
    with torch.device("meta"):
        model = nas.create_model(name, num_classes=7, channels=1).eval()
        size = (ZOO.get(name).task.height, ZOO.get(name).task.width)
        assert model(torch.empty(2, 1, *size)).shape == (2, 7)


@pytest.mark.parametrize("name", ZOO.names())
def test_a_network_says_where_its_figures_are_from(name):
    model = ZOO.get(name)
    assert model.title
    assert model.paper.citation
    assert model.paper.where
    assert model.paper.dataset


def test_nasnet_a_has_exactly_the_parameters_of_the_authors_code():
    exact = {
        "nasnet_a_cifar": 3_346_538,
        "nasnet_a_mobile": 5_289_978,
        "nasnet_a_large": 88_753_150,
    }
    for name, params in exact.items():
        with torch.device("meta"):
            assert sum(p.numel() for p in nas.create_model(name).parameters()) == params


def test_names_are_listed_by_pattern():
    assert nas.list_models() == ZOO.names()
    assert nas.list_models("nasnet_a_m*") == ["nasnet_a_mobile"]
    assert nas.list_models("no such*") == []


def test_an_unknown_name_and_no_classes_are_refused():
    with pytest.raises(RegistryError, match="nasnet_a_mobile"):
        nas.create_model("nasnet_a_tiny")
    with pytest.raises(ZooError, match="num_classes: 0"):
        nas.create_model("nasnet_a_mobile", num_classes=0)
