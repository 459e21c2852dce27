"""Plays every controller with every seed, in processes, and keeps each game as it ends.

Games are lines of JSON in a journal. Each names its setup (table, columns, controller, options,
seed, trials), so that a run that was interrupted, or asked for more seeds, plays what is missing.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from nas.bench.lookup import Lookup, read_lookup
from nas.bench.play import Game, play
from nas.controllers.catalog import CONTROLLERS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

CHUNK = 4  # games that a process is handed at once


@dataclass(frozen=True)
class Setup:
    """A benchmark: the table and its columns, controllers with their options, budget and seeds."""

    table: str
    space: str
    search_column: str
    score_column: str
    controllers: tuple[str, ...]
    trials: int
    seeds: int
    options: dict[str, dict[str, Any]] = field(default_factory=dict)

    def read(self) -> Lookup:
        """Return the table; raise RegistryError for a wrong name, option, file or column."""
        for name in self.controllers:
            CONTROLLERS.check(name, self.options.get(name, {}))
        return read_lookup(self.table, self.space, self.search_column, self.score_column)

    def mark(self, controller: str) -> str:
        """Return 16 hex digits of everything but the seed that a game depends on."""
        parts = [
            hashlib.sha256(Path(self.table).expanduser().read_bytes()).hexdigest(),
            self.space,
            self.search_column,
            self.score_column,
            controller,
            CONTROLLERS.check(controller, self.options.get(controller, {})),
            self.trials,
        ]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def run(
    setup: Setup,
    journal: Path | None = None,
    *,
    jobs: int = 1,
    progress: Callable[[str, int, int], None] = lambda *_: None,
) -> dict[str, list[Game]]:
    """Return the games of each controller by seed; ``progress(controller, done, seeds)``."""
    lookup = setup.read()
    marks = {name: setup.mark(name) for name in setup.controllers}
    done = _read(journal, marks)
    missing = [
        (name, seed)
        for name in setup.controllers
        for seed in range(setup.seeds)
        if (name, seed) not in done
    ]
    for name in setup.controllers:
        progress(name, setup.seeds - sum(n == name for n, _ in missing), setup.seeds)
    for name, seed, game in _played(setup, lookup, missing, jobs):
        done[name, seed] = game
        if journal is not None:
            _append(journal, {"setup": marks[name], "seed": seed, **asdict(game)})
        progress(name, sum(key[0] == name and key[1] < setup.seeds for key in done), setup.seeds)
    return {name: [done[name, seed] for seed in range(setup.seeds)] for name in setup.controllers}


def _read(journal: Path | None, marks: dict[str, str]) -> dict[tuple[str, int], Game]:
    """Return the games of these setups; a last line that was cut off is passed over."""
    names = {mark: name for name, mark in marks.items()}
    found: dict[tuple[str, int], Game] = {}
    if journal is None or not journal.exists():
        return found
    for line in journal.read_text(encoding="utf-8").splitlines():
        try:
            entry = json.loads(line)
        except json.JSONDecodeError:
            continue
        name = names.get(entry.pop("setup", ""))
        seed = entry.pop("seed", 0)
        if name is not None:
            found[name, seed] = Game(**entry)
    return found


def _append(journal: Path, entry: dict[str, Any]) -> None:
    with journal.open("a+b") as file:
        if file.tell() and not _ends_a_line(file):
            file.write(b"\n")  # what a killed run left behind
        file.write(json.dumps(entry).encode() + b"\n")


def _ends_a_line(file: Any) -> bool:
    file.seek(-1, 2)
    return bool(file.read(1) == b"\n")


def _played(
    setup: Setup, lookup: Lookup, missing: list[tuple[str, int]], jobs: int
) -> Iterable[tuple[str, int, Game]]:
    if jobs == 1 or len(missing) < 2:
        with threadpool_limits(1):
            for name, seed in missing:
                options = setup.options.get(name)
                yield name, seed, play(lookup, name, seed, setup.trials, options)
        return
    chunks = [missing[i : i + CHUNK] for i in range(0, len(missing), CHUNK)]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, _begin, (setup,)) as pool:
        for future in as_completed([pool.submit(_work, chunk) for chunk in chunks]):
            yield from future.result()


class _Process:
    """What a process of the pool keeps between its chunks."""

    setup: Setup
    lookup: Lookup


def _begin(setup: Setup) -> None:
    """Prepare a process: one thread for each, and the table read once."""
    threadpool_limits(1)
    torch.set_num_threads(1)
    _Process.setup, _Process.lookup = setup, setup.read()


def _work(chunk: list[tuple[str, int]]) -> list[tuple[str, int, Game]]:
    setup, lookup = _Process.setup, _Process.lookup
    return [
        (name, seed, play(lookup, name, seed, setup.trials, setup.options.get(name)))
        for name, seed in chunk
    ]
