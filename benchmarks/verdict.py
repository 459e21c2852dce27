"""How often the verdict is right: searches on tables, their rewards true and shuffled.

    python benchmarks/verdict.py [--seeds 100] [--trials 100] [--synthetic 2] [--controllers ...]

A search with a random arm of a quarter, for every table, controller and seed: once with the table's
rewards and once with the same rewards shuffled among the architectures, where nothing can be
learned. Tables are NAS-Bench-201 (where $NAS_SHARED_DATA or ../shared/data has it) and made-up ones
of another shape. Prints Markdown: how many of the searches got each verdict.
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from machine import ROOT, describe

from nas.bench.lookup import read_lookup
from nas.bench.synthetic import write_synthetic
from nas.controllers.catalog import CONTROLLERS
from nas.honesty.arms import Arms
from nas.honesty.verdict import Measured, Verdict, lift
from nas.trial import Result

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nas.bench.lookup import Lookup
    from searchspaces import SearchSpace

FRACTION = 0.25
UNSEEN = 10  # as in search_quality.py: tables below it were used to choose defaults
CHOSEN = ("surrogate", "evolution", "local_search", "reinforce", "ppo")


def tables(folder: Path, synthetic: int) -> Iterator[tuple[str, Lookup]]:
    """Yield tables by name."""
    data = Path(os.environ.get("NAS_SHARED_DATA", ROOT.parent / "shared" / "data"))
    path = data / "nasbench201-cifar10.csv"
    if path.exists():
        columns = ("cifar10_val_12ep", "cifar10_test_200ep")
        yield "nasbench201", read_lookup(str(path), "nasbench201", *columns)
    for number in range(UNSEEN, UNSEEN + synthetic):
        made = write_synthetic(folder / f"{number}.csv", number)
        yield f"synthetic-{number}", read_lookup(str(made), "table", "seen", "final")


def judged(
    space: SearchSpace, rewards: Mapping[tuple[int, ...], float], name: str, seed: int, trials: int
) -> Verdict:
    """Return the verdict of one search."""
    controller = Arms(CONTROLLERS.create(name, space=space, seed=seed), FRACTION)
    known: dict[str, float] = {}
    found = []
    for number in range(trials):
        (proposal,) = controller.ask(1)
        key = space.decode(proposal.decisions).key()
        reward = known.setdefault(key, rewards[proposal.decisions])
        controller.tell(Result(number, proposal, reward, {}))
        found.append(Measured(proposal, key, reward))
    result = lift(found)
    return Verdict.NOT_SHOWN if result is None else result.verdict


def shuffled(rewards: Mapping[tuple[int, ...], float], seed: int) -> dict[tuple[int, ...], float]:
    """Return the same rewards, each on another architecture."""
    values = list(rewards.values())
    random.Random(seed).shuffle(values)
    return dict(zip(rewards, values, strict=True))


def main() -> None:
    """Print a row for each table, controller and kind of rewards."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--synthetic", type=int, default=2, help="made-up tables")
    parser.add_argument("--controllers", default=",".join(CHOSEN))
    given = parser.parse_args()
    machine = describe()
    print(f"{machine['cpu']}, {machine['cores']} cores, commit {machine['commit']};")
    print(f"{given.seeds} seeds, {given.trials} trials, a quarter of them random\n")
    print("| table | controller | rewards | better | not shown | worse |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="nas-bench-") as folder:
        for title, table in tables(Path(folder), given.synthetic):
            for name in given.controllers.split(","):
                for kind in ("true", "shuffled"):
                    counts: Counter[Verdict] = Counter()
                    for seed in range(given.seeds):
                        same = kind == "true"
                        rewards = table.search if same else shuffled(table.search, seed)
                        counts[judged(table.space, rewards, name, seed, given.trials)] += 1
                    cells = " | ".join(str(counts[verdict]) for verdict in Verdict)
                    print(f"| {title} | {name} | {kind} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
