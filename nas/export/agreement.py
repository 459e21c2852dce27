"""Measures what a lossy format costs: the same network before and after, on the same images."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from nas.export.errors import ExportError
from nas.export.facts import Agreement

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor, nn

    from nas.data.images import Images
    from nas.export import Subject

BATCH = 256
NOISE = 256  # images of noise, where there are no test images
PIXELS = 20_000_000  # of noise at most: large images are fewer


def agreement(subject: Subject, kept: nn.Module, images: Images | None) -> Agreement:
    """Return how far ``kept`` is from the network of ``subject``, on test images or on noise.

    Raises ExportError where one of them gives logits that are not finite.
    """
    same = right = right_before = count = 0
    worst = 0.0
    for x, labels in _batches(subject, images):
        with torch.no_grad():
            before, after = subject.model(x), kept(x)
        first, second = before.argmax(1), after.argmax(1)
        same += int((first == second).sum())
        apart = float((before - after).abs().max())
        if not math.isfinite(apart):
            raise ExportError(
                "logits that are not finite, of the network or of what a lossy format keeps of it: "
                "what the format costs cannot be said"
            )
        worst = max(worst, apart)
        count += len(x)
        if labels is not None:
            right_before += int((first == labels).sum())
            right += int((second == labels).sum())
    known = images is not None
    return Agreement(
        images=count,
        noise=not known,
        top1=same / count,
        worst=worst,
        accuracy=right / count if known else None,
        accuracy_before=right_before / count if known else None,
    )


def _batches(subject: Subject, images: Images | None) -> Iterator[tuple[Tensor, Tensor | None]]:
    """Yield normalised images with their labels, or noise without any."""
    task, card = subject.task, subject.card
    if images is None:
        generator = torch.Generator().manual_seed(1)
        one = (task.channels, task.height, task.width)
        left = max(1, min(NOISE, PIXELS // (task.channels * task.height * task.width)))
        while left > 0:
            yield torch.randn((min(left, 32), *one), generator=generator), None
            left -= 32
        return
    mean = torch.tensor(card.mean).view(1, -1, 1, 1)
    std = torch.tensor(card.std).view(1, -1, 1, 1)
    for first in range(0, len(images), BATCH):
        pixels = images.x[first : first + BATCH].cpu().float() / 255
        yield (pixels - mean) / std, images.y[first : first + BATCH].cpu()
