"""Writes the zoo's record, the tables of docs/zoo.md and its plots anew, from the networks.

    python benchmarks/zoo_page.py

Run it after adding a network; tests/contracts/test_zoo_contract.py fails until it was. Nothing is
trained: accuracies are the papers' or those of the weights that the zoo names.
"""

from __future__ import annotations

import re
from pathlib import Path

from nas.scatter import Dot, draw_scatter
from nas.zoo.built import BuiltModel
from nas.zoo.catalog import ZOO
from nas.zoo.entries import costs, entry, measure, record, recorded
from service.cli.zoo import markdown_row

ROOT = Path(__file__).resolve().parents[1]
PAGE, IMAGES = ROOT / "docs" / "zoo.md", ROOT / "docs" / "images"
TABLES = ("Built by hand", "Found by searches")
COSTS = {
    "madds": "multiply-adds",
    "params": "parameters",
    "memory_peak": "bytes of activations at once",
}
SETS = {"imagenet": "ImageNet", "cifar": "CIFAR-10"}


def rewrite(rows: dict[str, list[str]]) -> None:
    """Put the rows under the headings of their tables."""
    text = PAGE.read_text()
    for heading in TABLES:
        table = re.compile(rf"(## {heading}\n.*?\n\|[-|]+\|\n)(?:\| `.*?\n)+", re.DOTALL)
        lines = "".join(f"{row}\n" for row in rows[heading])
        text, count = table.subn(lambda found, lines=lines: found[1] + lines, text)
        if count != 1:
            raise SystemExit(f"{PAGE}: no table under {heading!r}")
    PAGE.write_text(text)


def main() -> None:
    """Write the page and the plots."""
    rows: dict[str, list[str]] = {heading: [] for heading in TABLES}
    dots: dict[tuple[str, str], list[Dot]] = {}
    record({name: costs(measure(ZOO.create(name), ZOO.get(name).task)) for name in ZOO.names()})
    for name, cost in recorded().items():
        model = ZOO.get(name)
        heading = TABLES[0 if issubclass(model, BuiltModel) else 1]
        rows[heading].append(markdown_row(entry(name)))
        shown = next((key for key, data in SETS.items() if model.paper.dataset == data), None)
        if shown is None or model.paper.top1 is None:
            continue
        for key in COSTS:
            dot = Dot(name, heading.lower(), cost[key], model.paper.top1)
            dots.setdefault((shown, key), []).append(dot)
    rewrite(rows)
    for (data, key), found in dots.items():
        path = IMAGES / f"zoo-{data}-{key.removesuffix('_peak')}.svg"
        draw_scatter(
            path,
            sorted(found, key=lambda dot: dot.group),
            title=f"{SETS[data]}: published accuracy against {COSTS[key]}, computed here",
            cost=COSTS[key],
            value="top-1, %",
        )
        print(f"{path.relative_to(ROOT)}: {len(found)} networks")


if __name__ == "__main__":
    main()
