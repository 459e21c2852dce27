"""Measured latency: percentiles, turns, warm-up, and that nothing is left changed."""

from __future__ import annotations

import time

import pytest
import torch
from torch import nn

from nas.latency import WARM_UP, device_name, measure, measure_all, percentile
from searchspaces import Task

TASK = Task(1, 4, 4, 2)


class Sleeper(nn.Module):
    """Takes a known time and notes who ran, how many images, and in which mode."""

    def __init__(self, name: str, seconds: float, log: list[tuple[str, int, bool, int]]) -> None:
        super().__init__()
        self.name, self.seconds, self.log = name, seconds, log
        self.linear = nn.Linear(16, 2)
        self.dropout = nn.Dropout().eval()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.log.append((self.name, len(x), self.training, torch.get_num_threads()))
        time.sleep(self.seconds)
        return self.linear(x.flatten(1))


def test_the_median_is_the_time_that_the_network_takes() -> None:
    log: list[tuple[str, int, bool, int]] = []
    found = measure(Sleeper("a", 0.01, log), TASK, batch=3, runs=7)
    assert 0.01 <= found.p50 <= found.p95
    assert found.p50 < 0.2
    assert (found.runs, found.batch, found.threads) == (7, 3, 1)
    assert found.device == device_name(torch.device("cpu")) != ""
    assert len(log) == WARM_UP + 7
    assert {entry[1:3] for entry in log} == {(3, False)}


def test_models_that_are_compared_take_turns() -> None:
    log: list[tuple[str, int, bool, int]] = []
    models = {"slow": Sleeper("slow", 0.02, log), "fast": Sleeper("fast", 0.0, log)}
    found = measure_all(models, TASK, runs=5)
    assert [entry[0] for entry in log] == ["slow", "fast"] * (WARM_UP + 5)
    assert found["slow"].p50 > found["fast"].p50


def test_modes_and_threads_are_as_before_even_after_an_error() -> None:
    before = torch.get_num_threads()
    log: list[tuple[str, int, bool, int]] = []
    model = Sleeper("a", 0.0, log)
    measure(model, TASK, threads=2, runs=1)
    assert {entry[3] for entry in log} == {2}
    assert model.training
    assert not model.dropout.training
    with pytest.raises(RuntimeError):
        measure(model, Task(2, 4, 4, 2), threads=2, runs=1)
    assert torch.get_num_threads() == before
    assert model.training


def test_percentiles_are_values_that_were_measured() -> None:
    values = [float(n) for n in range(20, 0, -1)]
    assert (percentile(values, 50), percentile(values, 95)) == (10.0, 19.0)
    assert percentile([3.0], 95) == 3.0


@pytest.mark.parametrize("name", ["batch", "threads", "runs"])
def test_numbers_below_one_are_refused_by_name(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} is 0"):
        measure(nn.Flatten(), TASK, **{name: 0})


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_is_waited_for_and_named() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
    found = measure(model, TASK, device="cuda", runs=3)
    assert found.device == torch.cuda.get_device_name()
    assert found.p50 > 0
    assert next(model.parameters()).device.type == "cpu"
