"""What every network of the zoo must do, at the sizes of its paper; on meta tensors.

Nothing is allocated or computed: 135 networks take a few seconds each at most, even ResNet-1202.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

import nas
from nas.profile import profile
from nas.training.blueprint import Blueprint
from nas.zoo import ZooError
from nas.zoo.built import BuiltModel
from nas.zoo.catalog import ZOO
from nas.zoo.entries import costs, entry, kept, recorded
from searchspaces.registry import RegistryError
from searchspaces.scale import Scale
from tests.conftest import ROOT

DOCS = ROOT / "docs" / "zoo.md"
UNITS = {"K": 1e3, "M": 1e6, "B": 1e9}


def agrees(cost: int, figure: str, tolerance: float) -> bool:
    """Whether a cost is within the tolerance of a printed figure, or is what it rounds."""
    number, unit = figure[:-1], UNITS[figure[-1]]
    half = 0.5 * 10.0 ** -len(number.partition(".")[2])
    return abs(cost / unit - float(number)) <= max(half, tolerance * float(number))


BUILT = [name for name in ZOO.names() if issubclass(ZOO.get(name), BuiltModel)]


def constructor(name: str) -> object:
    """What builds a hand-built network: its variants differ in the numbers given to it."""
    make = ZOO.get(name).row.make
    return getattr(make, "func", make)


def shallow(name: str) -> tuple[int, int]:
    """Order by depth, as far as a name says it."""
    digits = "".join(c if c.isdigit() else " " for c in name).split()
    return (max(map(int, digits), default=0), len(name))


# One network, the shallowest, of each constructor: the others have nothing new to run.
KINDS = sorted({constructor(n): n for n in sorted(BUILT, key=shallow, reverse=True)}.values())
SEARCHED = [name for name in ZOO.names() if name not in BUILT]


@pytest.mark.parametrize("name", ZOO.names())
def test_a_network_costs_what_its_paper_prints_or_says_how_that_differs(name):
    model = ZOO.create(name)
    with torch.device("meta"):
        cost = profile(model.build(model.task), model.task)
    agree = [
        agrees(cost_of, figure, tolerance)
        for cost_of, figure, tolerance in (
            (cost.params, model.paper.params, 0.02),
            (cost.madds, model.paper.madds, 0.005),
        )
        if figure
    ]
    rows = [line for line in DOCS.read_text().splitlines() if line.startswith(f"| `{name}` |")]
    assert len(rows) == 1
    assert f"| {cost.params:,} | {cost.madds / 1e6:,.1f}M |" in rows[0]
    assert recorded()[name] == costs(cost)  # else: make zoo-page
    # Where a paper prints something else than what it describes, the zoo says so.
    assert all(agree) != bool(model.paper.differs)


def test_what_is_on_record_is_what_the_networks_say_of_themselves():
    assert [one["name"] for one in kept()] == ZOO.names()  # else: make zoo-page
    for one in kept():
        assert one == entry(one["name"])


@pytest.mark.parametrize("name", SEARCHED + KINDS)
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
    assert 1998 <= model.year <= 2026
    assert model.idea.endswith(".")
    assert ". " not in model.idea


@pytest.mark.parametrize("name", KINDS)
def test_a_hand_built_network_runs_at_both_sizes_or_says_from_which_on(name):
    model = ZOO.create(name)
    for side in (32, 224):
        task = replace(model.task, height=side, width=side)
        with torch.device("meta"):
            if side < model.row.least:
                with pytest.raises(ZooError, match=f"{model.row.least}x{model.row.least} or more"):
                    model.build(task)
                continue
            images = torch.empty(2, task.channels, side, side)
            assert model.build(task).eval()(images).shape == (2, task.classes)


@pytest.mark.parametrize("name", KINDS)
def test_the_least_size_of_a_hand_built_network_is_enough(name):
    model = ZOO.create(name)
    side = model.row.least
    with torch.device("meta"):
        net = model.build(replace(model.task, height=side, width=side)).eval()
        assert net(torch.empty(2, model.task.channels, side, side)).shape[0] == 2


# No source that was read says how its authors trained it.
UNTOLD = {"pnasnet_5_cifar"}


@pytest.mark.parametrize("name", [name for name in ZOO.names() if name not in UNTOLD])
def test_the_training_of_a_paper_is_a_recipe(name):
    training = ZOO.get(name).recipe
    assert training.source
    recipe = training.recipe(epochs=2)
    assert recipe.epochs == 2
    if training.weight_decay is not None:
        assert recipe.weight_decay == training.weight_decay


@pytest.mark.parametrize("name", UNTOLD)
def test_a_recipe_that_no_paper_tells_is_refused_and_not_made_up(name):
    assert ZOO.get(name).recipe is None
    with pytest.raises(ZooError, match=f"{name}: no source that was read says how its authors"):
        Blueprint.named(name).paper_recipe()
    with pytest.raises(ZooError, match="only a network of the zoo"):
        Blueprint(title="mine", architecture={}, scale=Scale()).paper_recipe()


@pytest.mark.parametrize("name", [name for name in SEARCHED if name not in UNTOLD])
def test_a_searched_network_is_trained_with_what_its_authors_built_in(name):
    training = ZOO.get(name).recipe
    printed = Blueprint.named(name).as_printed()
    assert printed.scale.drop_path == training.drop_path
    assert printed.scale.dropout == training.dropout
    assert printed.paper_recipe() == training.recipe()
    task = ZOO.get(name).task
    with torch.device("meta"):
        net = printed.build(task).train()
        out = net(torch.empty(2, task.channels, task.height, task.width))
    assert (len(out) == 2 and isinstance(out, tuple)) == (training.auxiliary_weight > 0)
    assert Blueprint.named("resnet18").as_printed() == Blueprint.named("resnet18")


def test_the_printed_training_of_darts_and_nas_bench_201_is_theirs():
    darts = Blueprint.named("darts_v2_cifar").paper_recipe()
    assert (darts.epochs, darts.batch_size, darts.learning_rate) == (600, 96, 0.025)
    assert (darts.weight_decay, darts.momentum, darts.grad_clip) == (3e-4, 0.9, 5)
    assert (darts.auxiliary_weight, darts.cutout) == (0.4, 16)
    bench = Blueprint.named("nasbench201_best").paper_recipe()
    assert (bench.epochs, bench.batch_size, bench.learning_rate) == (200, 256, 0.1)
    assert (bench.weight_decay, bench.grad_clip, bench.auxiliary_weight) == (5e-4, 0, 0)


def test_resnet_decays_by_1e_4_and_not_by_what_the_lecture_says():
    assert {ZOO.get(name).recipe.weight_decay for name in nas.list_models("resnet*")} == {1e-4}


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
    with pytest.raises(ZooError, match=r"alexnet: images of 32x32 \(allowed: 63x63 or more\)"):
        nas.create_model("alexnet", size=32)
