"""Weight sharing: one bank of weights, of which every architecture of a space is a child.

As in ENAS (Pham et al. 2018, arXiv 1802.03268, section 2) children share the weights of an
operation at the same place of the same cell. A step trains the one child that was sampled for it
(single path; Guo et al. 2019, arXiv 1904.00420, section 3), so it costs what a step of that child
costs, and little more for putting it together.

Any space works: a child is the space's own network, built without memory (on the meta device), with
its weights replaced by those of the bank. A weight's name in the bank is its place in the network,
the operation of its node, and its shape. Unlike ENAS, weights do not depend on the input that an
operation reads: a search here has thousands of steps, not hundreds of thousands, and each weight
must be trained often enough to mean something.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional

from nas.controllers.generators import derived
from nas.data.augment import Augment, steps
from nas.seeding import generator, seeded
from nas.train import learning_rate
from nas.trial import FailureKind, TrialFailure, TrialStopped
from searchspaces.cells import CellModule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nas.data.images import Images, SearchData
    from nas.evaluators import Report
    from nas.recipe import Recipe
    from searchspaces import SearchSpace, Task
    from searchspaces.arch import Arch
    from searchspaces.scale import Scale

RECALIBRATED = 8  # batches from which a child's own batch statistics are taken


class WeightBank:
    """Shared weights by name; those of an operation are made when it is first needed."""

    def __init__(self, space: SearchSpace, task: Task, scale: Scale, seed: int) -> None:
        """Begin empty.

        While the bank grows, it keeps what its children lack; once it is ``frozen``, a child has
        what the bank lacks for itself, by the seed and the architecture alone, so that no child
        depends on those before it.
        """
        self.space, self.task, self.scale, self.seed = space, task, scale, seed
        self.device = torch.device("cpu")
        self.weights: dict[str, nn.Parameter] = {}
        self.frozen = False

    def child(self, arch: Arch) -> nn.Module:
        """Return the network of an architecture, its parameters those of the bank.

        Its batch statistics are fresh.
        """
        with torch.device("meta"):
            model = self.space.build(arch, self.task, self.scale)
        slots = list(_slots(model))
        weights = self.weights
        if any(name not in weights for *_, name in slots):
            weights = self._made(arch) | weights
            if not self.frozen:
                self.weights = weights
        for module, own, _, name in slots:
            module._parameters[own] = weights[name]
        for module in model.modules():
            for own, buffer in module._buffers.items():
                if buffer is not None and buffer.is_meta:
                    fill = torch.ones_like if own == "running_var" else torch.zeros_like
                    module._buffers[own] = fill(buffer, device=self.device)
        return model

    def _made(self, arch: Arch) -> dict[str, nn.Parameter]:
        """Return fresh weights of an architecture, initialised as the space's own network."""
        with seeded(derived(self.seed, arch.key()), torch.device("cpu")):
            model = self.space.build(arch, self.task, self.scale)
        names = shared_names(model)
        return {
            names[path]: nn.Parameter(parameter.detach().to(self.device))
            for path, parameter in model.named_parameters()
        }


def shared_names(model: nn.Module) -> dict[str, str]:
    """Return the name in the bank of every parameter of a network, by its name there."""
    return {path: name for _, _, path, name in _slots(model)}


def _slots(model: nn.Module) -> Iterator[tuple[nn.Module, str, str, str]]:
    """Yield where each parameter lies (module, own name), its name here, and that in the bank."""
    ops: dict[str, str] = {}  # where a node's module lies, to its operation
    root = op = ""
    for path, module in model.named_modules():  # what lies inside a module comes right after it
        if isinstance(module, CellModule):
            ops |= {f"{path}.ops.{i}": node.op for i, node in enumerate(module.cell.nodes)}
        if path in ops:
            root, op = f"{path}.", ops[path]
        elif root and not path.startswith(root):
            root = op = ""
        for own, parameter in module._parameters.items():
            if parameter is not None:
                full = f"{path}.{own}" if path else own
                yield module, own, full, f"{full}|{op}|{tuple(parameter.shape)}"


class Supernet:
    """A weight bank with its training."""

    def __init__(
        self, space: SearchSpace, data: SearchData, recipe: Recipe, scale: Scale, seed: int
    ) -> None:
        """Prepare to train on the data's device."""
        self.space, self.data, self.recipe, self.seed = space, data, recipe, seed
        self.bank = WeightBank(space, data.task, scale, seed)
        self.bank.device = data.train.x.device
        self.paths = random.Random(derived(seed, "paths"))
        self.images = _augment(data.train, data, recipe)
        self.random = generator(seed, "supernet images")
        self.total = steps(len(data.train), recipe.batch_size) * recipe.epochs
        self.step = 0
        self.optimiser = _optimiser(recipe)
        self._known: set[str] = set()

    def train(self, report: Report) -> None:
        """Train all epochs of the recipe, a uniformly drawn child a step.

        Calls ``report(epoch, {"supernet_loss": mean})``; raises TrialStopped once that returns
        False, TrialFailure(DIVERGED) where the loss is no finite number.
        """
        with seeded(self.seed, self.bank.device):
            for epoch in range(1, self.recipe.epochs + 1):
                losses = [
                    self.learn(self.space.decode(self.space.sample(self.paths)), x, y)
                    for x, y in self.images.epoch(self.recipe.batch_size, self.random)
                ]
                mean = float(torch.stack(losses).mean())
                if not mean < float("inf"):
                    message = f"the loss of the shared weights was {mean} in epoch {epoch}"
                    raise TrialFailure(FailureKind.DIVERGED, message)
                if not report(epoch, {"supernet_loss": mean}):
                    raise TrialStopped
        self.bank.frozen = True

    def learn(self, arch: Arch, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Take one step on a child: (batch, channels, height, width), (batch,); return its loss."""
        model = self.bank.child(arch).train()
        self._include()
        progress = getattr(model, "set_progress", None)
        if progress is not None:
            progress(self.step / self.total)
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.recipe, min(self.step, self.total - 1), self.total)
        order = torch.channels_last if self.recipe.channels_last else torch.contiguous_format
        out: Any = model(x.contiguous(memory_format=order))
        logits, auxiliary = out if isinstance(out, tuple) else (out, None)
        loss = self._loss(logits, y)
        whole = loss
        if auxiliary is not None:
            whole = loss + self.recipe.auxiliary_weight * self._loss(auxiliary, y)
        self.optimiser.zero_grad(set_to_none=True)
        whole.backward()
        if self.recipe.grad_clip:
            torch.nn.utils.clip_grad_norm_(model.parameters(), self.recipe.grad_clip)
        self.optimiser.step()
        self.step += 1
        return loss.detach()

    def calibrated(self, arch: Arch, batches: int = RECALIBRATED) -> nn.Module:
        """Return a child whose batch statistics are its own: the mean over training batches.

        A child's statistics are those of its path alone; taken over from others they are wrong
        (arXiv 1904.00420, section 3.3).
        """
        model = self.bank.child(arch).train()
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = None  # the plain mean of all batches
        images = _augment(self.data.train, self.data, self.recipe)
        draws = generator(self.seed, "calibration")
        with torch.no_grad():
            for number, (x, _) in enumerate(images.epoch(self.recipe.batch_size, draws)):
                if number == batches:
                    break
                model(x)
        return model.eval()

    def _include(self) -> None:
        """Give the optimiser the weights that were made since the last step."""
        for name, parameter in self.bank.weights.items():
            if name not in self._known:
                self._known.add(name)
                self.optimiser.param_groups[parameter.ndim <= 1]["params"].append(parameter)

    def _loss(self, logits: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(
            logits.float(), y, label_smoothing=self.recipe.label_smoothing
        )


def _augment(images: Images, data: SearchData, recipe: Recipe) -> Augment:
    padding = recipe.crop_padding
    return Augment(
        images,
        data.statistics,
        padding=images.x.shape[2] // 8 if padding is None else padding,
        flip=images.mirror if recipe.flip == "auto" else recipe.flip == "on",
        cutout=recipe.cutout,
    )


def _optimiser(recipe: Recipe) -> torch.optim.SGD:
    """Return SGD without weights yet: one group that decays, one (biases, norms) that does not."""
    first = [nn.Parameter(torch.zeros(1, 1)), nn.Parameter(torch.zeros(1))]
    optimiser = torch.optim.SGD(
        [
            {"params": first[:1], "weight_decay": recipe.weight_decay},
            {"params": first[1:], "weight_decay": 0.0},
        ],
        lr=recipe.learning_rate,
        momentum=recipe.momentum,
        nesterov=recipe.momentum > 0,
        foreach=True,
    )
    for group in optimiser.param_groups:
        group["params"].clear()
    return optimiser
