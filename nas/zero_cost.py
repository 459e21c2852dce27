"""Scores of untrained networks from one batch of images: seconds instead of a training.

All are defined so that more should be better. Whether it is depends on the space: measured here,
some came out negative, so never use one without ``nas audit`` or ``benchmarks/zero_cost.py``.
"""

from __future__ import annotations

import math
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from nas.trial import Metrics

SCORES = ("jacov", "naswot", "synflow", "grad_norm", "params", "madds")
JACOV_K = 1e-5  # stabiliser of the published code (BayesWatch/nas-without-training)


def measure_scores(model: nn.Module, images: Tensor, labels: Tensor) -> Metrics:
    """Return jacov, naswot, synflow and grad_norm of a fresh network.

    ``images``: (batch, channels, height, width), normalised; ``labels``: (batch,). The network's
    weights are as before afterwards. A score that is no finite number is left out.
    """
    found = {
        "jacov": jacov(model, images),
        "naswot": naswot(model, images),
        "grad_norm": grad_norm(model, images, labels),
        "synflow": synflow(model, images.shape[1:]),
    }
    model.zero_grad(set_to_none=True)
    return {name: value for name, value in found.items() if math.isfinite(value)}


def jacov(model: nn.Module, images: Tensor) -> float:
    """Return how different the network's linear maps at different images are.

    Mellor et al., arXiv 2006.04647 version 1, equation 5: minus the Kullback-Leibler divergence,
    by eigenvalues v of the correlation of input Jacobians, sum of -(log(v + k) + 1 / (v + k)).
    """
    with _training(model):
        x = images.detach().clone().requires_grad_()
        (gradient,) = torch.autograd.grad(_logits(model(x)).sum(), x)
    correlation = torch.corrcoef(gradient.flatten(1).double())  # (batch, batch)
    if not torch.isfinite(correlation).all():
        return math.nan
    values = torch.linalg.eigvalsh(correlation) + JACOV_K
    if float(values.min()) <= 0:
        values = values.clamp_min(JACOV_K)
    return -float((values.log() + 1 / values).sum())


def naswot(model: nn.Module, images: Tensor) -> float:
    """Return the log-determinant of how often two images switch the same ReLUs.

    Mellor et al., arXiv 2006.04647 version 3, equations 1 and 2. NaN for a network without ReLUs.
    """
    batch = len(images)
    kernel = torch.zeros(batch, batch, dtype=torch.float64, device=images.device)

    def count(_module: nn.Module, inputs: tuple[Tensor, ...], _output: Tensor) -> None:
        on = (inputs[0].detach().flatten(1) > 0).double()  # (batch, units)
        kernel.add_(on @ on.T + (1 - on) @ (1 - on).T)

    hooks = [m.register_forward_hook(count) for m in model.modules() if isinstance(m, nn.ReLU)]
    try:
        with _training(model), torch.no_grad():
            model(images)
    finally:
        for hook in hooks:
            hook.remove()
    if not hooks:
        return math.nan
    sign, value = torch.linalg.slogdet(kernel)
    return float(value) if float(sign) > 0 else math.nan


def grad_norm(model: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Return the sum of the norms of the loss's gradients in each weight (arXiv 2101.08134, 3)."""
    with _training(model):
        model.zero_grad(set_to_none=True)
        functional.cross_entropy(_logits(model(images)), labels).backward()
    return sum(float(p.grad.norm()) for p in model.parameters() if p.grad is not None)


def synflow(model: nn.Module, shape: torch.Size) -> float:
    """Return the log of the synaptic flow (Tanaka et al., arXiv 2006.05467, equations 1 and 3).

    All weights are made positive and an image of ones goes through; the score sums weight times
    gradient of the output's sum. Batch normalisation is taken out, as in arXiv 2101.08134: it would
    scale the flow to nothing. In double precision, for a deep network's flow is beyond the single.
    """
    device = next(model.parameters()).device
    dtypes = {name: t.dtype for name, t in model.state_dict().items()}
    before = {name: t.detach().clone() for name, t in model.state_dict().items()}
    try:
        model.double()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.abs_()
        with _without_norms(model), _training(model, on=False):
            model.zero_grad(set_to_none=True)
            ones = torch.ones(1, *shape, dtype=torch.float64, device=device)
            _logits(model(ones)).sum().backward()
            flows = [p.grad * p.detach() for p in model.parameters() if p.grad is not None]
            total = sum(float(flow.sum()) for flow in flows)
    finally:
        dtype = next((d for d in dtypes.values() if d.is_floating_point), torch.float32)
        model.to(dtype)
        model.load_state_dict(before)
    return math.log(total) if total > 0 else math.nan


def _logits(output: Tensor | tuple[Tensor, Tensor]) -> Tensor:
    """Return the logits without those of an auxiliary classifier."""
    return output[0] if isinstance(output, tuple) else output


@contextmanager
def _training(model: nn.Module, *, on: bool = True) -> Iterator[None]:
    """Switch to training (batch statistics) or evaluation; running statistics stay as they are."""
    modes = {module: module.training for module in model.modules()}
    kept = {name: t.detach().clone() for name, t in model.named_buffers()}
    model.train(on)
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode
        with torch.no_grad():
            for name, t in model.named_buffers():
                t.copy_(kept[name])


@contextmanager
def _without_norms(model: nn.Module) -> Iterator[None]:
    """Let every batch normalisation hand its input through."""
    hooks = [
        module.register_forward_hook(lambda _module, inputs, _output: inputs[0])
        for module in model.modules()
        if isinstance(module, nn.BatchNorm2d)
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
