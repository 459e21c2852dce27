"""The bars for every space on a few random architectures; `make bench-spaces` takes thousands."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
import torch

from searchspaces.arch import Arch, Cell, Node
from searchspaces.catalog import SPACES
from searchspaces.toy import Toy
from tests.searchspaces import bars

if TYPE_CHECKING:
    from pathlib import Path

    from searchspaces import SearchSpace

NETWORKS = [name for name in SPACES.names() if SPACES.get(name).buildable]


@pytest.fixture(params=NETWORKS, scope="module")
def space(request: pytest.FixtureRequest) -> SearchSpace:
    return SPACES.create(request.param)


def test_isomorphic_cells_share_a_key(space: SearchSpace) -> None:
    assert bars.key_faults(space, random.Random(20), 300) == []


def test_json_and_encode_are_inverse(space: SearchSpace) -> None:
    assert bars.inverse_faults(space, random.Random(21), 300) == []


def test_different_functions_never_share_a_key(space: SearchSpace) -> None:
    faults, counts = bars.stranger_faults(space, random.Random(22), 10)
    assert faults == []
    assert counts["other outputs"] > 0  # the check can tell networks apart


def test_architectures_train_a_step_and_load_back_from_their_export(
    space: SearchSpace, tmp_path: Path
) -> None:
    assert bars.training_faults(space, random.Random(23), 5, tmp_path) == []


def test_fingerprints_are_those_of_functions_and_not_of_their_numbering(
    space: SearchSpace,
) -> None:
    rng = random.Random(24)
    arch = space.decode(space.sample(rng))
    one, two = (bars.fingerprint(space, a) for a in (arch, bars.relabelled(arch, rng)))
    torch.testing.assert_close(two, one, rtol=1e-9, atol=1e-12)


class Forgetful(Toy):
    """The toy space, but that two operations have one name: what the bars must find."""

    name = "forgetful"

    def decode(self, decisions):
        class Same(Arch):
            def key(self) -> str:
                return "0" * 16

        arch = super().decode(decisions)
        return Same(arch.space, arch.cells)


def test_the_bars_find_a_key_that_is_shared_by_different_functions() -> None:
    faults, counts = bars.stranger_faults(Forgetful(), random.Random(25), 5)
    assert counts["one key"] == 5
    assert len(faults) == counts["other outputs"] > 0


def test_the_bars_find_a_key_that_depends_on_the_numbering() -> None:
    class Literal(Arch):
        def key(self) -> str:
            return str(self.cells)

    class Numbered(Toy):
        name = "numbered"

        def decode(self, decisions):
            assert len(decisions) == 6
            nodes = (Node("sep_3x3", (0,)), Node("conv_3x3", (0,)), Node("add", (1, 2)))
            return Literal("numbered", (Cell("chain", 1, nodes, (3,)),))

    assert len(bars.key_faults(Numbered(), random.Random(26), 10)) > 5
