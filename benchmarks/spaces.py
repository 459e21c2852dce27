"""Holds every search space to its bars on thousands of random architectures; writes the results.

    python benchmarks/spaces.py [--share 1.0] [--only nasnet darts] [--out benchmarks/results]

For each space: 10,000 isomorphic pairs of one key, 10,000 points through JSON and encode, 200 pairs
of which one has the weights of the other, 2,000 pairs of neighbours of which none has one key and
other outputs, 200 architectures that train a step and load back from their export. Over all spaces:
1,000 drawings without overlap. ``--share 0.1`` takes a tenth of each. Results are spaces.json and
spaces.md, written after each space; once interrupted, the same command goes on (a space that stands
there with the same seed and share is not checked again, unless ``--again``). The exit code is 1 if
anything failed.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from machine import describe

from searchspaces.catalog import SPACES
from searchspaces.draw import cell_svg
from tests.searchspaces import bars

KEYS, INVERSES, MAPPINGS, STRANGERS, TRAININGS, DRAWINGS = 10_000, 10_000, 200, 2_000, 200, 1_000
HEADINGS = ("space", "keys", "inverses", "mappings", "pairs", "trained", "faults", "seconds")


def hold(name: str, share: float, seed: int) -> dict[str, Any]:
    """Return what was checked for one space, the faults, and the seconds it took."""
    space, begun = SPACES.create(name), time.perf_counter()

    def some(count: int) -> int:
        return max(1, round(count * share))

    def rng(check: str) -> random.Random:
        return random.Random(f"{seed} {name} {check}")

    strangers, counts = bars.stranger_faults(space, rng("strangers"), some(STRANGERS))
    with tempfile.TemporaryDirectory(prefix="nas-bench-") as folder:
        trained = bars.training_faults(space, rng("training"), some(TRAININGS), Path(folder))
    faults = [
        *bars.key_faults(space, rng("keys"), some(KEYS)),
        *bars.inverse_faults(space, rng("inverse"), some(INVERSES)),
        *bars.mapping_faults(space, rng("mapping"), some(MAPPINGS)),
        *strangers,
        *trained,
    ]
    return {
        "space": name,
        "size": str(space.size),
        "seed": seed,
        "share": share,
        "keys": some(KEYS),
        "inverses": some(INVERSES),
        "mappings": some(MAPPINGS),
        "pairs": counts,
        "trained": some(TRAININGS),
        "faults": faults,
        "seconds": round(time.perf_counter() - begun, 1),
    }


def draw(names: list[str], share: float, seed: int) -> dict[str, Any]:
    """Return the processor time that random cells over all spaces take, and which overlap."""
    rng, seconds, faults = random.Random(seed), [], []
    spaces = [SPACES.create(name) for name in names]
    for number in range(max(len(spaces), round(DRAWINGS * share))):
        space = spaces[number % len(spaces)]
        arch = space.decode(space.sample(rng))
        faults += bars.overlap_faults(arch)
        cell = rng.choice(arch.cells)
        begun = time.process_time()
        cell_svg(arch, cell.name)
        seconds.append(time.process_time() - begun)
    return {
        "drawings": len(seconds),
        "median_ms": round(1000 * statistics.median(seconds), 2),
        "slowest_ms": round(1000 * max(seconds), 2),
        "faults": faults,
    }


def table(result: dict[str, Any]) -> str:
    """Return the results as a page."""
    machine = result["machine"]
    lines = [
        "# Search spaces held to their bars",
        "",
        f"On {machine['cpu']}, {machine['cores']} cores, torch {machine['torch']}, commit "
        f"{machine['commit']}; seed {result['seed']}, share {result['share']:g}.",
        "",
        f"| {' | '.join(HEADINGS)} |",
        f"|{'---|' * len(HEADINGS)}",
    ]
    for row in result["spaces"]:
        pairs = sum(row["pairs"][key] for key in ("one key", "other keys"))
        shown = {**row, "pairs": f"{pairs:,}", "faults": len(row["faults"])}
        cells = (f"{v:,}" if isinstance(v := shown[h], int) else str(v) for h in HEADINGS)
        lines.append(f"| {' | '.join(cells)} |")
    if (drawn := result["drawings"]) is None:
        return "\n".join([*lines, ""])
    lines += [
        "",
        f"{drawn['drawings']:,} drawings, {len(drawn['faults'])} with boxes that overlap; median "
        f"{drawn['median_ms']} ms of processor time, slowest {drawn['slowest_ms']} ms.",
        "",
    ]
    return "\n".join(lines)


def known(path: Path, seed: int, share: float) -> dict[str, dict[str, Any]]:
    """Return by name the spaces that an earlier, interrupted call has checked in the same way."""
    if not path.exists():
        return {}
    rows = json.loads(path.read_text())["spaces"]
    return {row["space"]: row for row in rows if (row["seed"], row["share"]) == (seed, share)}


def main() -> int:
    """Hold the spaces to their bars and write the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--share", type=float, default=1.0, help="of the full numbers")
    parser.add_argument("--only", nargs="*", default=None, help="names of spaces")
    parser.add_argument("--again", action="store_true", help="check what stands there already too")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    given = parser.parse_args()
    torch.set_num_threads(1)
    given.out.mkdir(parents=True, exist_ok=True)
    path = given.out / "spaces.json"
    rows = {} if given.again else known(path, given.seed, given.share)
    result = {"machine": describe(), "seed": given.seed, "share": given.share, "drawings": None}

    def save() -> None:
        result["spaces"] = [rows[name] for name in sorted(rows)]
        path.write_text(json.dumps(result, indent=2) + "\n")
        path.with_suffix(".md").write_text(table(result))

    names = [name for name in SPACES.names() if SPACES.get(name).buildable]
    names = [name for name in names if given.only is None or name in given.only]
    for name in names:
        if name not in rows:
            rows[name] = hold(name, given.share, given.seed)
            save()
        print(f"{name}: {len(rows[name]['faults'])} faults, {rows[name]['seconds']} s", flush=True)
        for fault in rows[name]["faults"][:5]:
            print(f"  {fault}", flush=True)
    result["drawings"] = draw(names, given.share, given.seed)
    save()
    print(table(result))
    return int(any(row["faults"] for row in (*rows.values(), result["drawings"])))


if __name__ == "__main__":
    sys.exit(main())
