"""Which shift of the maps tells similar images from different ones: the limit of nas finetune.

    python benchmarks/similarity.py [--images cifar10-images.zip] [--seeds 3]

Networks that benchmarks/finetune.py does not use are trained on classes of CIFAR-10 that it does
not split so, or on scikit-learn's digits, all at 16 pixels. Then their maps are watched on images
of other classes of the same collection (similar), of the other collection (different), and, to
look at only, of other kinds of things photographed for the same collection, of negatives, and of
pictures without colour. The limit lies half way, in ratios, between the largest shift of similar
images and the smallest of different ones; benchmarks/finetune.py is the test of it. Writes
benchmarks/results/similarity.json after every network and goes on where it was; similarity.md is
the table. A quarter of an hour on a core.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from itertools import product
from typing import TYPE_CHECKING, Any

import torch
from finetune import RESULTS, SIDE, chosen, options
from machine import describe

from nas.data import DataSpec, load_final
from nas.data.images import Images
from nas.data.load import statistics as moments
from nas.finetune.similarity import shift_of
from nas.recipe import Recipe
from nas.seeding import seeded
from nas.train import evaluate, fit
from nas.zoo import create_model

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn

    from nas.normalisation import Statistics

CPU = torch.device("cpu")
NETWORKS = ("resnet20_cifar", "wide_resnet16_4_cifar", "mobilenet_v2_100")
ANIMALS = ("bird", "cat", "deer", "dog", "frog", "horse")
VEHICLES = ("airplane", "automobile", "ship", "truck")
MIXED = ("airplane", "bird", "cat", "ship", "horse")  # the other five each have a relative in it
LOW, HIGH = ("0", "1", "2", "3", "4"), ("5", "6", "7", "8", "9")
SOURCES = {
    "mixed": ("cifar", MIXED),
    "animals": ("cifar", ANIMALS),
    "low digits": ("digits", LOW),
}
EACH = (10, 60)  # images a class
TRAIN_IMAGES, EPOCHS = 4000, 6


def targets(source: str) -> Iterator[tuple[str, str, str, tuple[str, ...], str]]:
    """Yield (kind, name, collection, classes, what is done to the images) for a source."""
    if source == "low digits":
        yield "similar", "high digits", "digits", HIGH, ""
        yield "different", "CIFAR-10", "cifar", (*ANIMALS, *VEHICLES), ""
        return
    others = tuple(c for c in (*ANIMALS, *VEHICLES) if c not in SOURCES[source][1])
    kind = "similar" if source == "mixed" else "far"
    yield kind, "other classes" if source == "mixed" else "vehicles", "cifar", others, ""
    yield "different", "digits", "digits", (*LOW, *HIGH), ""
    yield "negative", "negatives", "cifar", others, "negative"
    yield "grey", "without colour", "cifar", others, "grey"


def altered(images: Images, how: str) -> Images:
    """Return images as negatives, without colour, or as they are."""
    if how == "negative":
        return Images(255 - images.x, images.y, images.mirror)
    if how == "grey":
        grey = images.x.float().mean(1, keepdim=True).round().to(images.x.dtype)
        return Images(grey.expand_as(images.x).contiguous(), images.y, images.mirror)
    return images


def numbers(data: Any, names: tuple[str, ...]) -> list[int]:
    """Return the labels of classes."""
    return [data.classes.index(name) for name in names]


def trained(network: str, data: Any, names: tuple[str, ...]) -> tuple[nn.Module, Statistics, float]:
    """Return a network trained on some classes, its normalisation, and its test accuracy."""
    classes = numbers(data, names)
    train = chosen(data.train, classes, TRAIN_IMAGES // len(classes), 0)
    test = chosen(data.test, classes, 1000 // len(classes), 0)
    with seeded(0, CPU):
        model = create_model(network, num_classes=len(classes), channels=3, size=SIDE)
    recipe, scale = Recipe(epochs=EPOCHS), moments(train)
    fit(model, train, None, recipe, statistics=scale, seed=0)
    return model, scale, evaluate(model, test, scale, recipe)["accuracy"]


def main() -> None:
    """Train what is missing, watch the maps, and write the table."""
    given = options(__doc__).parse_args()
    torch.set_num_threads(1)
    cifar = DataSpec(source=str(given.images), image_size=SIDE, train_images="all")
    digits = DataSpec(source="digits", image_size=SIDE, colour="rgb")
    data = {
        "cifar": load_final(cifar, 0, given.root),
        "digits": load_final(digits, 0, given.root),
    }
    file = RESULTS / "similarity.json"
    rows: list[dict[str, Any]] = json.loads(file.read_text())["rows"] if file.exists() else []
    for network in NETWORKS:
        for source, (collection, names) in SOURCES.items():
            if any((row["network"], row["source"]) == (network, source) for row in rows):
                continue
            model, scale, accuracy = trained(network, data[collection], names)
            print(f"{network}, {source}: {accuracy:.1%}", flush=True)
            same = {"network": network, "source": source, "accuracy": accuracy}
            same |= {"commit": describe()["commit"]}
            for kind, target, found, classes, how in targets(source):
                pool = data[found]
                for each, seed in product(EACH, range(given.seeds)):
                    images = chosen(pool.train, numbers(pool, classes), each, seed)
                    row = {"kind": kind, "target": target, "each": each, "seed": seed}
                    row["shift"] = shift_of(model, altered(images, how), scale)
                    rows.append(same | row)
            file.write_text(json.dumps({"rows": rows}, indent=1) + "\n")
    similar = max(row["shift"] for row in rows if row["kind"] == "similar")
    different = min(row["shift"] for row in rows if row["kind"] == "different")
    limit = math.sqrt(similar * different)
    done = {"machine": describe(), "similar": similar, "different": different, "limit": limit}
    file.write_text(json.dumps(done | {"rows": rows}, indent=1) + "\n")
    text = table(done, rows, given.seeds)
    file.with_suffix(".md").write_text(text)
    print(text)


def table(done: dict[str, Any], rows: list[dict[str, Any]], seeds: int) -> str:
    """Return the results as Markdown: the range of the shift over seeds and numbers of images."""
    machine = done["machine"]
    lines = [
        "# How far maps shift on other images",
        "",
        f"`python benchmarks/similarity.py`: networks trained on {TRAIN_IMAGES:,} images at {SIDE} "
        f"pixels for {EPOCHS} epochs; the shift in deviations, smallest to largest over "
        f"{' and '.join(map(str, EACH))} images a class and {seeds} seeds. {machine['cpu']}, torch "
        f"{machine['torch']}, commit {machine['commit']}.",
        "",
        "| network | trained on | test accuracy | watched on | kind | shift |",
        "|---|---|---|---|---|---|",
    ]
    groups: dict[tuple[Any, ...], list[float]] = defaultdict(list)
    for row in rows:
        place = ("network", "source", "accuracy", "target", "kind")
        groups[tuple(row[name] for name in place)].append(row["shift"])
    for (network, source, accuracy, target, kind), found in groups.items():
        lines.append(
            f"| {network} | {source} | {accuracy:.1%} | {target} | {kind} "
            f"| {min(found):.3f} to {max(found):.3f} |"
        )
    lines += [
        "",
        f"Similar images shift maps by {done['similar']:.3f} at most, different ones by "
        f"{done['different']:.3f} at least: the limit half way, in ratios, is {done['limit']:.3f}.",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
