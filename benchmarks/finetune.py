"""Transfer learning in its four cases: which strategy wins, which is recommended, 3 seeds.

    python benchmarks/finetune.py [--images cifar10-images.zip] [--seeds 3] [--only CASE]

A searched cell (NASNet-A, small) is trained on six classes of CIFAR-10 at 16 pixels. Its weights
are then fine-tuned on four other classes (similar) and on scikit-learn's digits (different), with
few and with many images, by every strategy and from scratch. The recommendation is made from the
training images alone. Each training has the recipe that nas finetune gives it; beside them stand
training from scratch for five times as long, where images are few, and the linear classifier of
thousands of images with and without moving them. Writes benchmarks/results/finetune.json after
every training and goes on where it was; finetune.md is the table. An hour on a core.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from machine import ROOT, describe

from nas.data import DataSpec, load_final
from nas.data.images import Images
from nas.data.load import statistics as moments
from nas.finetune.job import fits, images_for, make_plan, prepare
from nas.finetune.ridge import fit_head
from nas.finetune.start import Start
from nas.finetune.strategies import STRATEGIES, apply, recipe_for
from nas.recipe import Recipe
from nas.seeding import generator, seeded
from nas.train import evaluate, fit, fit_feed, score
from nas.training.album import Album
from nas.training.blueprint import Blueprint
from nas.training.parallel import SOLO
from nas.zoo.nasnet_a import NASNET_A
from searchspaces import Task
from searchspaces.scale import Scale

RESULTS = ROOT / "benchmarks" / "results"
CPU = torch.device("cpu")
SIDE = 16
TARGET = ("automobile", "cat", "deer", "ship")  # each has a relative among the other six
SOURCE_IMAGES, SOURCE_EPOCHS = 9000, 12
TESTED = 1000  # test images at most: a standard error of 1.5 points
# Images a class of each case.
CASES = {
    "few, similar": ("cifar", 10),
    "few, different": ("digits", 10),
    "many, similar": ("cifar", 120),
    "many, different": ("digits", 60),
    "thousands, similar": ("cifar", 1250),
}
LONGER, MOVED = "scratch, 5 times as long", "linear, images moved"
WAYS = {  # beside the strategies
    "few, similar": (*STRATEGIES, LONGER),
    "thousands, similar": ("linear", MOVED),
}
BLUEPRINT = Blueprint(
    title="NASNet-A, 1 cell a stage, 8 filters",
    architecture=NASNET_A.to_json(),
    scale=Scale(cells=1, filters=8),
)


def chosen(images: Images, classes: list[int], each: int, seed: int) -> Images:
    """Return ``each`` images of some classes, at random, numbered from 0."""
    random = generator(seed, "chosen images")
    places, labels = [], []
    for number, label in enumerate(classes):
        of_class = (images.y == label).nonzero().flatten()
        found = of_class[torch.randperm(len(of_class), generator=random)[:each]]
        places.append(found)
        labels.append(torch.full((len(found),), number))
    return Images(images.x[torch.cat(places)], torch.cat(labels), images.mirror)


def album(train: Images, test: Images, classes: list[str]) -> Album:
    """Return images as a training has them."""
    task = Task(3, SIDE, SIDE, len(classes))
    return Album(train, None, test, task, tuple(classes), moments(train), {})


def source(cifar: Any, folder: Path) -> tuple[Start, float]:
    """Return the trained network, and its accuracy on test images of its own classes."""
    classes = [i for i, name in enumerate(cifar.classes) if name not in TARGET]
    train = chosen(cifar.train, classes, SOURCE_IMAGES // len(classes), 0)
    test = chosen(cifar.test, classes, TESTED // len(classes), 0)
    task, scale = Task(3, SIDE, SIDE, len(classes)), moments(train)
    with seeded(0, CPU):
        model = BLUEPRINT.build(task)
    file = folder / "finetune-source.pt"
    recipe = Recipe(epochs=SOURCE_EPOCHS)
    if file.exists():
        model.load_state_dict(torch.load(file, weights_only=True))
    else:
        begun = time.perf_counter()
        fit(
            model, train, None, recipe, statistics=scale, seed=0,
            report=lambda epoch, m: print(
                f"source {epoch}/{SOURCE_EPOCHS} loss {m['train_loss']:.3f} "
                f"{time.perf_counter() - begun:.0f} s", flush=True,
            ) or True,
        )  # fmt: skip
        torch.save(model.state_dict(), file)
    accuracy = evaluate(model, test, scale, recipe)["accuracy"]
    return Start(BLUEPRINT, model.state_dict(), task, scale, BLUEPRINT.title), accuracy


def case(name: str, cifar: Any, digits: Any, seed: int) -> Album:
    """Return the images of a case."""
    kind, each = CASES[name]
    data, names = (cifar, TARGET) if kind == "cifar" else (digits, digits.classes)
    classes = [data.classes.index(one) for one in names]
    train = chosen(data.train, classes, each, seed)
    return album(train, chosen(data.test, classes, TESTED // len(classes), 0), list(names))


def trained(start: Start, images: Album, way: str, seed: int) -> dict[str, Any]:
    """Train in one of the ways; return test accuracy, seconds and the code's commit."""
    strategy: Any = way.partition(",")[0]
    images = images_for(strategy, start, images)
    prepared = prepare(start, images, seed)
    model = prepared.model
    if strategy == "scratch":
        with seeded(seed, CPU):
            model = start.blueprint.build(images.task)
    fitted = fits(strategy, prepared)
    if fitted:
        fit_head(model, prepared.stages, images.train, images.statistics, seed)
    recipe = recipe_for(strategy, len(images.train), fitted=fitted and way != MOVED)
    if way == LONGER:
        recipe = recipe.model_copy(update={"epochs": 5 * recipe.epochs})
    extras = apply(strategy, model, prepared.stages)
    begun = time.perf_counter()
    fit_feed(model, images.feed(recipe, CPU, seed, SOLO), recipe, seed=seed, extras=extras)
    test = score(model, images.test_batches(recipe, CPU, SOLO), recipe, CPU)
    seconds = time.perf_counter() - begun
    return {"accuracy": test["accuracy"], "seconds": seconds, "commit": describe()["commit"]}


def options(about: str) -> argparse.ArgumentParser:
    """Return the options of a benchmark on CIFAR-10; ``about`` is its docstring."""
    parser = argparse.ArgumentParser(description=about.splitlines()[0])
    shared = Path(os.environ.get("NAS_SHARED_DATA", ROOT.parent / "shared" / "data"))
    parser.add_argument("--images", type=Path, default=shared / "cifar10-images.zip")
    parser.add_argument("--root", type=Path, default=ROOT / "nasturtium-home" / "data")
    parser.add_argument("--seeds", type=int, default=3)
    return parser


def main() -> None:
    """Train what is missing, then write the table."""
    parser = options(__doc__)
    parser.add_argument("--only", choices=list(CASES))
    given = parser.parse_args()
    torch.set_num_threads(1)
    RESULTS.mkdir(exist_ok=True)
    cifar = load_final(
        DataSpec(source=str(given.images), image_size=SIDE, train_images="all"), 0, given.root
    )
    digits = load_final(DataSpec(source="digits", image_size=SIDE, colour="rgb"), 0, given.root)
    file = RESULTS / "finetune.json"
    done: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {"cases": {}}
    start, accuracy = source(cifar, given.root)
    done |= {
        "machine": describe(),
        "source_accuracy": accuracy,
        "seeds": given.seeds,
    }
    names = list(CASES) if given.only is None else [given.only]
    jobs = [
        (name, seed, way)
        for name in names
        for seed in range(given.seeds)
        for way in WAYS.get(name, STRATEGIES)
    ]
    # From scratch last: the comparison of the strategies does not need it.
    jobs.sort(key=lambda job: job[2].startswith("scratch"))
    for name, seed, way in jobs:
        row = done["cases"].setdefault(name, {}).setdefault(str(seed), {})
        images = case(name, cifar, digits, seed)
        if "advice" not in row:
            plan = make_plan(start, images, prepare(start, images, seed), seed=seed)
            row["advice"] = asdict(plan.advice) | {"similarity": asdict(plan.similarity)}
        if way not in row:
            row[way] = trained(start, images, way, seed)
            print(name, seed, way, f"{row[way]['accuracy']:.3f}", flush=True)
        file.write_text(json.dumps(done, indent=1) + "\n")
    file.with_suffix(".md").write_text(table(done))
    print(table(done))


def table(done: dict[str, Any]) -> str:
    """Return the results as Markdown: accuracies on test images, mean ± sd over the seeds."""
    machine = done["machine"]
    trainings = [
        one for rows in done["cases"].values() for row in rows.values() for one in row.values()
    ]
    commits = sorted({one["commit"] for one in trainings if "commit" in one})
    lines = [
        "# Fine-tuning in four cases",
        "",
        f"`python benchmarks/finetune.py`: {BLUEPRINT.title}, trained on "
        f"six classes of CIFAR-10 at {SIDE} pixels ({done['source_accuracy']:.1%} on their test "
        f"images), then fine-tuned by the recipe of each strategy. Test accuracy, mean ± standard "
        f"deviation over {done['seeds']} seeds (images, classifier, order). {machine['cpu']}, one "
        f"thread, torch {machine['torch']}, commit {', '.join(commits)}.",
        "",
        f"| case | images a class | {' | '.join(STRATEGIES)} | recommended, by seed | best mean "
        "| recommended less best |",
        f"|---|---|{'---|' * len(STRATEGIES)}---|---|---|",
    ]
    beside = []
    for name, rows in done["cases"].items():
        ways = WAYS.get(name, STRATEGIES)
        found = {
            way: [row[way]["accuracy"] for row in rows.values()]
            for way in ways
            if all(way in row for row in rows.values())
        }
        beside += [f"- {name}: {way} {_spread(found[way])}" for way in ways if way in found
                   and (way not in STRATEGIES or name == "thousands, similar")]  # fmt: skip
        if name == "thousands, similar":
            continue
        advised = [row["advice"]["strategy"] for row in rows.values()]
        transfers = [s for s in found if s in STRATEGIES and s != "scratch"]
        best = max(transfers, key=lambda s: statistics.fmean(found[s]))
        short = [found[a][i] - found[best][i] for i, a in enumerate(advised)]
        cells = [_spread(found[s]) if s in found else "–" for s in STRATEGIES]
        lines.append(
            f"| {name} | {CASES[name][1]} | {' | '.join(cells)} | {', '.join(advised)} | {best} "
            f"| {statistics.fmean(short):+.1%} ± {_sd(short):.1%} |"
        )
    return "\n".join([*lines, "", "Beside them:", "", *beside]) + "\n"


def _spread(values: list[float]) -> str:
    return f"{statistics.fmean(values):.1%} ± {_sd(values):.1%}"


def _sd(values: list[float]) -> float:
    return statistics.stdev(values) if len(values) > 1 else 0.0


if __name__ == "__main__":
    main()
