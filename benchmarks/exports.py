"""Every network in every export format: written, loaded back, run, compared with the original.

    python benchmarks/exports.py [--only PATTERN ...] [--format NAME ...]

Two random architectures of each search space and all of the zoo, at the smallest sensible images,
with weights and batch statistics that a fresh network would hide. Batches of 1 and 7 images.
exports.json is written after each network, and a run that was interrupted goes on where it was;
exports.md is the summary. With --format these formats are checked again, and what was found of the
others stays.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import replace
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from machine import describe
from torch import nn

from nas.export import Exporter, ExportError, Subject
from nas.export.card import write_card
from nas.export.catalog import EXPORTERS
from nas.export.compare import TIMES, compare, difference, exactly, outputs, random_batches
from nas.export.facts import Card
from nas.seeding import seeded
from nas.zoo.built import BuiltModel
from nas.zoo.catalog import ZOO
from searchspaces import Task
from searchspaces.catalog import SPACES
from searchspaces.scale import Scale

if TYPE_CHECKING:
    from collections.abc import Callable

ARCHITECTURES = 2  # of each space
SMALL = Scale(filters=6, auxiliary=True)
TASK = Task(3, 32, 32, 5)
ROUNDED = (
    "Random weights of a hundred layers magnify rounding as trained ones do not. These networks in "
    f"float32 are themselves so far off what float64 gives that the file is at most {TIMES} times "
    "as far away. `nas export` accepts such files."
)
CIFAR, IMAGENET = 32, 64  # pixels of a side, by the stem


def trained_looking(model: nn.Module, task: Task) -> nn.Module:
    """Give batch normalisation statistics and weights that a fresh network would hide.

    The statistics are those of noise, as training would find them: with others the signals of a
    thousand layers overflow, and those of a hundred grow until rounding is all that is compared.
    """
    generator = torch.Generator().manual_seed(0)
    layers = [
        one for one in model.eval().modules() if isinstance(one, nn.modules.batchnorm._BatchNorm)
    ]
    with torch.no_grad():
        for layer in layers:
            count = layer.num_features
            layer.weight.copy_(torch.rand(count, generator=generator) + 0.5)
            layer.bias.copy_(0.3 * torch.randn(count, generator=generator))
            layer.reset_running_stats()
            layer.momentum = None  # the mean over all batches, here of one
            layer.train()
        model(torch.randn((16, task.channels, task.height, task.width), generator=generator))
    return model.eval()


def card(task: Task, title: str, zoo: str | None) -> Card:
    """Return a card that says nothing but what is needed."""
    names = tuple(f"class {number}" for number in range(task.classes))
    middle = (0.5,) * task.channels
    return Card(title=title, zoo=zoo, classes=names, mean=middle, std=middle)


def searched(space_name: str, seed: int) -> Subject:
    """Return a random architecture of a space."""
    space = SPACES.create(space_name)
    arch = space.decode(space.sample(random.Random(seed)))
    with seeded(seed, torch.device("cpu")):
        model = space.build(arch, TASK, SMALL)
    return Subject(
        trained_looking(model, TASK), arch, TASK, SMALL, card(TASK, f"{space_name} {seed}", None)
    )


def published(name: str) -> Subject:
    """Return a network of the zoo for small images."""
    entry = ZOO.create(name)
    if isinstance(entry, BuiltModel):
        side = max(CIFAR, entry.row.least)
    else:
        side = IMAGENET if entry.scale.stem == "imagenet" else CIFAR
    task = replace(entry.task, height=side, width=side, classes=5)
    with seeded(0, torch.device("cpu")):
        model = trained_looking(entry.build(task), task)
    arch, scale = getattr(entry, "arch", None), getattr(entry, "scale", None)
    return Subject(model, arch, task, scale, card(task, name, name))


def networks() -> dict[str, Callable[[], Subject]]:
    """Return what makes each network, by name: first one of every space and family of the zoo."""
    found: list[tuple[int, str, Callable[[], Subject]]] = []
    for name, cls in SPACES.classes().items():
        if cls.buildable:
            found += [
                (seed, f"space {name} {seed}", partial(searched, name, seed))
                for seed in range(ARCHITECTURES)
            ]
    seen: dict[str, int] = {}
    for name in sorted(ZOO.names(), key=shallow):
        family = ZOO.get(name).__module__
        seen[family] = seen.get(family, -1) + 1
        found.append((seen[family], f"zoo {name}", partial(published, name)))
    return {name: make for _, name, make in sorted(found, key=lambda one: one[0])}


def shallow(name: str) -> tuple[int, str]:
    """Order by depth, as far as a name says it."""
    digits = "".join(c if c.isdigit() else " " for c in name).split()
    return max(map(int, digits), default=0), name


def check(exporter: Exporter, folder: Path, subject: Subject) -> dict[str, Any]:
    """Write, run and compare one format; return the figures, or what went wrong."""
    refused = exporter.refusal(subject) or exporter.missing()
    if refused:
        return {"state": "not offered", "why": refused}
    begun = time.perf_counter()
    try:
        exporter.write(folder, subject)
        batches = random_batches(subject.task)
        wanted = outputs(exporter.kept(subject.model), batches)
        given = exporter.run(folder, batches)
        seconds = round(time.perf_counter() - begun, 2)
        worst = max(difference(a, b) for a, b in zip(wanted, given, strict=True))
        found = {"worst": worst, "bytes": (folder / exporter.file).stat().st_size}
        if worst > exporter.tolerance:
            exact = exactly(exporter.kept(subject.model), batches)
            compare(exporter.file, wanted, given, exporter.tolerance, lambda: exact)
            own = max(difference(a, b.double()) for a, b in zip(exact, wanted, strict=True))
            return {"state": "rounding", **found, "rounding": own, "seconds": seconds}
        compare(exporter.file, wanted, given, exporter.tolerance)
    except ExportError as error:
        return {"state": "failed", "why": str(error)}
    return {"state": "held", **found, "seconds": seconds}


def check_all(make: Callable[[], Subject], formats: list[str]) -> dict[str, Any]:
    """Return the figures of formats of one network, weights first."""
    subject = make()
    names = ["safetensors", *(name for name in formats if name != "safetensors")]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write_card(folder, subject)
        return {name: check(EXPORTERS.create(name), folder, subject) for name in names}


def again_lines(again: dict[str, dict[str, str]]) -> list[str]:
    """Return when formats were checked again, and with how many networks."""
    return [
        f"Again, {name}: {count} networks, {said}."
        for name, found in again.items()
        for said, count in Counter(found.values()).items()
    ]


def page(report: dict[str, Any], total: int) -> str:
    """Return the summary as Markdown."""
    about, results = report["machine"], report["networks"]
    lines = [
        "# Every network in every format",
        "",
        f"`make bench-exports`, {report['date']}, commit {about['commit']}: {about['cpu']}, torch "
        f"{about['torch']}. {len(results)} of {total} networks: {ARCHITECTURES} random "
        "architectures of each search space, and the zoo at the smallest sensible images. Loaded "
        "back and run on batches of 1 and 7 images; the difference of a logit is a share of the "
        "usual distance of its image's logits from their middle (until commit da44b7a: of the "
        "largest logit of its image, where that exceeds 1).",
        *again_lines(report.get("again", {})),
        "",
        "| format | held | largest difference | let through | held as rounding | not offered "
        "| failed |",
        "|---|---|---|---|---|---|---|",
    ]
    failures, strays = [], []
    for name in EXPORTERS.names():
        found = {network: one[name] for network, one in results.items() if name in one}
        held = [one for one in found.values() if one["state"] == "held"]
        failed = {n: one["why"] for n, one in found.items() if one["state"] == "failed"}
        rounded = [f"{n} ({o['worst']:.1e})" for n, o in found.items() if o["state"] == "rounding"]
        if rounded:
            strays.append(f"- {name}: {', '.join(rounded)}")
        absent = sum(one["state"] == "not offered" for one in found.values())
        worst = max((one["worst"] for one in held), default=0.0)
        lines.append(
            f"| {name} | {len(held)} | {worst:.1e} | {EXPORTERS.get(name).tolerance:.0e} | "
            f"{len(rounded)} | {absent} | {len(failed)} |"
        )
        failures += [f"- {network}, {name}: {why}" for network, why in failed.items()]
    if strays:
        lines += ["", "## Held as rounding", "", ROUNDED, "", *strays]
    if failures:
        lines += ["", "## Failed", "", *failures]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Check, write, and return 0 where nothing failed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--only", nargs="+", default=["*"], help="patterns of names, such as 'zoo resnet*'"
    )
    parser.add_argument("--format", nargs="+", choices=EXPORTERS.names(), help="check these again")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results")
    given = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    given.output.mkdir(parents=True, exist_ok=True)
    file = given.output / "exports.json"
    before = json.loads(file.read_text()) if file.exists() else {}
    results, again = before.get("networks", {}), before.get("again", {})
    makers = networks()
    for number, (name, make) in enumerate(makers.items(), 1):
        done = name in results and not given.format
        if done or not any(fnmatch(name, pattern) for pattern in given.only):
            continue
        found = check_all(make, given.format or EXPORTERS.names())
        results[name] = results.get(name, {}) | found
        about = {"date": time.strftime("%Y-%m-%d", time.gmtime()), "machine": describe()}
        if given.format and before:  # the rest was found by an earlier run
            said = f"{about['date']}, commit {about['machine']['commit']}"
            again |= {one: again.get(one, {}) | {name: said} for one in given.format}
            about = {one: before[one] for one in about}
        report = {**about, "again": again, "networks": results}
        file.write_text(json.dumps(report, indent=1) + "\n")
        (given.output / "exports.md").write_text(page(report, len(makers)))
        states = {name: one["state"] for name, one in found.items()}
        bad = [f for f, state in states.items() if state == "failed"]
        print(f"{number}/{len(makers)} {name}: {'FAILED ' + ', '.join(bad) if bad else 'held'}")
    return int(any(o["state"] == "failed" for one in results.values() for o in one.values()))


if __name__ == "__main__":
    sys.exit(main())
