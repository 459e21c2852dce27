"""Several processes train one network: what they send each other, and batch norm over all of them.

Each process works on its part of every batch. Gradients are averaged after the backward pass, in
one message a data type, and batch normalisation uses the moments of the whole batch. So the result
is that of one process with the whole batch, up to rounding.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, distributed, nn

from nas.data.shard import Shard

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

TIMEOUT = timedelta(minutes=10)  # a process that died without closing its connections
Norm = nn.modules.batchnorm._BatchNorm


class Parallel:
    """One process of a training. With ``world`` 1 nothing is sent and nothing is changed."""

    def __init__(self, rank: int = 0, world: int = 1, *, local_rank: int = 0) -> None:
        """Keep the numbers; the process group must have been joined where ``world`` is above 1."""
        self.rank, self.world, self.local_rank = rank, world, local_rank
        self.shard = Shard(rank, world)

    @property
    def first(self) -> bool:
        """Whether this is the process that reports and writes."""
        return self.rank == 0

    def sum(self, tensor: Tensor) -> Tensor:
        """Return the sum over all processes, written into ``tensor``."""
        if self.world > 1:
            distributed.all_reduce(tensor)
        return tensor

    def agreed(self, mine: bool, device: torch.device) -> bool:
        """Return what the first process says."""
        if self.world == 1:
            return mine
        told = torch.tensor(int(mine), device=device)
        distributed.broadcast(told, 0)
        return bool(told.item())

    def wait(self) -> None:
        """Wait until every process has come here."""
        if self.world > 1:
            distributed.barrier()

    def copy_first(self, tensors: Sequence[Tensor]) -> None:
        """Give every process the tensors of the first."""
        if self.world > 1:
            for tensor in tensors:
                distributed.broadcast(tensor.detach(), 0)

    def average(self, parameters: Sequence[nn.Parameter]) -> None:
        """Average the gradients; one that no process has stays away, as with one process."""
        if self.world == 1:
            return
        device = parameters[0].device
        has = torch.tensor([p.grad is not None for p in parameters], device=device).int()
        distributed.all_reduce(has)
        used = [p for p, count in zip(parameters, has.tolist(), strict=True) if count]
        for dtype in dict.fromkeys(p.dtype for p in used):
            some = [p for p in used if p.dtype == dtype]
            gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in some]
            flat = torch.cat([gradient.flatten() for gradient in gradients])
            distributed.all_reduce(flat)
            flat /= self.world
            parts = flat.split([p.numel() for p in some])
            for parameter, gradient, part in zip(some, gradients, parts, strict=True):
                gradient.copy_(part.view_as(gradient))
                parameter.grad = gradient

    @contextmanager
    def synchronised(self, model: nn.Module) -> Iterator[None]:
        """Let batch normalisation see the whole batch, for the length of a block.

        The layers are replaced by others that hold the same parameters and buffers, under the same
        names, and put back afterwards. The network must be on its device already.
        """
        replaced = []
        if self.world > 1:
            for parent in list(model.modules()):
                for name, child in list(parent.named_children()):
                    if isinstance(child, Norm):
                        replaced.append((parent, name, child))
                        setattr(parent, name, _over_all(child))
        try:
            yield
        finally:
            for parent, name, child in replaced:
                child.train(getattr(parent, name).training)
                setattr(parent, name, child)


SOLO = Parallel()


class GlobalBatchNorm(Norm):
    """Batch normalisation with the moments of all processes' images, for the CPU (gloo).

    torch has such a layer for GPUs only. The mean is agreed on first and the variance after it:
    the mean of squares less the square of the mean would lose digits.
    """

    def _check_input_dim(self, input: Tensor) -> None:
        """Take maps and vectors alike."""

    def forward(self, input: Tensor) -> Tensor:
        """Normalise over all but the second dimension, and over the processes."""
        if not self.training:
            still: Tensor = super().forward(input)
            return still
        x = input.float()
        over = [place for place in range(x.ndim) if place != 1]
        here = x.numel() // x.shape[1]
        total = _summed(torch.cat([x.sum(over), x.new_tensor([float(here)])]))
        count = total[-1].detach()
        form = (1, -1, *[1] * (x.ndim - 2))
        mean = total[:-1] / count
        centred = x - mean.view(form)
        variance = _summed(centred.square().sum(over)) / count
        self._remember(mean.detach(), variance.detach() * count / (count - 1))
        out = centred * (variance + self.eps).rsqrt().view(form)
        if self.weight is not None:
            out = out * self.weight.view(form) + self.bias.view(form)
        result: Tensor = out.to(input.dtype)
        return result

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        if self.running_mean is None or self.running_var is None:
            return
        if self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
        rate = self.momentum
        if rate is None and self.num_batches_tracked is not None:
            rate = 1.0 / float(self.num_batches_tracked)
        self.running_mean.lerp_(mean, rate or 0.0)
        self.running_var.lerp_(variance, rate or 0.0)


class _Sum(torch.autograd.Function):
    """The sum over all processes; so is its gradient, as every process's loss depends on it."""

    @staticmethod
    def forward(_: Any, x: Tensor) -> Tensor:
        total = x.clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(_: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].clone()
        distributed.all_reduce(total)
        return total


def _summed(x: Tensor) -> Tensor:
    total: Tensor = _Sum.apply(x)
    return total


def _over_all(norm: nn.Module) -> nn.Module:
    """Return a layer over all processes with the parameters and buffers of another."""
    old: Any = norm
    tensor = next((t for t in (old.weight, old.running_mean) if t is not None), None)
    kind = nn.SyncBatchNorm if tensor is not None and tensor.is_cuda else GlobalBatchNorm
    new: Any = kind(old.num_features, old.eps, old.momentum, affine=False)
    new.affine, new.track_running_stats = old.affine, old.track_running_stats
    for name in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"):
        value = getattr(old, name)
        if isinstance(value, nn.Parameter):
            setattr(new, name, value)
        else:
            new._parameters.pop(name, None)
            new._buffers[name] = value
    return new.train(old.training)  # type: ignore[no-any-return]


@contextmanager
def joined(init: str = "env://") -> Iterator[Parallel]:
    """Join the processes that RANK and WORLD_SIZE count, as torchrun sets them; one if unset.

    ``init`` is where they meet. Each takes the GPU of its LOCAL_RANK if there is one (NCCL), else
    they talk by gloo.
    """
    rank, world = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        yield SOLO
        return
    local = int(os.environ.get("LOCAL_RANK", str(rank)))
    gpus = torch.cuda.is_available() and torch.cuda.device_count() > local
    if gpus:
        torch.cuda.set_device(local)
    distributed.init_process_group(
        "nccl" if gpus else "gloo", init_method=init, rank=rank, world_size=world, timeout=TIMEOUT
    )
    try:
        yield Parallel(rank, world, local_rank=local)
    finally:
        distributed.destroy_process_group()
