"""The contract of a source of images, and how the right one is found for a specification."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from nas.data.spec import BUILT_IN, DataError, expanded

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nas.data.spec import DataSpec

Part = Literal["train", "test"]
Labels = NDArray[np.int64]
Pixels = NDArray[np.uint8]

MAX_BYTES = 16 * 2**30  # of decoded images in one part: more than that belongs on disk, not here


@dataclass(frozen=True, slots=True)
class Shape:
    """The form to which all images are brought: 1 or 3 channels, height and width in pixels."""

    channels: int
    height: int
    width: int


class Source(ABC):
    """Labelled images in a training part and, where there is one, a test part.

    ``train`` and ``test`` are the class numbers of the images, in an order that never changes;
    ``ignored`` counts files that are no images; ``mirror`` says whether a mirrored image is still
    one of its class. Nothing is decoded until ``pixels`` is called. ``contents`` tells two sources
    with other images apart, wherever they lie: a training is gone on with on its own images only.
    """

    classes: tuple[str, ...]
    train: Labels
    test: Labels | None
    ignored: int = 0
    mirror: bool = True

    @property
    @abstractmethod
    def contents(self) -> str:
        """A sha256 of the images, or of the names and sizes of their files."""

    @abstractmethod
    def shape(self, spec: DataSpec) -> Shape:
        """Return the form that the specification asks for, looking at some images for "auto"."""

    @abstractmethod
    def pixels(
        self,
        part: Part,
        indices: Labels,
        shape: Shape,
        progress: Callable[[int, int], None] | None = None,
    ) -> Pixels:
        """Return the images of the given places in a part, (len(indices), C, H, W)."""

    def labels(self, part: Part) -> Labels:
        """Return the class numbers of a part; none where there is no such part."""
        found = self.train if part == "train" else self.test
        return np.empty(0, np.int64) if found is None else found


def open_source(spec: DataSpec, root: Path) -> Source:
    """Return the source of a specification; raise DataError where there is no such thing."""
    if spec.path is not None:
        return _open_path(spec.path, root)
    if spec.source == "digits":
        from nas.data.digits import digits

        return digits()
    if spec.built_in:
        from nas.data.torchvision import downloaded

        return downloaded(spec.source, root)
    return _open_path(spec.source, root)


def _open_path(source: str, root: Path) -> Source:
    path = expanded(source)
    try:
        path = path.resolve(strict=True)
        folder = path.is_dir()
    except (OSError, RuntimeError) as error:
        if isinstance(error, FileNotFoundError) and "/" not in source and "." not in source:
            names = ", ".join(BUILT_IN)
            raise DataError(
                f"no data {source!r}: neither a built-in name ({names}), nor a registered one (nas "
                "data list), nor a path that exists"
            ) from error
        raise DataError(f"{source}: {reason(error)}") from error
    if folder:
        from nas.data.folder import FolderSource

        return FolderSource(path, root)
    if path.suffix.lower() == ".zip":
        from nas.data.archive import ZipSource

        return ZipSource(path, root)
    if path.suffix.lower() == ".npz":
        from nas.data.arrays import npz

        return npz(path)
    raise DataError(f"{source}: not a source of images; allowed are a folder, a .zip or a .npz")


def reason(error: BaseException) -> str:
    """Return what an error says, without number and file name, in one line."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(text).split())


def check_memory(count: int, shape: Shape) -> None:
    """Raise DataError where so many decoded images would not fit into memory."""
    size = count * shape.channels * shape.height * shape.width
    if size > MAX_BYTES:
        raise DataError(
            f"{count} images of {shape.height}x{shape.width} need {size / 2**30:.0f} GiB, allowed "
            f"are {MAX_BYTES // 2**30}; set a smaller image_size or train_images",
            "image_size",
        )
