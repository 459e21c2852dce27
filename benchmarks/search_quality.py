"""Every controller, default options, on NAS-Bench-201 and on made-up tables of another shape.

    python benchmarks/search_quality.py --seeds 200 --synthetic 2 --out quality/

Writes one JSON file of rows and one SVG for each table into the folder, goes on where it was
interrupted, and prints the tables of docs/controllers.md as Markdown.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

from machine import ROOT, describe

from nas.bench.plot import draw_curves
from nas.bench.run import Setup, run
from nas.bench.summary import Row, summarise
from nas.bench.synthetic import write_synthetic
from nas.controllers.catalog import CONTROLLERS

BUDGETS = (20, 50, 100, 200)
UNSEEN = 10  # the first seed of a made-up table; tables below it were used to choose defaults


def setups(out: Path, controllers: tuple[str, ...], seeds: int, synthetic: int) -> dict[str, Setup]:
    """Return the benchmarks by name; NAS-Bench-201 only where its table is."""
    rest = (controllers, max(BUDGETS), seeds)
    data = Path(os.environ.get("NAS_SHARED_DATA", ROOT.parent / "shared" / "data"))
    table = data / "nasbench201-cifar10.csv"
    found = {}
    if table.exists():
        columns = ("cifar10_val_12ep", "cifar10_test_200ep")
        found["nasbench201"] = Setup(str(table), "nasbench201", *columns, *rest)
    for number in range(UNSEEN, UNSEEN + synthetic):
        path = write_synthetic(out / f"synthetic-{number}.csv", number)
        found[f"synthetic-{number}"] = Setup(str(path), "table", "seen", "final", *rest)
    return found


def markdown(rows: list[Row], digits: int) -> str:
    """Return mean and standard deviation of each controller, a column for each budget."""
    lines = ["| controller | " + " | ".join(f"T={t}" for t in BUDGETS) + " | ms a trial |"]
    lines.append("|---" * (len(BUDGETS) + 2) + "|")
    for name in dict.fromkeys(row.controller for row in rows):
        mine = [row for row in rows if row.controller == name]
        cells = [f"{row.mean:.{digits}f} ± {row.sd:.{digits}f}" for row in mine]
        lines.append(f"| {name} | " + " | ".join(cells) + f" | {mine[-1].step_ms:.2f} |")
    return "\n".join(lines)


def main() -> None:
    """Run what is missing and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--controllers", default=",".join(CONTROLLERS.names()))
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--synthetic", type=int, default=2, help="made-up tables")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("quality"))
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    names = tuple(given.controllers.split(","))
    print(json.dumps(describe()))
    for name, setup in setups(given.out, names, given.seeds, given.synthetic).items():
        games = run(setup, given.out / f"{name}.games", jobs=given.jobs)
        rows = summarise(games, BUDGETS, setup.read().best)
        text = json.dumps({"machine": describe(), "results": [row.to_json() for row in rows]})
        (given.out / f"{name}.json").write_text(text + "\n")
        draw_curves(given.out / f"{name}.svg", games, f"{name}, {given.seeds} seeds")
        print(f"\n{name}, {given.seeds} seeds\n\n{markdown(rows, 2 if rows[0].mean > 1 else 4)}")


if __name__ == "__main__":
    main()
