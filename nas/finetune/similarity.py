"""How well trained features fit other images: what a linear classifier makes of each stage.

The trained network is compared with itself: are its last features the best ones for the new
images, or were those in its middle better, before it specialised? And with a fresh network of the
same form: do the trained features help at all? The accuracies are leave-one-out, so they say how a
classifier does on images that it was not fitted to, and every image is used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from nas.data.augment import plain
from nas.finetune.ridge import BATCH, fit, some
from nas.finetune.stages import features

if TYPE_CHECKING:
    from nas.data.images import Images, Statistics
    from nas.finetune.stages import Stages


@dataclass(frozen=True, slots=True)
class Similarity:
    """Leave-one-out accuracies (0 to 1) of linear classifiers, and how the maps have shifted.

    ``stages`` are those on each stage of the trained network, the last being what its own
    classifier sees; ``fresh`` is that on the last of a fresh network. ``lead`` is by how much the
    best earlier stage beats the last, ``gain`` by how much the last beats the fresh one, each with
    its standard error over images. ``shift`` is the mean over all channels of how far the new
    images' mean is from the running mean, in deviations; None without batch normalisation.
    """

    images: int
    stages: tuple[float, ...]
    fresh: float
    lead: float
    lead_error: float
    gain: float
    gain_error: float
    shift: float | None

    @property
    def similar(self) -> bool:
        """Whether the last features are the best, and clearly better than untrained ones."""
        return self.lead <= self.lead_error and self.gain > 2 * self.gain_error


def measure_similarity(
    model: nn.Module,
    fresh: nn.Module,
    stages: Stages,
    images: Images,
    statistics: Statistics,
    *,
    seed: int = 0,
) -> Similarity:
    """Return how similar images are to those that ``model`` was trained on.

    ``fresh`` is the same network with other, untrained weights. Up to 1,000 images are looked at.
    """
    looked_at = some(images, seed)
    batches = [x for x, _ in plain(looked_at, statistics, BATCH)]
    with _Watch(model) as shifts:
        trained = [right(x, looked_at.y) for x in features(model, stages, batches)]
    untrained = right(features(fresh, stages, batches)[-1], looked_at.y)
    *earlier, last = trained
    best = max(earlier, key=lambda one: one.mean().item(), default=last)
    lead, lead_error = _paired(best, last)
    gain, gain_error = _paired(last, untrained)
    return Similarity(
        len(looked_at),
        tuple(one.mean().item() for one in trained),
        untrained.mean().item(),
        lead,
        lead_error,
        gain,
        gain_error,
        shifts.mean(),
    )


def right(x: Tensor, y: Tensor) -> Tensor:
    """Return for each image 1 if a linear classifier fitted to all the others knows it, else 0."""
    names, labels = torch.unique(y, return_inverse=True)
    return fit(x, labels, len(names)).known


def _paired(one: Tensor, other: Tensor) -> tuple[float, float]:
    """Return the mean difference over images and its standard error."""
    difference = one - other
    error = difference.std() / len(difference) ** 0.5 if len(difference) > 1 else difference.sum()
    return difference.mean().item(), error.item()


class _Watch:
    """Notes how far the inputs of batch normalisation are from what it remembers."""

    def __init__(self, model: nn.Module) -> None:
        self.norms = [
            part
            for part in model.modules()
            if isinstance(part, nn.BatchNorm2d) and part.running_mean is not None
        ]
        self.sums: dict[nn.Module, list[Tensor]] = {}

    def __enter__(self) -> _Watch:
        self.hooks = [norm.register_forward_pre_hook(self._note) for norm in self.norms]
        return self

    def __exit__(self, *_: object) -> None:
        for hook in self.hooks:
            hook.remove()

    def mean(self) -> float | None:
        """Return the mean distance over all channels of all layers."""
        found = []
        for norm, sums in self.sums.items():
            mean, spread = norm.running_mean, norm.running_var
            if isinstance(mean, Tensor) and isinstance(spread, Tensor):
                now = torch.stack(sums).mean(0)
                found.append(((now - mean).abs() / (spread + 1e-5).sqrt()).cpu())
        return torch.cat(found).mean().item() if found else None

    def _note(self, norm: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        self.sums.setdefault(norm, []).append(inputs[0].float().mean((0, 2, 3)))
