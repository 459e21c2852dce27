"""Times a step of the supernet against a step of the same child trained alone.

python benchmarks/shared_weights.py [--space nasnet] [--cells 1] [--filters 16] [--steps 12]
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from pathlib import Path

import torch

from nas.data import DataSpec, load_search
from nas.recipe import Recipe
from nas.supernet import Supernet
from searchspaces.catalog import SPACES
from searchspaces.scale import Scale


def main() -> None:
    """Print the median of the ratios of pairs of steps: shared weights over alone."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--space", default="nasnet")
    parser.add_argument("--cells", type=int, default=1)
    parser.add_argument("--filters", type=int, default=16)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--steps", type=int, default=12)
    given = parser.parse_args()
    torch.set_num_threads(1)
    space = SPACES.create(given.space, {})
    with tempfile.TemporaryDirectory() as root:
        spec = DataSpec(train_images=max(500, given.batch), image_size=given.size)
        data = load_search(spec, 0, Path(root))
    scale = Scale(cells=given.cells, filters=given.filters)
    recipe = Recipe(epochs=100, batch_size=given.batch)
    rng = random.Random(0)
    shared = Supernet(space, data, recipe, scale, seed=0)
    for _ in range(20):  # a bank of some size
        shared.bank.child(space.decode(space.sample(rng)))
    x = torch.randn(given.batch, data.task.channels, data.task.height, data.task.width)
    y = torch.arange(given.batch) % data.task.classes
    ratios, alone_seconds = [], []
    for _ in range(given.steps):
        arch = space.decode(space.sample(rng))
        alone = Supernet(space, data, recipe, scale, seed=0)
        child = alone.bank.child(arch)
        alone.bank.child = lambda _, child=child: child  # the same network in every step
        for net in (alone, shared):
            net.learn(arch, x, y)
        times = {}
        for turn in range(4):
            for net in (alone, shared) if turn % 2 else (shared, alone):
                begun = time.perf_counter()
                net.learn(arch, x, y)
                times.setdefault(net, []).append(time.perf_counter() - begun)
        ratios.append(min(times[shared]) / min(times[alone]))
        alone_seconds.append(min(times[alone]))
    print(
        f"{given.space}: {sum(p.numel() for p in shared.bank.weights.values()):,} shared weights; "
        f"a child alone {statistics.median(alone_seconds) * 1e3:.0f} ms a step; ratio median "
        f"{statistics.median(ratios):.3f} (from {min(ratios):.3f} to {max(ratios):.3f})"
    )


if __name__ == "__main__":
    main()
