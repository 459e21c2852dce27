"""What must hold for random architectures of any space; tests ask for few, the benchmark for many.

Every check returns the faults it found, as lines of text.
"""

from __future__ import annotations

import hashlib
from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import nn

from nas.export import Subject
from nas.export.card import write_card
from nas.export.catalog import EXPORTERS
from nas.export.compare import compare, outputs, random_batches
from nas.export.errors import ExportError
from nas.export.facts import Card
from searchspaces import SearchSpace, Task
from searchspaces.arch import Arch, Cell, Node
from searchspaces.draw_graph import boxes_of
from searchspaces.draw_layout import lay_out
from searchspaces.scale import Scale

if TYPE_CHECKING:
    import random
    from pathlib import Path

SMALL, GREY = Scale(cells=1, filters=4), Task(1, 8, 8, 10)


def shuffled(
    cell: Cell, rng: random.Random, *, concats: bool = True
) -> tuple[Cell, dict[int, int]]:
    """Return an isomorphic cell, nodes in another legal order and operands swapped.

    The second result gives the new number of each value. Without ``concats`` nothing that is
    concatenated changes its order.
    """
    new = {value: value for value in range(cell.inputs)}
    waiting = dict(enumerate(cell.nodes, cell.inputs))
    nodes: list[Node] = []
    while waiting:
        ready = [v for v, node in waiting.items() if all(s in new for s in node.inputs)]
        value = rng.choice(ready)
        node = waiting.pop(value)
        read = [new[source] for source in node.inputs]
        if concats or "concat" not in node.op:
            rng.shuffle(read)
        new[value] = cell.inputs + len(nodes)
        nodes.append(Node(node.op, tuple(read), node.args))
    out = [new[value] for value in cell.outputs]
    if concats:
        rng.shuffle(out)
    return Cell(cell.name, cell.inputs, tuple(nodes), tuple(out)), new


def relabelled(arch: Arch, rng: random.Random) -> Arch:
    """Return an isomorphic architecture."""
    return Arch(arch.space, tuple(shuffled(cell, rng)[0] for cell in arch.cells))


def with_dead_nodes(arch: Arch, rng: random.Random) -> Arch:
    """Return the architecture with nodes added that nothing reads."""

    def grown(cell: Cell) -> Cell:
        nodes = list(cell.nodes)
        for _ in range(rng.randint(1, 3)):
            value = rng.randrange(cell.inputs + len(nodes))
            nodes.append(Node("sep_3x3", (value,)))
        return Cell(cell.name, cell.inputs, tuple(nodes), cell.outputs)

    return Arch(arch.space, tuple(grown(cell) for cell in arch.cells))


def key_faults(space: SearchSpace, rng: random.Random, count: int) -> list[str]:
    """Return random points whose isomorphic forms have other keys."""
    found = []
    for _ in range(count):
        point = space.sample(rng)
        arch = space.decode(point)
        found += [
            f"{space.name} {point}: another key once {change.__name__}"
            for change in (relabelled, with_dead_nodes)
            if change(arch, rng).key() != arch.key()
        ]
    return found


def renamed(network: nn.Module, moved: dict[str, dict[int, int]]) -> dict[str, torch.Tensor]:
    """Return the state of a network under the names it has once the values are renumbered.

    A module with a ``cell`` keeps the modules of its nodes in ``ops``, by number.
    """
    state = {}
    for name, tensor in network.state_dict().items():
        before, found, after = name.rpartition("ops.") if ".ops." in f".{name}" else (name, "", "")
        place = name
        if found:
            owner = network.get_submodule(before.rstrip("."))
            number, _, rest = after.partition(".")
            new = moved[owner.cell.name][int(number) + owner.cell.inputs]
            place = f"{before}ops.{new - owner.cell.inputs}.{rest}"
        state[place] = tensor
    return state


def mapping_faults(space: SearchSpace, rng: random.Random, count: int) -> list[str]:
    """Return random points that compute something else when relabelled and given their weights."""
    found = []
    x = torch.randn(2, 1, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for _ in range(count):
        point = space.sample(rng)
        arch = space.decode(point)
        # The cells as they are built, so that modules and nodes have the same numbers.
        moved = {c.name: shuffled(c.without_zeros(), rng, concats=False) for c in arch.cells}
        other = Arch(arch.space, tuple(cell for cell, _ in moved.values()))
        one, two = (space.build(a, GREY, SMALL).double().eval() for a in (arch, other))
        two.load_state_dict(renamed(one, {name: new for name, (_, new) in moved.items()}))
        if not torch.allclose(two(x), one(x), rtol=1e-9, atol=1e-12):
            found.append(f"{space.name} {point}: other logits once relabelled")
    return found


def fingerprint(space: SearchSpace, arch: Arch) -> torch.Tensor:
    """Return what a network computes with weights that depend on their shape alone.

    Isomorphic architectures give equal numbers: weights are the same for all channels that come
    in, so that the order of a concatenation does not matter.
    """
    network = space.build(arch, GREY, SMALL).double().eval()
    with torch.no_grad():
        for name, p in network.named_parameters():
            if p.dim() == 1 and name.endswith("bias"):
                p.zero_()  # those of normalisations are zero anyway, and their weights one
            elif p.dim() > 1:
                # Of a depthwise convolution the channels that come in are those that go out.
                depthwise = p.dim() == 4 and p.shape[1] == 1 and p.shape[0] > 1
                p.copy_(_weights(1 if depthwise else p.shape[0], p.shape[2:]).expand_as(p))
        generator = torch.Generator().manual_seed(1)
        x = torch.randn(4, 1, 8, 8, dtype=torch.float64, generator=generator)
        logits: torch.Tensor = network(x)
    return logits


def _weights(rows: int, pixels: torch.Size) -> torch.Tensor:
    seed = int(hashlib.sha256(str(tuple(pixels)).encode()).hexdigest()[:8], 16)
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(64, *pixels, dtype=torch.float64, generator=generator)
    return values[torch.arange(rows) % 64].unsqueeze(1)


def stranger_faults(
    space: SearchSpace, rng: random.Random, pairs: int
) -> tuple[list[str], dict[str, int]]:
    """Return pairs of one key that compute different things, and how many pairs were what."""
    found, counts = [], {"one key": 0, "other keys": 0, "other outputs": 0}
    for _ in range(pairs):
        point = space.sample(rng)
        other = space.mutate(point, rng)
        one, two = space.decode(point), space.decode(other)
        prints = fingerprint(space, one), fingerprint(space, two)
        scale = prints[0].abs().max().clamp_min(1e-30)
        same = bool(((prints[0] - prints[1]).abs() <= 1e-9 * scale).all())
        counts["one key" if one.key() == two.key() else "other keys"] += 1
        counts["other outputs"] += not same
        if one.key() == two.key() and not same:
            found.append(f"{space.name} {point} and {other}: one key, other outputs")
    return found, counts


def training_faults(space: SearchSpace, rng: random.Random, count: int, folder: Path) -> list[str]:
    """Return random points that cannot be built, trained a step, exported and loaded back."""
    found = []
    for number in range(count):
        point = space.sample(rng)
        arch = space.decode(point)
        place = folder / str(number)
        place.mkdir()
        try:
            _train_and_load(space, arch, place)
        except (ExportError, RuntimeError, ValueError) as error:
            found.append(f"{space.name} {point}: {error}")
    return found


def _train_and_load(space: SearchSpace, arch: Arch, folder: Path) -> None:
    model = space.build(arch, GREY, SMALL)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.01)
    before = [p.detach().clone() for p in model.parameters()]
    logits = model(torch.randn(4, 1, 8, 8))
    nn.functional.cross_entropy(logits, torch.arange(4)).backward()
    optimiser.step()
    if all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True)):
        raise ValueError("no weight moved")
    classes = tuple(f"class {n}" for n in range(GREY.classes))
    card = Card.of({"classes": classes, "mean": (0.5,), "std": (0.5,)}, GREY)
    subject = Subject(model.eval(), arch, GREY, SMALL, card)
    exporter = EXPORTERS.create("safetensors")
    write_card(folder, subject)
    exporter.write(folder, subject)
    batches = random_batches(GREY)
    compare(exporter.file, outputs(model, batches), exporter.run(folder, batches))


def inverse_faults(space: SearchSpace, rng: random.Random, count: int) -> list[str]:
    """Return random points that JSON or encode does not give back."""
    found = []
    for _ in range(count):
        point = space.sample(rng)
        arch = space.decode(point)
        back = Arch.from_json(arch.to_json())
        if back != arch or back.key() != arch.key():
            found.append(f"{space.name} {point}: JSON gives another architecture")
        if space.decode(space.encode(back)) != arch:
            found.append(f"{space.name} {point}: encode gives another architecture")
    return found


def overlap_faults(arch: Arch) -> list[str]:
    """Return the cells in whose drawing two boxes of one layer overlap."""
    found = []
    for cell in arch.cells:
        layout = lay_out(boxes_of(cell.pruned()))
        rows: dict[float, list[tuple[float, float]]] = {}
        for node, x in layout.x.items():
            half = layout.box_width(node) / 2
            rows.setdefault(layout.top[node], []).append((x - half, x + half))
        if any(a[1] >= b[0] for row in rows.values() for a, b in pairwise(sorted(row))):
            found.append(f"{arch.space}: boxes of cell {cell.name} overlap")
    return found
