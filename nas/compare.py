"""Trains networks with one trainer, one budget, the same seeds and the same split, and tests them.

Every network is trained from scratch on all training images and tested once a seed. What one has
over another is then its architecture, as far as one recipe suits both: hand-built networks were
published with recipes of their own, which are not used here.
"""

from __future__ import annotations

import hashlib
import json
import math
import random
import statistics
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from nas.data.augment import steps
from nas.latency import measure_all
from nas.pareto import front
from nas.profile import profile
from nas.seeding import seeded
from nas.train import evaluate, fit, pick_device
from nas.training.blueprint import Blueprint
from nas.training.job import write_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from torch import nn

    from nas.data.images import FinalData
    from nas.evaluators import Report
    from nas.recipe import Recipe
    from nas.spec import SearchSpec

TIMED_STEPS = 6  # of a training, to know how long an epoch takes; the first two do not count
WARM_UP = 2


@dataclass(frozen=True, slots=True)
class Contestant:
    """A network by name, and where it comes from: searched, random, or zoo."""

    name: str
    kind: str
    blueprint: Blueprint


@dataclass(frozen=True, slots=True)
class Row:
    """What a network costs and how good it is: test accuracies (0 to 1), one a seed.

    ``seconds`` is the mean of a training; ``p50`` and ``p95`` are milliseconds for one image.
    """

    name: str
    kind: str
    accuracies: tuple[float, ...]
    params: int
    madds: int
    p50: float
    p95: float
    epochs: int
    seconds: float

    @property
    def mean(self) -> float:
        """The mean accuracy over the seeds."""
        return statistics.fmean(self.accuracies)

    @property
    def spread(self) -> float | None:
        """The standard deviation over the seeds; None for one seed."""
        return statistics.stdev(self.accuracies) if len(self.accuracies) > 1 else None


@dataclass(frozen=True, slots=True)
class Contest:
    """How all are trained: a recipe, and the seeds; ``seconds`` is a budget in place of epochs."""

    recipe: Recipe
    seeds: tuple[int, ...]
    seconds: float | None = None


def run(
    contestants: Sequence[Contestant],
    data: FinalData,
    contest: Contest,
    *,
    folder: Path,
    progress: Callable[[int, int, str], None] | None = None,
) -> list[Row]:
    """Return a row for each network, the best first.

    Each training is kept in ``folder``, so that a contest that is broken off goes on where it was.
    ``progress(done, all, text)`` is called after each epoch. Raises what :func:`nas.train.fit`
    raises, and SpaceError or ZooError for images too small.
    """
    done = _Kept(folder / "trainings.json")
    tell = progress or (lambda *_: None)
    # All are built before one is trained: what cannot be built is told at once.
    models = {one.name: fresh(one, data) for one in contestants}
    found, epochs = {}, {}
    total = len(contestants) * len(contest.seeds)
    for place, one in enumerate(contestants):
        epochs[one.name] = _epochs(one, data, contest, done)
        recipe = contest.recipe.model_copy(update={"epochs": epochs[one.name]})
        results = []
        for number, seed in enumerate(contest.seeds):
            finished = place * len(contest.seeds) + number

            def report(epoch: int, _: Any, finished: int = finished, one: Any = one) -> bool:
                tell(finished, total, f"{one.name}, epoch {epoch} of {epochs[one.name]}")
                return True

            key = _key(one, data, recipe, seed)
            results.append(
                done.get(key) or done.put(key, train_once(one, data, recipe, seed, report))
            )
        found[one.name] = results
    tell(total, total, "measuring latency")
    latencies = measure_all({name: model.eval() for name, model in models.items()}, data.task)
    rows = [
        Row(
            one.name,
            one.kind,
            tuple(result["accuracy"] for result in found[one.name]),
            (cost := profile(models[one.name], data.task)).params,
            cost.madds,
            1e3 * latencies[one.name].p50,
            1e3 * latencies[one.name].p95,
            epochs[one.name],
            statistics.fmean(result["seconds"] for result in found[one.name]),
        )
        for one in contestants
    ]
    return sorted(rows, key=lambda row: -row.mean)


def pareto(rows: Sequence[Row], cost: str) -> list[str]:
    """Return the names of the rows that no other beats in mean accuracy and in a cost."""
    return [rows[i].name for i in front([(row.mean, -float(getattr(row, cost))) for row in rows])]


def to_json(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return the rows as JSON data."""
    return [asdict(row) | {"mean": row.mean, "spread": row.spread} for row in rows]


def random_cells(spec: SearchSpec, wanted: int) -> list[Contestant]:
    """Return random architectures of a search's space, in the size of its trials."""
    from searchspaces.catalog import SPACES

    space = SPACES.create(spec.space.name, spec.space.options)
    draw = random.Random(f"compare/{spec.seed}")
    return [
        Contestant(
            f"random {number}",
            "random",
            Blueprint.searched(f"random {number}", space.decode(space.sample(draw)), spec),
        )
        for number in range(wanted)
    ]


def fresh(one: Contestant, data: FinalData) -> nn.Module:
    """Return the untrained network, to be measured."""
    with seeded(0, data.train.x.device):
        return one.blueprint.build(data.task)


def train_once(
    one: Contestant, data: FinalData, recipe: Recipe, seed: int, report: Report
) -> dict[str, float]:
    """Train a network from scratch and test it: accuracy, loss, and seconds of training."""
    device = pick_device(recipe.device)
    here = data.to(device)
    with seeded(seed, device):
        model = one.blueprint.build(data.task)
    begun = time.perf_counter()
    fit(model, here.train, None, recipe, statistics=data.statistics, seed=seed, report=report)
    seconds = time.perf_counter() - begun
    return evaluate(model, here.test, data.statistics, recipe) | {"seconds": seconds}


def epochs_within(seconds: float, epoch_seconds: float) -> int:
    """Return how many epochs a budget of seconds allows: at least one."""
    return max(1, math.floor(seconds / epoch_seconds))


def epoch_seconds(one: Contestant, data: FinalData, recipe: Recipe) -> float:
    """Return how long an epoch takes, from a few steps on images of the set."""
    device = pick_device(recipe.device)
    size = min(recipe.batch_size, len(data.train))
    part = type(data.train)(data.train.x[:size], data.train.y[:size], data.train.mirror).to(device)
    with seeded(0, device):
        model = one.blueprint.build(data.task)
    times: list[float] = []

    def report(_: int, __: Any) -> bool:
        times.append(time.perf_counter())
        return True

    short = recipe.model_copy(update={"epochs": TIMED_STEPS, "batch_size": size})
    fit(model, part, None, short, statistics=data.statistics, seed=0, report=report)
    each = statistics.median(
        b - a for a, b in zip(times[WARM_UP - 1 :], times[WARM_UP:], strict=False)
    )
    return each * steps(len(data.train), recipe.batch_size)


def _epochs(one: Contestant, data: FinalData, contest: Contest, done: _Kept) -> int:
    """Return the epochs of a network: as given, or as many as its seconds allow here."""
    if contest.seconds is None:
        return contest.recipe.epochs
    key = _key(one, data, contest.recipe, -1)
    timed = done.get(key) or done.put(
        key, {"epoch_seconds": epoch_seconds(one, data, contest.recipe)}
    )
    return epochs_within(contest.seconds, timed["epoch_seconds"])


def _key(one: Contestant, data: FinalData, recipe: Recipe, seed: int) -> str:
    """Return what a training depends on, as a short text."""
    told = [
        one.blueprint.model_dump(mode="json", exclude={"title"}),
        asdict(data.task),
        data.hashes,
        recipe.model_dump(mode="json", exclude={"device"}),
        seed,
    ]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:24]


class _Kept:
    """Results in a file, by what they depend on."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.known: dict[str, dict[str, float]] = {}
        if path.exists():
            self.known = json.loads(path.read_text(encoding="utf-8"))

    def get(self, key: str) -> Mapping[str, float] | None:
        return self.known.get(key)

    def put(self, key: str, result: dict[str, float]) -> Mapping[str, float]:
        self.known[key] = result
        write_json(self.path, self.known)
        return result
