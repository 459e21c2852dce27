"""How long a network takes, measured: medians and 95th percentiles, on a device that is named.

Models that are to be compared are measured together: their runs take turns, so that a machine that
warms up, slows down or does something else meets all of them alike.
"""

from __future__ import annotations

import math
import platform
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import Tensor, nn

    from searchspaces import Task

WARM_UP = 5  # runs that do not count: caches, lazy initialisation, choice of kernels


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds of one forward pass in evaluation, and what they were measured on.

    ``p50`` and ``p95`` are percentiles over ``runs``, each of ``batch`` images. ``threads`` is
    what torch may use on the CPU; ``device`` names the processor.
    """

    p50: float
    p95: float
    runs: int
    batch: int
    threads: int
    device: str


def measure(
    model: nn.Module,
    task: Task,
    *,
    batch: int = 1,
    threads: int = 1,
    device: str = "cpu",
    runs: int = 50,
) -> Latency:
    """Return the latency of ``model`` for ``batch`` images of ``task``.

    The model is left in its mode, on its device; torch has as many threads as before afterwards.
    Raises ValueError where batch, threads or runs is below 1.
    """
    return measure_all({"": model}, task, batch=batch, threads=threads, device=device, runs=runs)[
        ""
    ]


def measure_all(
    models: Mapping[str, nn.Module],
    task: Task,
    *,
    batch: int = 1,
    threads: int = 1,
    device: str = "cpu",
    runs: int = 50,
) -> dict[str, Latency]:
    """Return the latencies of several models, measured in turns. Raises as :func:`measure`."""
    for name, number in (("batch", batch), ("threads", threads), ("runs", runs)):
        if number < 1:
            raise ValueError(f"{name} is {number}, it must be at least 1")
    place = torch.device(device)
    image = torch.zeros(batch, task.channels, task.height, task.width, device=place)
    seconds: dict[str, list[float]] = {name: [] for name in models}
    with _threads(threads), _ready(models, place), torch.inference_mode():
        for run in range(-WARM_UP, runs):
            for name, model in models.items():
                taken = _once(model, image)
                if run >= 0:
                    seconds[name].append(taken)
    label = device_name(place)
    return {
        name: Latency(percentile(found, 50), percentile(found, 95), runs, batch, threads, label)
        for name, found in seconds.items()
    }


def percentile(values: list[float], percent: float) -> float:
    """Return the smallest value that ``percent`` of the values do not exceed (nearest rank)."""
    return sorted(values)[max(0, math.ceil(percent / 100 * len(values)) - 1)]


def device_name(device: torch.device) -> str:
    """Return the name of the processor, such as "NVIDIA H100" or that of the CPU."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type != "cpu":
        return str(device)
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    named = [line for line in text.splitlines() if line.startswith("model name")]
    return named[0].partition(":")[2].strip() if named else platform.processor() or "CPU"


def _once(model: nn.Module, image: Tensor) -> float:
    """Return the seconds of one pass; a GPU works on its own, so wait for it before and after."""
    _wait(image.device)
    begun = time.perf_counter()
    model(image)
    _wait(image.device)
    return time.perf_counter() - begun


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


@contextmanager
def _threads(threads: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _ready(models: Mapping[str, nn.Module], device: torch.device) -> Iterator[None]:
    """Move the models to the device in evaluation, and back to where and what they were."""
    places = {name: next((p.device for p in m.parameters()), device) for name, m in models.items()}
    modes = {module: module.training for model in models.values() for module in model.modules()}
    try:
        for model in models.values():
            model.to(device).eval()
        yield
    finally:
        for name, model in models.items():
            model.to(places[name])
        for module, mode in modes.items():
            module.training = mode
