"""Made-up tables of interacting choices, to see whether a controller was tuned to one table."""

from __future__ import annotations

import itertools
import math
import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

NOISE = 0.002  # standard deviation of what a search sees about the final value


def write_synthetic(path: Path, seed: int, *, places: int = 8, options: int = 3) -> Path:
    """Write a table with columns choice:c0, ..., ``seen`` and ``final``, both 0 to 1; return it.

    The log-odds of a point are the sum of normal effects of each option, and of each pair of
    options at ``places`` random pairs of places.
    """
    rng = random.Random(seed)
    pairs = rng.sample(list(itertools.combinations(range(places), 2)), places)
    picks = list(itertools.product(range(options), repeat=2))
    alone = {(place, o): rng.gauss(0, 1) for place in range(places) for o in range(options)}
    both = {(pair, pick): rng.gauss(0, 1) for pair in pairs for pick in picks}
    lines = [",".join([*(f"choice:c{place}" for place in range(places)), "seen", "final"])]
    for point in itertools.product(range(options), repeat=places):
        effects = [alone[place, option] for place, option in enumerate(point)]
        effects += [both[pair, (point[pair[0]], point[pair[1]])] for pair in pairs]
        final = 0.9 / (1 + math.exp(-sum(effects) / 4))
        seen = min(max(final + rng.gauss(0, NOISE), 0.0), 1.0)
        lines.append(",".join([*map(str, point), f"{seen:.5f}", f"{final:.5f}"]))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
