"""What the zoo says of a network, as data: for the command line, the API and the page.

Costs at the size of the paper are on record in costs.csv, so that a list of all networks needs no
minutes, and all that is said of them in entries.json, so that it needs no torch. `make zoo-page`
writes both, and the contract test of the zoo holds them against the networks.
"""

from __future__ import annotations

import csv
import json
import os
from dataclasses import asdict
from fnmatch import fnmatch
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.zoo.catalog import ZOO

if TYPE_CHECKING:
    from nas.profile import Profile
    from nas.zoo import ZooModel
    from searchspaces import Task

RECORD = Path(__file__).with_name("costs.csv")
ENTRIES = Path(__file__).with_name("entries.json")
COSTS = ("params", "madds", "memory_peak", "memory_sum")  # as nas.profile.Profile has them


def entries(pattern: str = "*") -> list[dict[str, Any]]:
    """Return the networks whose names match a shell pattern, by name, as they are on record.

    Where a plug-in folder has networks too, all are asked, for which torch is loaded.
    """
    if _plugged_in():
        return [entry(name) for name in ZOO.names() if fnmatch(name, pattern)]
    return [one for one in kept() if fnmatch(one["name"], pattern)]


def entry(name: str) -> dict[str, Any]:
    """Return a network and what it costs at the size of its paper; RegistryError if unknown."""
    model = ZOO.create(name)
    known = recorded().get(name)
    return describe(model, model.task, known or costs(measure(model, model.task)))


def describe(model: ZooModel, task: Task, cost: dict[str, int]) -> dict[str, Any]:
    """Return a network of the zoo at one size, with ``cost`` by the names of ``COSTS``."""
    return {
        "name": model.name,
        "title": model.title,
        "year": model.year,
        "idea": model.idea,
        "channels": task.channels,
        "height": task.height,
        "width": task.width,
        "classes": task.classes,
        "params": cost["params"],
        "madds": cost["madds"],
        "memory_peak_bytes": cost["memory_peak"],
        "memory_sum_bytes": cost["memory_sum"],
        "paper": asdict(model.paper),
        "recipe": asdict(model.recipe) if model.recipe else None,
    }


def measure(model: ZooModel, task: Task, *, open_sequences: bool = False) -> Profile:
    """Return the profile of a network of the zoo; nothing is allocated."""
    import torch

    from nas.profile import profile

    with torch.device("meta"):
        return profile(model.build(task), task, open_sequences=open_sequences)


def costs(cost: Profile) -> dict[str, int]:
    """Return the numbers of a profile that are on record."""
    return {name: getattr(cost, name) for name in COSTS}


@lru_cache(maxsize=1)
def recorded() -> dict[str, dict[str, int]]:
    """Return the costs on record by network."""
    with RECORD.open(newline="", encoding="utf-8") as file:
        return {
            row.pop("name"): {k: int(v) for k, v in row.items()} for row in csv.DictReader(file)
        }


@lru_cache(maxsize=1)
def kept() -> tuple[dict[str, Any], ...]:
    """Return the networks on record, by name."""
    return tuple(json.loads(ENTRIES.read_text(encoding="utf-8")))


def _plugged_in() -> bool:
    folders = filter(None, os.environ.get("NAS_PLUGINS", "").split(os.pathsep))
    return any(any(Path(folder, "zoo").glob("*.py")) for folder in folders)


def record(found: dict[str, dict[str, int]]) -> None:
    """Write the costs of all networks, and then what is said of each."""
    with RECORD.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ("name", *COSTS), lineterminator="\n")
        writer.writeheader()
        writer.writerows({"name": name} | cost for name, cost in sorted(found.items()))
    recorded.cache_clear()
    lines = [json.dumps(entry(name), ensure_ascii=False) for name in sorted(found)]
    ENTRIES.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")
    kept.cache_clear()
