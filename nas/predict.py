"""Classifies images with an exported network: pictures as in training, answers as class names.

A folder is read without running anything of it: the model card is data, and so are the weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from nas.data.decode import decode
from nas.data.source import Shape
from nas.export import load
from nas.export.standalone import prepare

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from torch import Tensor

BATCH = 64  # images computed at a time: more gain nothing on a CPU and take memory
CHANNELS = (1, 3)


@dataclass(frozen=True, slots=True)
class Guess:
    """A class that an image may be of: its name, its number, its probability from 0 to 1."""

    name: str
    number: int
    probability: float


class Predictor:
    """A trained network, ready to classify on the CPU. May be shared by threads."""

    def __init__(self, folder: Path) -> None:
        """Read an exported folder; raise ExportError where it is none."""
        subject = load(folder)
        # Pixels with their channels side by side: a cell network computes 32 images of 32x32 on a
        # core in half the time (7.4 ms an image instead of 15.0), others in no more.
        self.network = subject.model.to(memory_format=torch.channels_last)
        self.card, self.task = subject.card, subject.task
        self.classes = subject.card.classes

    def pictures(self, files: Mapping[str, bytes]) -> Tensor:
        """Return the contents of image files, (files, channels, height, width), normalised.

        Decoded, cropped and resized as images were for training. Raises DataError with the name of
        the file that is no image or has too many pixels.
        """
        shape = Shape(self.task.channels, self.task.height, self.task.width)
        pixels = [decode(name, content, shape) for name, content in files.items()]
        return self.prepared(torch.from_numpy(np.stack(pixels)))

    def prepared(self, pixels: Tensor) -> Tensor:
        """Return bytes, (images, 1 or 3, any height, any width), as the network wants them.

        Raises ValueError where the shape is another.
        """
        task = self.task
        if pixels.dim() != 4 or pixels.shape[1] not in CHANNELS or 0 in pixels.shape:
            shape = tuple(pixels.shape)
            raise ValueError(f"images of shape {shape} (allowed: images, 1 or 3, height, width)")
        return prepare(pixels, (task.height, task.width), self.card.mean, self.card.std)

    def probabilities(self, images: Tensor) -> Tensor:
        """Return (images, classes) for normalised images, however many."""
        with torch.inference_mode():
            parts = images.to(memory_format=torch.channels_last).split(BATCH)
            logits = [self.network(part) for part in parts]
            return torch.cat(logits).softmax(1)

    def guesses(self, probabilities: Tensor, top: int) -> list[list[Guess]]:
        """Return the most probable classes of each image, the most probable first."""
        best = probabilities.topk(min(top, len(self.classes)), dim=1)
        rows: Sequence[tuple[list[float], list[int]]] = list(
            zip(best.values.tolist(), best.indices.tolist(), strict=True)
        )
        return [
            [
                Guess(self.classes[number], number, value)
                for value, number in zip(values, numbers, strict=True)
            ]
            for values, numbers in rows
        ]
