"""Images one by one, for what is done to each by itself: from memory, or decoded from files."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import numpy as np
import torch

from nas.data.decode import decode, picture
from nas.data.source import reason
from nas.data.spec import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from nas.data.images import Images
    from nas.data.source import Labels, Shape


class Pictures(ABC):
    """Labelled images by place. ``size`` is (height, width) to which they are brought in the end.

    Worker processes get a copy: nothing may be open that two cannot share.
    """

    size: tuple[int, int]
    labels: list[int]
    mirror: bool

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.labels)

    @abstractmethod
    def large(self, place: int) -> Tensor:
        """Return an image as it is, uint8 (C, H, W), for random crops."""

    @abstractmethod
    def fitted(self, place: int) -> Tensor:
        """Return an image brought to ``size``, uint8 (C, height, width)."""


class TensorPictures(Pictures):
    """Images in memory; they have their size."""

    def __init__(self, images: Images) -> None:
        """Keep them on the CPU."""
        self._x = images.x.cpu()
        self.labels, self.mirror = images.y.tolist(), images.mirror
        self.size = (self._x.shape[2], self._x.shape[3])

    def large(self, place: int) -> Tensor:
        """Return the image."""
        return self._x[place]

    def fitted(self, place: int) -> Tensor:
        """Return the image."""
        return self._x[place]


class FilePictures(Pictures):
    """Images in a folder, read and decoded each time: as many as fit on the disk."""

    def __init__(self, folder: Path, names: list[str], labels: Labels, shape: Shape) -> None:
        """Keep where they are, relative to ``folder``, and what they are brought to."""
        self._folder, self._shape = folder, shape
        # One array of bytes: worker processes share it, where a list of strings would be copied.
        self._names = np.array(names, dtype=np.bytes_) if _plain(names) else np.array(names)
        self.labels, self.mirror = labels.tolist(), True
        self.size = (shape.height, shape.width)

    def large(self, place: int) -> Tensor:
        """Return the whole image, a JPEG perhaps at a half or a quarter of its size."""
        return torch.from_numpy(picture(*self._read(place), self._shape))

    def fitted(self, place: int) -> Tensor:
        """Return the image as the path through memory would have it."""
        return torch.from_numpy(np.ascontiguousarray(decode(*self._read(place), self._shape)))

    def _read(self, place: int) -> tuple[str, bytes]:
        name = self._names[place]
        text = name.decode() if isinstance(name, bytes) else str(name)
        path = self._folder / text
        try:
            return str(path), path.read_bytes()
        except OSError as error:
            raise DataError(f"{path}: {reason(error)}") from error


def _plain(names: list[str]) -> bool:
    return all(name.isascii() for name in names)
