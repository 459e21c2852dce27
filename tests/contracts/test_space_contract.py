"""What every search space promises; walks the registry, so a new file is tested without an edit."""

from __future__ import annotations

import json
import math
import os
import random
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from nas.profile import profile
from searchspaces import SearchSpace, SpaceError, Task
from searchspaces.arch import Arch
from searchspaces.catalog import SPACES
from searchspaces.draw import barcode, cell_svg, cell_text
from searchspaces.ops import OPS
from searchspaces.registry import RegistryError
from searchspaces.scale import Scale
from tests.searchspaces.bars import mapping_faults, overlap_faults, relabelled

if TYPE_CHECKING:
    from pathlib import Path

SMALL = Scale(cells=1, filters=4)
GREY, COLOUR = Task(1, 8, 8, 10), Task(3, 32, 32, 7)


NETWORKS = [name for name in SPACES.names() if SPACES.get(name).buildable]
TABLE = "choice:op,choice:width,accuracy,seconds\nconv,8,0.5,2\nconv,16,0.6,3\npool,8,0.1,1\n"


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, object]]:
    """Return what a space needs to be made, where its defaults do not do."""
    path = tmp_path_factory.mktemp("table") / "table.csv"
    path.write_text(TABLE)
    return {"table": {"path": str(path)}}


@pytest.fixture(params=SPACES.names(), scope="module")
def space(request: pytest.FixtureRequest, options: dict[str, dict[str, object]]) -> SearchSpace:
    return SPACES.create(request.param, options.get(request.param))


@pytest.fixture(params=NETWORKS, scope="module")
def built(request: pytest.FixtureRequest) -> SearchSpace:
    """Return a space whose architectures become networks."""
    return SPACES.create(request.param)


def test_a_space_without_networks_says_so_when_asked_for_one(space: SearchSpace) -> None:
    arch = space.decode(space.sample(random.Random(0)))
    if space.buildable:
        assert isinstance(space.build(arch, GREY, SMALL), nn.Module)
    else:
        with pytest.raises(SpaceError, match="no network"):
            space.build(arch, GREY, SMALL)


def test_encode_undoes_decode(space: SearchSpace) -> None:
    rng = random.Random(13)
    points: dict[Arch, tuple[int, ...]] = {}
    for _ in range(200):
        point = space.sample(rng)
        arch = space.decode(point)
        found = space.encode(arch)
        assert space.decode(found) == arch
        assert points.setdefault(arch, found) == found
        assert space.encode(Arch.from_json(arch.to_json())) == found


def test_encode_refuses_the_architecture_of_another_space(space: SearchSpace) -> None:
    other = SPACES.create("toy" if space.name != "toy" else "nasnet")
    with pytest.raises(SpaceError, match=space.name):
        space.encode(other.decode(other.sample(random.Random(0))))


def test_decode_accepts_every_sample(space: SearchSpace) -> None:
    rng = random.Random(0)
    for _ in range(200):
        arch = space.decode(space.sample(rng))
        assert arch.space == space.name
        for cell in arch.cells:
            for here, node in enumerate(cell.nodes, cell.inputs):
                assert all(0 <= source < here for source in node.inputs)
                if not space.buildable:
                    continue
                assert node.op in OPS
                if OPS[node.op].family != "combine":
                    assert len(node.inputs) == 1


def test_decode_refuses_wrong_lengths_and_values(space: SearchSpace) -> None:
    point = space.sample(random.Random(0))
    for wrong in ((), point[:-1], (*point, 0)):
        with pytest.raises(SpaceError, match=f"expected {len(point)} decisions"):
            space.decode(wrong)
    for place, choice in enumerate(space.choices):
        for value in (-1, len(choice)):
            with pytest.raises(SpaceError, match=f"{choice.name} is {value}"):
                space.decode((*point[:place], value, *point[place + 1 :]))
    with pytest.raises(SpaceError, match="must be an int"):
        space.decode((True, *point[1:]))


def test_choices_have_names_of_their_own_and_kinds_of_one_length(space: SearchSpace) -> None:
    names = [choice.name for choice in space.choices]
    assert len(set(names)) == len(names)
    kinds: dict[str, int] = {}
    for choice in space.choices:
        assert len(set(choice.options)) == len(choice) > 0
        assert kinds.setdefault(choice.kind, len(choice)) == len(choice)


def test_the_size_is_the_product_of_the_options(space: SearchSpace) -> None:
    assert space.size == math.prod(len(choice.options) for choice in space.choices)


def test_mutate_changes_exactly_one_decision(space: SearchSpace) -> None:
    rng = random.Random(1)
    for _ in range(200):
        point = space.sample(rng)
        other = space.mutate(point, rng)
        assert sum(a != b for a, b in zip(point, other, strict=True)) == 1
        space.check(other)


def test_neighbours_are_all_points_at_distance_one(space: SearchSpace) -> None:
    point = space.sample(random.Random(2))
    near = list(space.neighbours(point))
    assert len(set(near)) == len(near) == sum(len(choice) - 1 for choice in space.choices)
    assert all(sum(a != b for a, b in zip(point, x, strict=True)) == 1 for x in near)


def test_samples_of_one_seed_are_one_sequence(space: SearchSpace) -> None:
    def draw() -> list[tuple[int, ...]]:
        rng = random.Random(7)
        return [space.sample(rng) for _ in range(5)]

    assert draw() == draw()
    assert len(set(draw())) > 1


def test_pruning_twice_is_pruning_once(space: SearchSpace) -> None:
    rng = random.Random(3)
    for _ in range(100):
        for cell in space.decode(space.sample(rng)).cells:
            pruned = cell.pruned()
            assert pruned.pruned() == pruned
            assert set(range(cell.inputs, cell.inputs + len(pruned.nodes))) <= pruned.live()


def test_json_and_back_is_the_same_architecture(space: SearchSpace) -> None:
    rng = random.Random(4)
    for _ in range(100):
        arch = space.decode(space.sample(rng))
        back = Arch.from_json(arch.to_json())
        assert back == arch
        assert back.key() == arch.key()


@pytest.mark.parametrize("task", [GREY, COLOUR], ids=["8x8x1", "32x32x3"])
def test_a_network_gives_logits_and_every_parameter_a_gradient(
    built: SearchSpace, task: Task
) -> None:
    rng = random.Random(5)
    for _ in range(3):
        network = built.build(built.decode(built.sample(rng)), task, SMALL)
        logits = network(torch.randn(3, task.channels, task.height, task.width))
        assert logits.shape == (3, task.classes)
        logits.logsumexp(1).sum().backward()
        idle = [name for name, p in network.named_parameters() if p.grad is None]
        assert idle == []


def test_drop_path_waits_for_the_training_and_spares_the_evaluation(built: SearchSpace) -> None:
    scale = Scale(cells=1, filters=4, drop_path=0.5)
    rng = random.Random(6)
    x = torch.randn(8, 1, 8, 8)
    for _ in range(3):
        network = built.build(built.decode(built.sample(rng)), GREY, scale)
        assert torch.equal(network(x), network(x))
        network.set_progress(1.0)
        assert torch.isfinite(network(x)).all()
        network.eval()
        assert torch.equal(network(x), network(x))


def test_the_profile_counts_the_parameters_that_were_built(built: SearchSpace) -> None:
    rng = random.Random(8)
    for _ in range(5):
        network = built.build(built.decode(built.sample(rng)), GREY, SMALL)
        result = profile(network, GREY)
        assert result.params == sum(p.numel() for p in network.parameters())
        assert result.params == sum(row.params for row in result.layers)
        assert result.madds > 0


@settings(max_examples=30)
@given(seed=st.integers(0, 10**6))
def test_isomorphic_architectures_share_a_key(space: SearchSpace, seed: int) -> None:
    rng = random.Random(seed)
    arch = space.decode(space.sample(rng))
    assert relabelled(arch, rng).key() == arch.key()


def test_architectures_of_one_key_cost_the_same(built: SearchSpace) -> None:
    rng = random.Random(9)
    for _ in range(3):
        arch = built.decode(built.sample(rng))
        other = relabelled(arch, rng)
        with torch.device("meta"):
            one, two = (built.build(a, GREY, SMALL) for a in (arch, other))
        assert costs(one) == costs(two)


def costs(network: nn.Module) -> tuple[object, ...]:
    """Return what a network costs, whatever order its parts run in."""
    found = profile(network, GREY)
    rows = sorted((r.kind, r.output, r.params, r.madds, r.memory) for r in found.layers)
    return found.params, found.madds, found.memory_sum, found.receptive_field, rows


def test_architectures_of_one_key_compute_the_same_once_weights_are_mapped(
    built: SearchSpace,
) -> None:
    assert mapping_faults(built, random.Random(10), 3) == []


@pytest.fixture(scope="module")
def keys_elsewhere(options: dict[str, dict[str, object]]) -> dict[str, list[str]]:
    """Return five keys of every space, made in another process: one for all, it loads torch."""
    code = (
        "import json, random; from searchspaces.catalog import SPACES\n"
        "def keys(space, rng):\n"
        "    return [space.decode(space.sample(rng)).key() for _ in range(5)]\n"
        f"options = {options!r}\n"
        "print(json.dumps({name: keys(SPACES.create(name, options.get(name)), random.Random(11))"
        " for name in SPACES.names()}))"
    )
    found: dict[str, list[str]] = json.loads(run(code, PYTHONHASHSEED="4242"))
    return found


def test_keys_are_the_same_in_another_process(
    space: SearchSpace, keys_elsewhere: dict[str, list[str]]
) -> None:
    rng = random.Random(11)
    here = [space.decode(space.sample(rng)).key() for _ in range(5)]
    assert keys_elsewhere[space.name] == here


def test_every_cell_is_drawn_without_overlap_and_told_in_words(space: SearchSpace) -> None:
    rng = random.Random(12)
    for _ in range(20):
        arch = space.decode(space.sample(rng))
        assert overlap_faults(arch) == []
        for cell in arch.cells:
            assert cell_svg(arch, cell.name).startswith("<svg")
            assert cell_text(arch, cell.name).startswith(f"{cell.name} cell")
        assert set(barcode(arch)) <= {entry.family for entry in OPS.values()}


def run(code: str, **env: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return done.stdout


PLUGIN = '''
"""A space of one choice, as somebody else would add it."""

from searchspaces import Choice, SearchSpace
from searchspaces.arch import Arch, Cell, Node
from searchspaces.chain import Chain


class Pair(SearchSpace):
    """One operation out of two."""

    name = "pair"

    def __init__(self, *, wide: bool = False) -> None:
        self.choices = (Choice("op", "op", ("sep", "conv")),)

    def decode(self, decisions):
        op = ("sep_3x3", "conv_3x3")[self.check(decisions)[0]]
        return Arch(self.name, (Cell("chain", 1, (Node(op, (0,)),), (1,)),))

    def build(self, arch, task, scale):
        return Chain(arch.cell("chain"), task, scale)
'''


def test_a_new_file_in_a_plugin_folder_is_a_space_without_any_other_edit(tmp_path: Path) -> None:
    folder = tmp_path / "searchspaces"
    folder.mkdir()
    (folder / "pair.py").write_text(PLUGIN)
    code = (
        "from searchspaces.catalog import SPACES; space = SPACES.create('pair', {'wide': True}); "
        "print(','.join(SPACES.names()), space.size, space.decode((1,)).cells[0].nodes[0].op, "
        "*SPACES.schema('pair')['properties'])"
    )
    names, size, op, option = run(code, NAS_PLUGINS=str(tmp_path)).split()
    assert set(SPACES.names()) | {"pair"} == set(names.split(","))
    assert (size, op, option) == ("2", "conv_3x3", "wide")


def test_an_unknown_space_and_a_bad_option_are_refused_with_what_is_known() -> None:
    with pytest.raises(RegistryError, match="unknown search space 'nasnot'; known: amoebanet, "):
        SPACES.create("nasnot")
    with pytest.raises(RegistryError, match=r"unknown option 'block' .*known: blocks"):
        SPACES.create("nasnet", {"block": 3})
    with pytest.raises(RegistryError, match=r"'blocks' of search space 'nasnet'.*got 0"):
        SPACES.create("nasnet", {"blocks": 0})
