"""A linear classifier in closed form: ridge regression to the classes, and what it misses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from nas.data.augment import plain
from nas.finetune.errors import FinetuneError
from nas.finetune.stages import features
from nas.seeding import generator

if TYPE_CHECKING:
    from nas.data.images import Images
    from nas.finetune.stages import Stages
    from nas.normalisation import Statistics

LOOKED_AT = 1000  # images at most: the leave-one-out needs their kernel matrix
PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)  # of the mean eigenvalue; the best is chosen
SHARPER = tuple(10 ** (step / 20) for step in range(41))  # 1 to 100
BATCH = 64


@dataclass(frozen=True, slots=True)
class Classifier:
    """A linear layer for features as they are, (classes, features) and (classes,).

    ``known`` is for each image 1 if the classifier fitted to all the others knows it, else 0.
    """

    weight: Tensor
    bias: Tensor
    known: Tensor


def fit(x: Tensor, y: Tensor, classes: int) -> Classifier:
    """Return the classifier of features (images, features) and the numbers of their classes.

    Ridge regression to the classes with a free constant; leaving one out has a closed form: the
    residual over one less the image's own weight in its prediction. The constant's weight, 1/n,
    must be counted: without it the mean of all images would tell the class of the one left out. The
    penalty with the least squared error is used. Features are scaled by all images. Predictions
    lie between 0 and 1; as logits they are made as sharp as suits those of the left out. Raises
    FinetuneError where features are not finite.
    """
    if not x.isfinite().all():
        raise FinetuneError("the network's features of these images are not finite numbers")
    middle, spread = x.mean(0), x.std(0).clamp_min(1e-6)
    scaled = ((x - middle) / spread).double()
    targets = functional.one_hot(y, classes).double()
    constant = targets.mean(0)
    centred = targets - constant
    values, vectors = torch.linalg.eigh(scaled @ scaled.T)
    values = values.clamp_min(0)
    turned = vectors.T @ centred
    found: list[tuple[float, Tensor, Tensor]] = []  # squared error, predictions, sizes
    for penalty in PENALTIES:
        size = values + penalty * values.mean().clamp_min(1e-12)
        residual = centred - vectors @ ((values / size)[:, None] * turned)
        own = 1 / len(x) + (vectors.square() * (values / size)).sum(1)
        left_out = residual / (1 - own).clamp_min(1e-9)[:, None]
        found.append((left_out.square().mean().item(), targets - left_out, size))
    _, predicted, size = min(found, key=lambda one: one[0])
    slopes = scaled.T @ (vectors @ (turned / size[:, None]))
    sharp = min(SHARPER, key=lambda by: functional.cross_entropy(by * predicted, y).item())
    return Classifier(
        (sharp * slopes.T / spread).float(),
        (sharp * (constant - (middle / spread).double() @ slopes)).float(),
        (predicted.argmax(1) == y).double(),
    )


def some(images: Images, seed: int) -> Images:
    """Return up to 1,000 of the images, at random."""
    chosen = torch.randperm(len(images), generator=generator(seed, "probe"))[:LOOKED_AT]
    return type(images)(images.x[chosen], images.y[chosen], images.mirror)


def can_fit(model: nn.Module, stages: Stages) -> bool:
    """Return whether the classifier is a linear layer with a constant, which can be fitted."""
    head = model.get_submodule(stages.head)
    return isinstance(head, nn.Linear) and isinstance(head.bias, nn.Parameter)


@torch.no_grad()
def fit_head(
    model: nn.Module, stages: Stages, images: Images, statistics: Statistics, seed: int
) -> None:
    """Give a network the classifier that fits its features of up to 1,000 images."""
    looked_at = some(images, seed)
    batches = [x for x, _ in plain(looked_at, statistics, BATCH)]
    head = model.get_submodule(stages.head)
    if not isinstance(head, nn.Linear):
        raise TypeError(f"{stages.head} is {type(head).__name__}, no linear layer")
    fitted = fit(features(model, stages, batches)[-1], looked_at.y, head.out_features)
    head.weight.copy_(fitted.weight)
    head.bias.copy_(fitted.bias)
