"""A moving average of the weights: smoother than the last step, and usually better."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor, nn


class Ema:
    """Averages of all parameters and running statistics: average = d * average + (1 - d) * now.

    At step t the decay is the smaller of ``decay`` and (1 + t) / (10 + t), so that a short
    training is not an average over its random start (as TensorFlow's ExponentialMovingAverage).
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        """Begin with the weights as they are. The model must stay on its device."""
        self.decay, self.steps = decay, 0
        self._live = {
            name: value for name, value in model.state_dict().items() if value.is_floating_point()
        }
        self.average = {name: value.clone() for name, value in self._live.items()}

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights after a step."""
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        self.steps += 1
        torch._foreach_lerp_(list(self.average.values()), list(self._live.values()), 1 - decay)

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Put the averages into the model for the length of a block."""
        last = {name: value.clone() for name, value in self._live.items()}
        self.keep()
        try:
            yield
        finally:
            _copy(last, self._live)

    def keep(self) -> None:
        """Put the averages into the model for good."""
        _copy(self.average, self._live)

    def load(self, average: dict[str, Tensor], steps: int) -> None:
        """Go on from a checkpoint."""
        _copy(average, self.average)
        self.steps = steps


@torch.no_grad()
def _copy(source: dict[str, Tensor], target: dict[str, Tensor]) -> None:
    for name, value in target.items():
        value.copy_(source[name])
