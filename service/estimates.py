"""What a search would take: a probe of seconds, scaled to its images, epochs, trials and workers.

The probe is a process of its own with a time limit. What it measures is kept in HOME/estimates by
what is trained and on which machine, so that other limits or more images are answered at once.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from nas.catalog import REGISTRIES
from nas.data import DataSpec, describe
from nas.execution.worker import thread_variables, threads
from nas.recipe import Recipe
from service import specs
from service.processes import LockHeld, child_environment, file_lock

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from nas.spec import SearchSpec
    from service.settings import Settings

LIMIT_SECONDS = 45.0  # of a probe; a client waits 60
PATIENCE_SECONDS = 2.0  # for the probe of somebody else
MEMORY_SECONDS = 60  # how old a look at the images may be where nothing is measured
UNMEASURED = (
    "not measured yet: a small and a large architecture have to be trained for a few steps first"
)
TRAINED = "trained"
# Bytes of the database with its indexes, measured on 200 trials with 0 and 5 reports (SQLite 3.45,
# 40 decisions); a trial with longer notes takes up to twice that.
TRIAL_BYTES, REPORT_BYTES, SPREAD = 950, 470, 2
MODEL_BYTES = 2 * 4  # a parameter: float32 in the weights, and again in the .pt2 file


class Busy(RuntimeError):
    """Another estimate is being measured; the same request may work in some seconds."""


class Range(BaseModel):
    """From the small architecture to the large one."""

    model_config = ConfigDict(frozen=True)

    low: float
    high: float


class EstimateView(BaseModel):
    """What a search would take, from the small to the large of some random architectures.

    ``seconds``, ``memory_bytes`` and ``disk_bytes`` are of the whole search with the final training
    of the winner; the others are of a trial. Null is what could not be measured: ``basis`` says
    why, and on what the rest stands. ``space_size`` is the number of architectures as text.
    """

    model_config = ConfigDict(frozen=True)

    space_size: str
    seconds_per_trial: Range | None = None
    memory_bytes_per_trial: Range | None = None
    disk_bytes_per_trial: Range | None = None
    seconds: Range | None = None
    memory_bytes: Range | None = None
    disk_bytes: Range | None = None
    gpu_bytes_per_trial: Range | None = None
    basis: str
    measured_before: bool = False


@dataclass(frozen=True, slots=True)
class _Probed:
    """What a probe has found, the small architecture first; ``trouble`` where it is not all."""

    found: tuple[dict[str, Any], ...]
    trouble: str = ""
    before: bool = False


@dataclass(frozen=True, slots=True)
class _Work:
    """What there is to do: images, epochs, trials, and how many trials run at once."""

    train: int
    selection: int
    image_bytes: int
    epochs: int
    trials: int
    places: int
    final_epochs: int
    hours: float | None


def estimate(settings: Settings, spec: SearchSpec, *, measure: bool = True) -> EstimateView:
    """Return what a search would take; it is measured the first time, which takes seconds.

    Without ``measure`` the answer comes at once: from what was measured before, or without ranges.
    Raises UserError where the spec is wrong, as creating the search would; Busy while another is
    measured.
    """
    look = describe if measure else _described_lately
    checked = specs.complete(spec, settings.data_root, look)
    specs.check_workers(checked.execution.executor, checked.execution.workers, "execution.workers")
    space = REGISTRIES["space"].create(checked.space.name, checked.space.options)
    size = str(space.size)
    if checked.evaluator.name != TRAINED or checked.data is None:
        basis = (
            f"nothing was measured: evaluator {checked.evaluator.name!r} does not train each "
            "architecture"
        )
        return EstimateView(space_size=size, basis=basis)
    about = look(checked.data, settings.data_root)
    task = (about["channels"], about["height"], about["width"], len(about["classes"]))
    kept = _kept(settings, checked, task)
    probed = _probed(settings, checked, task, kept) if measure else _read(kept)
    if probed is None:
        return EstimateView(space_size=size, basis=UNMEASURED)
    if not probed.found:
        return EstimateView(space_size=size, basis=f"nothing was measured: {probed.trouble}")
    work = _work(checked, about)
    return EstimateView(
        space_size=size,
        **_scaled(work, probed.found),
        basis=_basis(checked, work, probed),
        measured_before=probed.before,
    )


def _described_lately(data: DataSpec, root: Path) -> dict[str, Any]:
    """Return what is said of images: reading a large folder for every key typed takes too long."""
    return _described_in(int(time.monotonic() / MEMORY_SECONDS), data, root)


@lru_cache(maxsize=16)
def _described_in(_minute: int, data: DataSpec, root: Path) -> dict[str, Any]:
    return describe(data, root)


def _work(spec: SearchSpec, about: dict[str, Any]) -> _Work:
    execution = spec.execution
    places = 1 if execution.executor == "inline" else execution.workers
    if not execution.ray_address and execution.gpus_per_trial == 0:
        here = len(os.sched_getaffinity(0))
        places = min(places, max(1, int(here / execution.cpus_per_trial)))
    return _Work(
        train=about["train"],
        selection=about["selection"],
        image_bytes=about["channels"] * about["height"] * about["width"],
        epochs=Recipe.model_validate(spec.evaluator.options["recipe"]).epochs,
        trials=spec.limits.trials,
        places=min(places, spec.limits.trials),
        final_epochs=spec.final.epochs,
        hours=spec.limits.hours,
    )


def _scaled(work: _Work, found: Sequence[dict[str, Any]]) -> dict[str, Range]:
    """Return all ranges for what the probe has found of one or two architectures."""
    images = work.image_bytes * (work.train + work.selection)
    trials = [
        one["start_seconds"]
        + work.epochs
        * (one["train_seconds"] * work.train + one["selection_seconds"] * work.selection)
        for one in found
    ]
    finals = [
        work.final_epochs * one["train_seconds"] * (work.train + work.selection) for one in found
    ]
    rounds = -(-work.trials // work.places)  # places that are all busy until the last round
    running = [rounds * seconds for seconds in trials]
    if work.hours is not None:
        running = [min(seconds, work.hours * 3600) for seconds in running]
    memory = [one["peak_bytes"] + images for one in found]
    rows = TRIAL_BYTES + REPORT_BYTES * work.epochs
    model = [MODEL_BYTES * one["params"] if work.final_epochs else 0 for one in found]
    ranges = {
        "seconds_per_trial": trials,
        "memory_bytes_per_trial": memory,
        "disk_bytes_per_trial": [rows, SPREAD * rows],
        "seconds": [a + b for a, b in zip(running, finals, strict=True)],
        "memory_bytes": [work.places * one for one in memory],
        "disk_bytes": [
            min(model) + rows * work.trials,
            max(model) + SPREAD * rows * work.trials,
        ],
    }
    if any(one["gpu_bytes"] for one in found):
        ranges["gpu_bytes_per_trial"] = [one["gpu_bytes"] for one in found]
    return {name: Range(low=min(both), high=max(both)) for name, both in ranges.items()}


def _basis(spec: SearchSpec, work: _Work, probed: _Probed) -> str:
    """Return in words what the numbers rest on."""
    found = probed.found
    params = " and ".join(f"{one['params']:,}" for one in sorted(found, key=lambda o: o["params"]))
    few = "a small and a large random architecture" if len(found) > 1 else "one architecture"
    recipe = Recipe.model_validate(spec.evaluator.options["recipe"])
    where = found[0]["device"]
    if where == "cpu":
        where = f"this machine's CPU, {threads(spec.execution.cpus_per_trial)} thread(s)"
    parts = [
        f"{few} ({params} parameters), a few steps of {recipe.batch_size} images on {where}",
        f"times {work.train:,} training and {work.selection:,} selection images, {work.epochs} "
        f"epoch(s), {work.trials:,} trials, {work.places} at a time",
    ]
    if work.final_epochs:
        parts.append(f"and {work.final_epochs} epochs of the winner")
    text = "; ".join(parts) + ". Memory is that of the processes, torch and images included."
    if work.hours is not None:
        text += f" The search ends after {work.hours:g} hours."
    if spec.controller.name == "halving":
        text += " Trials that this controller ends early take less."
    return text + (f" {probed.trouble}." if probed.trouble else "")


def _kept(settings: Settings, spec: SearchSpec, task: tuple[int, ...]) -> Path:
    """Return the file in which a probe of this search keeps what it has found."""
    subject = _subject(spec, task)
    digest = hashlib.sha256(json.dumps(subject, sort_keys=True).encode()).hexdigest()
    return settings.folder("estimates") / f"{digest[:32]}.json"


def _probed(settings: Settings, spec: SearchSpec, task: tuple[int, ...], kept: Path) -> _Probed:
    """Return what a probe has found, kept from an earlier one where there is such."""
    try:
        with file_lock(settings.folder("locks") / "probe.lock", wait=PATIENCE_SECONDS):
            found = _read(kept)
            return found if found else _measured(settings, spec, task, kept)
    except LockHeld as error:
        found = _read(kept)
        if found:
            return found
        raise Busy("another estimate is being measured, try again in some seconds") from error


def _subject(spec: SearchSpec, task: tuple[int, ...]) -> dict[str, Any]:
    """Return what the numbers of a probe depend on: what is trained, and the machine."""
    return {
        "space": spec.space.model_dump(mode="json"),
        "evaluator": spec.evaluator.model_dump(mode="json"),
        "task": task,
        "threads": threads(spec.execution.cpus_per_trial),
        "gpu": spec.execution.gpus_per_trial > 0,
        "machine": [platform.node(), platform.machine(), os.cpu_count()],
        "torch": version("torch"),
        "version": version("nasturtium"),
    }


def _read(path: Path) -> _Probed | None:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return _Probed(tuple(data["found"]), data["trouble"], before=True)


def _measured(settings: Settings, spec: SearchSpec, task: tuple[int, ...], kept: Path) -> _Probed:
    """Run a probe, and keep what it has found unless it broke."""
    given = {
        "setup": spec.setup(settings.data_root).model_dump(mode="json"),
        "task": task,
        "cpus": spec.execution.cpus_per_trial,
    }
    more = thread_variables(spec.execution.cpus_per_trial)
    if spec.execution.gpus_per_trial == 0:
        more["CUDA_VISIBLE_DEVICES"] = ""
    process = subprocess.Popen(
        [sys.executable, "-m", "service.probe"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=child_environment(**settings.environment(), **more),
        text=True,
        process_group=0,
    )
    late = False
    try:
        out, _ = process.communicate(json.dumps(given), timeout=LIMIT_SECONDS)
    except subprocess.TimeoutExpired:
        late = True
        process.kill()
        out, _ = process.communicate()
    lines = [json.loads(line) for line in out.splitlines()]
    found = tuple(line for line in lines if "error" not in line)
    trouble = next((line["error"] for line in lines if "error" in line), "")
    if late:
        which = "the large one" if found else "a few steps"
        trouble = f"{which} took more than {LIMIT_SECONDS:g} seconds"
    elif not trouble and process.returncode:
        trouble = f"the probe ended with {process.returncode}, perhaps for want of memory"
    probed = _Probed(found, trouble)
    if found and (late or not trouble):
        data = {key: value for key, value in asdict(probed).items() if key != "before"}
        draft = kept.with_suffix(f".{os.getpid()}")
        draft.write_text(json.dumps(data), encoding="utf-8")
        draft.replace(kept)
    return probed
