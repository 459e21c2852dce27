"""The training loop, the only one: SGD and one cosine, reports by epoch, and when to give up."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

from nas.data.augment import Augment, plain, steps
from nas.seeding import generator, seeded
from nas.trial import FailureKind, TrialFailure, TrialStopped

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from torch import Tensor, nn

    from nas.data.images import Images, Statistics
    from nas.evaluators import Report
    from nas.recipe import Recipe
    from nas.trial import Metrics

EVALUATED = 512 * 32 * 32  # pixels at a time: 512 images of 32x32, fewer of larger ones
CHECKED_EVERY = 16  # steps between looks at the loss: each makes a GPU wait for its queue


def pick_device(name: str) -> torch.device:
    """Return the device of a recipe; raise ValueError where this machine has no such GPU."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(name)
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device.type == "cuda" and (device.index or 0) >= count:
        raise ValueError(
            f"device is {name!r}, but {count} GPUs can be used here; allowed: auto, cpu"
        )
    return device


def fit(
    model: nn.Module,
    train: Images,
    evaluate_on: Images | None,
    recipe: Recipe,
    *,
    statistics: Statistics,
    seed: int,
    report: Report | None = None,
) -> Metrics:
    """Train a network where its images are, and return how good it is in the end.

    Calls ``report(epoch, metrics)`` after each epoch, counted from 1, with train_loss,
    learning_rate, images_per_second and, where there is ``evaluate_on``, accuracy (0 to 1) and
    loss. Returns the last of these without the speed, so that on one thread of a CPU the same
    seed gives the same numbers, bit for bit. Raises TrialStopped once ``report`` returns False,
    and TrialFailure(DIVERGED) where a loss is no finite number.
    """
    model.to(train.x.device)
    if recipe.channels_last:
        model.to(memory_format=torch.channels_last)
    run = _Run(model, train, recipe, statistics, seed)
    metrics: Metrics = {}
    with seeded(seed, train.x.device):
        for epoch in range(1, recipe.epochs + 1):
            metrics, speed = run.epoch(epoch)
            if evaluate_on is not None:
                metrics |= evaluate(model, evaluate_on, statistics, recipe)
                _check(metrics["loss"], f"on the selection images after epoch {epoch}")
            if report is not None and not report(epoch, metrics | {"images_per_second": speed}):
                raise TrialStopped(f"stopped after epoch {epoch} of {recipe.epochs}")
    return metrics


def evaluate(model: nn.Module, images: Images, statistics: Statistics, recipe: Recipe) -> Metrics:
    """Return accuracy (the part whose best guess is right) and mean cross-entropy loss."""
    model.eval()
    device = images.x.device
    right = torch.zeros((), dtype=torch.int64, device=device)
    loss = torch.zeros((), dtype=torch.float64, device=device)
    batch = max(1, EVALUATED // images.x[0, 0].numel())
    with torch.inference_mode(), _precision(recipe, device):
        for x, y in plain(images, statistics, min(512, batch)):
            logits = model(_placed(x, recipe)).float()  # (batch, classes)
            right += (logits.argmax(1) == y).sum()
            loss += functional.cross_entropy(logits, y, reduction="sum")
    return {"accuracy": right.item() / len(images), "loss": loss.item() / len(images)}


def learning_rate(recipe: Recipe, step: int, total: int) -> float:
    """Return the rate of a step, counted from 0: a linear warm-up, then half a cosine to 0."""
    warmup = round(recipe.warmup_fraction * total)
    if step < warmup:
        return recipe.learning_rate * (step + 1) / (warmup + 1)
    done = (step - warmup) / (total - warmup)
    return recipe.learning_rate * (1 + math.cos(math.pi * done)) / 2


class _Run:
    """One training: the network, its optimiser, its images, and how far it has come."""

    def __init__(
        self, model: nn.Module, train: Images, recipe: Recipe, statistics: Statistics, seed: int
    ) -> None:
        self.model, self.recipe, self.device = model, recipe, train.x.device
        padding = recipe.crop_padding
        self.images = Augment(
            train,
            statistics,
            padding=train.x.shape[2] // 8 if padding is None else padding,
            flip=train.mirror if recipe.flip == "auto" else recipe.flip == "on",
            cutout=recipe.cutout,
        )
        self.batches = steps(len(train), recipe.batch_size)
        self.total = self.batches * recipe.epochs
        self.step = 0
        self.random = generator(seed, "augmentation")
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        self.optimiser = _optimiser(self.parameters, recipe)

    def epoch(self, number: int) -> tuple[Metrics, float]:
        """Train on every image once; return the mean loss and last rate, and images a second."""
        self.model.train()
        begun, count = time.perf_counter(), 0
        total = torch.zeros((), dtype=torch.float64, device=self.device)
        for x, y in self.images.epoch(self.recipe.batch_size, self.random):
            total += self._learn(_placed(x, self.recipe), y)
            count += len(y)
            if self.step % CHECKED_EVERY == 0:
                _check(total.item(), f"in epoch {number}, step {self.step}")
        mean = total.item() / self.batches
        _check(mean, f"in epoch {number}")
        rate = self.optimiser.param_groups[0]["lr"]
        metrics = {"train_loss": mean, "learning_rate": rate}
        return metrics, count / (time.perf_counter() - begun)

    def _learn(self, x: Tensor, y: Tensor) -> Tensor:
        """Take one step; return the loss before it, without those of auxiliary classifiers."""
        set_progress = getattr(self.model, "set_progress", None)
        if set_progress is not None:
            set_progress(self.step / self.total)
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.recipe, self.step, self.total)
        with _precision(self.recipe, self.device):
            out: Any = self.model(x)
            logits, *auxiliary = out if isinstance(out, tuple) else (out,)
            loss = self._loss(logits, y)
            whole = loss
            for other in auxiliary:
                whole = whole + self.recipe.auxiliary_weight * self._loss(other, y)
        self.optimiser.zero_grad(set_to_none=True)
        whole.backward()
        if self.recipe.grad_clip:
            torch.nn.utils.clip_grad_norm_(self.parameters, self.recipe.grad_clip)
        self.optimiser.step()
        self.step += 1
        return loss.detach()

    def _loss(self, logits: Tensor, y: Tensor) -> Tensor:
        smoothing = self.recipe.label_smoothing
        return functional.cross_entropy(logits.float(), y, label_smoothing=smoothing)


def _optimiser(parameters: list[nn.Parameter], recipe: Recipe) -> torch.optim.SGD:
    """Return SGD that decays weights, but neither biases nor batch normalisation (slim's rule)."""
    groups = [
        {
            "params": [p for p in parameters if p.ndim > 1],
            "weight_decay": recipe.weight_decay,
        },
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    # Not fused: fused SGD raises where a parameter gets its first gradient later than others.
    return torch.optim.SGD(
        groups,
        lr=recipe.learning_rate,
        momentum=recipe.momentum,
        nesterov=recipe.momentum > 0,
        foreach=True,
    )


def _precision(recipe: Recipe, device: torch.device) -> AbstractContextManager[Any]:
    """Return the autocast of a recipe; on a CPU bf16 slows depthwise convolutions down."""
    auto = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    bf16 = auto if recipe.precision == "auto" else recipe.precision == "bf16"
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=bf16)


def _placed(x: Tensor, recipe: Recipe) -> Tensor:
    order = torch.channels_last if recipe.channels_last else torch.contiguous_format
    return x.contiguous(memory_format=order)


def _check(loss: float, where: str) -> None:
    if not math.isfinite(loss):
        raise TrialFailure(FailureKind.DIVERGED, f"the loss was {loss} {where}")
