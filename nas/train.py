"""The training loop, the only one: SGD and one cosine, reports by epoch, and when to give up."""

from __future__ import annotations

import math
import time
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

from nas.seeding import reseed, seeded
from nas.training.ema import Ema
from nas.training.extras import PLAIN, Extras
from nas.training.feed import MemoryFeed, in_order
from nas.training.parallel import SOLO, Parallel
from nas.trial import FailureKind, TrialFailure, TrialStopped

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from contextlib import AbstractContextManager

    from torch import Tensor, nn

    from nas.data.images import Images
    from nas.evaluators import Report
    from nas.normalisation import Statistics
    from nas.recipe import Recipe
    from nas.training.feed import Feed
    from nas.trial import Metrics

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
    feed: Feed
    if recipe.randaugment or recipe.crop_scale < 1:
        from nas.data.pictures import TensorPictures
        from nas.training.stream import StreamFeed

        held_out = None if evaluate_on is None else TensorPictures(evaluate_on)
        feed = StreamFeed(
            TensorPictures(train), held_out, recipe, statistics, seed=seed, device=train.x.device
        )
    else:
        feed = MemoryFeed(train, evaluate_on, recipe, statistics, seed=seed)
    return fit_feed(model, feed, recipe, seed=seed, report=report)


def fit_feed(
    model: nn.Module,
    feed: Feed,
    recipe: Recipe,
    *,
    seed: int,
    report: Report | None = None,
    extras: Extras = PLAIN,
) -> Metrics:
    """Train a network on the batches of a feed; :func:`fit` says what is reported and raised.

    With a checkpoint, what an earlier run has finished is not done again, and not reported again.
    With several processes only the first reports; all stop together.
    """
    model.to(feed.device)
    if recipe.channels_last:
        model.to(memory_format=torch.channels_last)
    parallel = extras.parallel
    with seeded(seed, feed.device), parallel.synchronised(model):
        run = _Run(model, feed, recipe, extras)
        metrics = run.resume()
        for epoch in range(run.done + 1, recipe.epochs + 1):
            if extras.checkpoint is not None or parallel.world > 1:
                reseed(seed, f"epoch {epoch}")
            metrics, speed = run.epoch(epoch)
            metrics |= run.evaluate(epoch)
            run.save(epoch, metrics)
            go_on = True
            if report is not None and parallel.first:
                go_on = report(epoch, metrics | {"images_per_second": speed})
            if not parallel.agreed(go_on, feed.device):
                raise TrialStopped(f"stopped after epoch {epoch} of {recipe.epochs}")
        if run.ema is not None:
            run.ema.keep()
    return metrics


def evaluate(model: nn.Module, images: Images, statistics: Statistics, recipe: Recipe) -> Metrics:
    """Return accuracy (the part whose best guess is right) and mean cross-entropy loss."""
    return score(model, in_order(images, statistics), recipe, images.x.device)


def score(
    model: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    recipe: Recipe,
    device: torch.device,
    parallel: Parallel = SOLO,
) -> Metrics:
    """Return accuracy and loss over the batches of all processes, as :func:`evaluate` does."""
    model.eval()
    right = torch.zeros((), dtype=torch.int64, device=device)
    loss = torch.zeros((), dtype=torch.float64, device=device)
    count = 0
    with torch.inference_mode(), _precision(recipe, device):
        for x, y in batches:
            logits = model(_placed(x, recipe)).float()  # (batch, classes)
            right += (logits.argmax(1) == y).sum()
            loss += functional.cross_entropy(logits, y, reduction="sum")
            count += len(y)
    if parallel.world > 1:
        sums = torch.stack([right.double(), loss, torch.full_like(loss, count)])
        right, loss, all_of_them = parallel.sum(sums).unbind()
        count = int(all_of_them)
    return {"accuracy": right.item() / count, "loss": loss.item() / count}


def learning_rate(recipe: Recipe, step: int, total: int) -> float:
    """Return the rate of a step, counted from 0: a linear warm-up, then half a cosine to 0."""
    warmup = round(recipe.warmup_fraction * total)
    if step < warmup:
        return recipe.learning_rate * (step + 1) / (warmup + 1)
    done = (step - warmup) / (total - warmup)
    return recipe.learning_rate * (1 + math.cos(math.pi * done)) / 2


class _Run:
    """One training: the network, its optimiser, its images, and how far it has come."""

    def __init__(self, model: nn.Module, feed: Feed, recipe: Recipe, extras: Extras) -> None:
        self.model, self.feed, self.recipe, self.extras = model, feed, recipe, extras
        self.device, self.parallel = feed.device, extras.parallel
        self.total = feed.batches * recipe.epochs
        self.step = self.done = 0
        self.history: list[Metrics] = []
        self.parallel.copy_first([*model.parameters(), *model.buffers()])
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        self.optimiser = _optimiser(model, recipe, extras.rates)
        self.still = [part for name, part in model.named_modules() if name in extras.still]
        self.ema = Ema(model, recipe.ema) if recipe.ema else None

    def epoch(self, number: int) -> tuple[Metrics, float]:
        """Train on every image once; return the mean loss and last rate, and images a second."""
        self.model.train()
        for part in self.still:
            part.eval()
        begun, count = time.perf_counter(), 0
        total = torch.zeros((), dtype=torch.float64, device=self.device)
        for x, y in self.feed.epoch(number):
            total += self._learn(_placed(x, self.recipe), y)
            count += len(y)
            if self.step % CHECKED_EVERY == 0:
                _check(self._over_all(total), f"in epoch {number}, step {self.step}")
        mean = self._over_all(total) / self.feed.batches
        _check(mean, f"in epoch {number}")
        group = self.optimiser.param_groups[0]
        metrics = {"train_loss": mean, "learning_rate": group["lr"] / group["factor"]}
        return metrics, count * self.parallel.world / (time.perf_counter() - begun)

    def evaluate(self, epoch: int) -> Metrics:
        """Return accuracy and loss on the held-out images, none where there are none."""
        batches = self.feed.held_out()
        if batches is None:
            return {}
        with nullcontext() if self.ema is None else self.ema.inside():
            found = score(self.model, batches, self.recipe, self.device, self.parallel)
        _check(found["loss"], f"on the selection images after epoch {epoch}")
        return found

    def resume(self) -> Metrics:
        """Go on from the checkpoint, if there is one; return the metrics of its epoch."""
        checkpoint = self.extras.checkpoint
        state = None if checkpoint is None else checkpoint.load()
        if state is None:
            return {}
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        if self.ema is not None:
            self.ema.load(state["ema"], state["step"])
        if state["feed"] is not None:
            self.feed.load(state["feed"])
        self.done, self.step, self.history = state["epoch"], state["step"], state["history"]
        return dict(self.history[-1])

    def save(self, epoch: int, metrics: Metrics) -> None:
        """Write the checkpoint after an epoch, in the first process."""
        self.history.append(dict(metrics))
        if self.extras.checkpoint is not None and self.parallel.first:
            self.extras.checkpoint.save(
                {
                    "epoch": epoch,
                    "step": self.step,
                    "history": self.history,
                    "model": self.model.state_dict(),
                    "optimiser": self.optimiser.state_dict(),
                    "ema": None if self.ema is None else self.ema.average,
                    "feed": self.feed.state(),
                }
            )

    def _over_all(self, total: Tensor) -> float:
        """Return the mean over the processes of a sum of losses."""
        return self.parallel.sum(total.clone()).item() / self.parallel.world

    def _learn(self, x: Tensor, y: Tensor) -> Tensor:
        """Take one step; return the loss before it, without those of auxiliary classifiers."""
        set_progress = getattr(self.model, "set_progress", None)
        if set_progress is not None:
            set_progress(self.step / self.total)
        for group in self.optimiser.param_groups:
            group["lr"] = group["factor"] * learning_rate(self.recipe, self.step, self.total)
        with _precision(self.recipe, self.device):
            out: Any = self.model(x)
            logits, *auxiliary = out if isinstance(out, tuple) else (out,)
            loss = self._loss(logits, y)
            whole = loss
            for other in auxiliary:
                whole = whole + self.recipe.auxiliary_weight * self._loss(other, y)
        self.optimiser.zero_grad(set_to_none=True)
        whole.backward()
        self.parallel.average(self.parameters)
        if self.recipe.grad_clip:
            torch.nn.utils.clip_grad_norm_(self.parameters, self.recipe.grad_clip)
        self.optimiser.step()
        if self.ema is not None:
            self.ema.update()
        self.step += 1
        return loss.detach()

    def _loss(self, logits: Tensor, y: Tensor) -> Tensor:
        smoothing = self.recipe.label_smoothing
        return functional.cross_entropy(logits.float(), y, label_smoothing=smoothing)


def _optimiser(model: nn.Module, recipe: Recipe, rates: Mapping[str, float]) -> torch.optim.SGD:
    """Return SGD that decays weights, but neither biases nor batch normalisation (slim's rule).

    Each group has the ``factor`` of its learning rate; the first is the network's own where all
    have the same.
    """
    by_factor: dict[float, tuple[list[nn.Parameter], list[nn.Parameter]]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            weights, rest = by_factor.setdefault(rates.get(name, 1.0), ([], []))
            (weights if parameter.ndim > 1 else rest).append(parameter)
    groups = [
        {"params": params, "weight_decay": decay, "factor": factor}
        for factor, (weights, rest) in by_factor.items()
        for params, decay in ((weights, recipe.weight_decay), (rest, 0.0))
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
