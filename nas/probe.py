"""Times a small and a large random architecture of a space, in a process that does nothing else.

It trains on random pixels of the right size: how long a step takes does not depend on what the
images show. Writes one line of JSON for each architecture, the small one first, when it is known.
"""

from __future__ import annotations

import json
import random
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from nas.data.images import Images
from nas.evaluators.catalog import EVALUATORS
from nas.execution.worker import limit_threads
from nas.normalisation import Statistics
from nas.profile import profile
from nas.recipe import Recipe
from nas.seeding import seeded
from nas.spec import Setup
from nas.train import evaluate, fit, pick_device
from searchspaces import SpaceError, Task
from searchspaces.catalog import SPACES
from searchspaces.scale import Scale

if TYPE_CHECKING:
    from nas.trial import Metrics
    from searchspaces import SearchSpace
    from searchspaces.arch import Arch

CANDIDATES = 12  # random architectures, of which the cheapest and the dearest are trained
CANDIDATES_SECONDS = 3.0  # and no more are looked at after so long
MORE_BATCHES = 8  # of a second measurement, where a step is short
SHORT_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Measured:
    """What one architecture costs. ``peak_bytes`` is of this process, ``gpu_bytes`` of torch."""

    params: int
    madds: int
    start_seconds: float
    train_seconds: float  # of one image
    selection_seconds: float  # of one image
    peak_bytes: int
    gpu_bytes: int
    device: str


def probe() -> int:
    """Read what to measure, measure, and write what was found; return the exit code."""
    try:
        _probe(json.load(sys.stdin))
    except Exception as error:
        text = " ".join(f"{error}".split())[:500] or type(error).__name__
        _write({"error": text})
        return 1
    return 0


def _probe(given: dict[str, Any]) -> None:
    """Measure for a setup, images of a task (channels, height, width, classes), and cores."""
    setup, task = Setup.model_validate(given["setup"]), Task(*given["task"])
    limit_threads(given["cpus"])
    space = SPACES.create(setup.space.name, setup.space.options)
    options = EVALUATORS.check(setup.evaluator.name, setup.evaluator.options)
    recipe, scale = Recipe.model_validate(options["recipe"]), Scale.model_validate(options["scale"])
    pick_device(recipe.device)  # now: looking for architectures takes seconds
    for arch in extremes(space, task, scale, setup.seed):
        _write(asdict(measure(space, arch, task, recipe, scale)))


def _write(found: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()


def extremes(space: SearchSpace, task: Task, scale: Scale, seed: int) -> list[Arch]:
    """Return the cheapest and the dearest in multiply-adds of some random architectures.

    Raises SpaceError where no point that was drawn has a network.
    """
    rng, until = random.Random(seed), time.monotonic() + CANDIDATES_SECONDS
    found: list[tuple[int, int, Arch]] = []
    for number in range(CANDIDATES):
        try:
            arch = space.decode(space.sample(rng))
        except SpaceError:
            continue
        with torch.device("meta"):  # shapes only
            cost = profile(space.build(arch, task, scale), task).madds
        found.append((cost, number, arch))
        if len(found) > 1 and time.monotonic() > until:
            break
    if not found:
        raise SpaceError(f"{space.name}: none of {CANDIDATES} random points has a network")
    return [min(found)[2], max(found)[2]]


def measure(space: SearchSpace, arch: Arch, task: Task, recipe: Recipe, scale: Scale) -> Measured:
    """Train an architecture for a few steps and look at a batch of selection images."""
    device = pick_device(recipe.device)
    begun = time.perf_counter()
    with seeded(0, device):
        model = space.build(arch, task, scale)
    cost = profile(model, task)
    started = time.perf_counter() - begun
    train = _trained(model, task, recipe, 1)
    if train * recipe.batch_size < SHORT_SECONDS:
        train = min(train, _trained(model, task, recipe, MORE_BATCHES))
    held_out = _noise(task, recipe.batch_size, device)
    statistics = _statistics(task)
    evaluate(model, held_out, statistics, recipe)
    begun = time.perf_counter()
    evaluate(model, held_out, statistics, recipe)
    selection = (time.perf_counter() - begun) / len(held_out)
    gpu = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else 0
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    return Measured(cost.params, cost.madds, started, train, selection, _peak(), gpu, name)


def _trained(model: torch.nn.Module, task: Task, recipe: Recipe, batches: int) -> float:
    """Return the seconds that training takes for an image: the better of two, after a warm-up."""
    device = pick_device(recipe.device)
    images = _noise(task, batches * recipe.batch_size, device)
    speeds: list[float] = []

    def report(_: int, metrics: Metrics) -> bool:
        speeds.append(metrics["images_per_second"])
        return True

    short = recipe.model_copy(update={"epochs": 3})
    fit(model, images, None, short, statistics=_statistics(task), seed=0, report=report)
    return 1 / max(speeds[1:])


def _noise(task: Task, count: int, device: torch.device) -> Images:
    """Return random pixels with random classes."""
    generator = torch.Generator().manual_seed(0)
    shape = (count, task.channels, task.height, task.width)
    x = torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
    y = torch.randint(0, task.classes, (count,), generator=generator)
    return Images(x, y).to(device)


def _statistics(task: Task) -> Statistics:
    return Statistics((0.5,) * task.channels, (0.29,) * task.channels)


def _peak() -> int:
    """Return the most memory that this process has had, in bytes; 0 where that is not told.

    Not ``ru_maxrss``: that begins with what the process had that started this one.
    """
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")), 0)
