"""Ranks cells by zero-cost scores and compares with the accuracies of a NAS-Bench-201 table.

python benchmarks/zero_cost.py TABLE.csv COLUMN [--cells 60] [--images FILE.zip] [--seed 0]
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from pathlib import Path

import torch

from nas.bench.lookup import read_lookup
from nas.data import DataSpec, load_search
from nas.evaluators import Request
from nas.evaluators.zero_cost import ZeroCost
from nas.rank import kendall_tau, tau_interval
from nas.trial import TrialFailure
from nas.zero_cost import SCORES
from searchspaces.scale import Scale


def main() -> None:
    """Print tau with its interval, and the seconds for one cell, for every score."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table")
    parser.add_argument("column")
    parser.add_argument("--cells", type=int, default=60)
    parser.add_argument("--images", default="digits")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    torch.set_num_threads(1)
    lookup = read_lookup(given.table, "nasbench201", given.column, given.column)
    rng = random.Random(given.seed)
    with tempfile.TemporaryDirectory() as root:
        data = load_search(DataSpec(source=given.images, train_images=1000), 0, Path(root))
    evaluator = ZeroCost(lookup.space, data, scale=Scale(cells=1, filters=8))
    found, truth, failed = {name: [] for name in SCORES}, [], 0
    begun = time.perf_counter()
    for point in rng.sample(sorted(lookup.score), given.cells):
        request = Request(point, lookup.space.decode(point), seed=rng.getrandbits(31))
        try:
            scores = evaluator.evaluate(request, lambda *_: True)
        except TrialFailure:
            failed += 1
            continue
        truth.append(lookup.score[point])
        for name in SCORES:
            found[name].append(scores[name])
    seconds = (time.perf_counter() - begun) / given.cells
    print(f"{len(truth)} cells, {failed} without a finite score, {seconds:.2f} s a cell")
    for name in SCORES:
        low, high = tau_interval(found[name], truth)
        print(f"{name:>10}  tau {kendall_tau(found[name], truth):+.2f}  [{low:+.2f}, {high:+.2f}]")


if __name__ == "__main__":
    main()
