"""How well trained features fit other images: what a linear classifier makes of each stage.

Two questions. Are the images of the kind that the network was trained on? Batch normalisation
remembers the mean and variance of every channel over the training images, and these characterise a
kind of images (arXiv 1603.04779, section 3.1): how far are the means of the new ones? And do the
trained features help? That is how much better a linear classifier does on them than on those of a
fresh network of the same form. A network without batch normalisation remembers nothing, so there
its last features are compared with those in its middle, before it specialised. The accuracies are
leave-one-out, so they say how a classifier does on images that it was not fitted to, and every
image is used.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from nas.data.augment import plain
from nas.finetune.ridge import BATCH, fit, some
from nas.finetune.stages import features

if TYPE_CHECKING:
    from nas.data.images import Images
    from nas.finetune.stages import Stages
    from nas.normalisation import Statistics


# Deviations. Half way, in ratios, between similar and different images of the networks of
# benchmarks/similarity.py; those of benchmarks/finetune.py are others.
SHIFTED = 0.19


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
        """Whether the images are of a known kind and trained features help by an error or more.

        Without a shift: whether no earlier stage is better, and they help by two errors or more.
        """
        if self.shift is not None:
            return self.shift <= SHIFTED and self.gain > self.gain_error
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

    ``fresh`` is the same network with other, untrained weights; its batch normalisation gets the
    statistics of these images, without which signals grow or vanish in a deep one. Up to 1,000
    images are looked at. Raises FinetuneError where features are not finite.
    """
    looked_at = some(images, seed)
    batches = [x for x, _ in plain(looked_at, statistics, BATCH)]
    _settle(fresh, batches)
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


@torch.no_grad()
def shift_of(model: nn.Module, images: Images, statistics: Statistics) -> float | None:
    """Return how far images shift the maps of a trained network; see Similarity."""
    model.eval()
    with _Watch(model) as shifts:
        for x, _ in plain(images, statistics, BATCH):
            model(x)
    return shifts.mean()


def right(x: Tensor, y: Tensor) -> Tensor:
    """Return for each image 1 if a linear classifier fitted to all the others knows it, else 0."""
    names, labels = torch.unique(y, return_inverse=True)
    return fit(x, labels, len(names)).known


@torch.no_grad()
def _settle(model: nn.Module, batches: list[Tensor]) -> None:
    """Give batch normalisation the statistics that it would have after training on the batches."""
    model.eval()
    norms = [part for part in model.modules() if isinstance(part, _BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the mean over all batches
        norm.train()
    for batch in batches:
        if len(batch) > 1:
            model(batch)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        norm.eval()


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
        self.images: Counter[nn.Module] = Counter()

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
                now = torch.stack(sums).sum(0) / self.images[norm]
                found.append(((now - mean).abs() / (spread + 1e-5).sqrt()).cpu())
        return torch.cat(found).mean().item() if found else None

    def _note(self, norm: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        self.sums.setdefault(norm, []).append(inputs[0].float().mean((2, 3)).sum(0))
        self.images[norm] += len(inputs[0])
