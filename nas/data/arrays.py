"""Images that are arrays in memory, and .npz files of them."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from nas.data.source import MAX_BYTES, Labels, Part, Pixels, Shape, Source, check_memory, reason
from nas.data.spec import DataError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nas.data.spec import DataSpec

CHUNK = 1024  # images resized at a time
DAMAGED = (zipfile.BadZipFile, zlib.error, MemoryError, SyntaxError, KeyError, TypeError)
WEIGHTS = (0.299, 0.587, 0.114)  # of red, green and blue in grey: ITU-R BT.601, as in Pillow


class ArraySource(Source):
    """A source whose images are uint8 arrays (N, C, H, W) with 1 or 3 channels."""

    def __init__(
        self,
        classes: tuple[str, ...],
        train: tuple[Pixels, Labels],
        test: tuple[Pixels, Labels] | None = None,
        *,
        mirror: bool = True,
    ) -> None:
        """Keep images and class numbers of each part."""
        self.classes, self.mirror = classes, mirror
        self.train, self.test = train[1], None if test is None else test[1]
        self._arrays = {"train": train[0]} if test is None else {"train": train[0], "test": test[0]}

    @cached_property
    def contents(self) -> str:
        """A sha256 of all images and their classes."""
        digest = hashlib.sha256(repr(self.classes).encode())
        for name, pixels in self._arrays.items():
            labels = self.train if name == "train" else self.test
            for array in (pixels, np.asarray(labels)):
                digest.update(f"{array.dtype}{array.shape}".encode())
                digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def shape(self, spec: DataSpec) -> Shape:
        """Return the form that the specification asks for."""
        channels, height, width = self._arrays["train"].shape[1:]
        if spec.image_size is not None:
            height = width = spec.image_size
        return Shape({"rgb": 3, "grey": 1, "auto": channels}[spec.colour], height, width)

    def pixels(
        self,
        part: Part,
        indices: Labels,
        shape: Shape,
        progress: Callable[[int, int], None] | None = None,
    ) -> Pixels:
        """Return images of a part, converted and resized where need be."""
        check_memory(len(indices), shape)
        x = self._arrays[part][indices]
        x = _recolour(x, shape.channels)
        if x.shape[2:] != (shape.height, shape.width):
            x = _resize(x, shape)
        if progress is not None:
            progress(len(indices), len(indices))
        return np.ascontiguousarray(x)


def _recolour(x: Pixels, channels: int) -> Pixels:
    """Return (N, channels, H, W) of (N, 1 or 3, H, W)."""
    if x.shape[1] == channels:
        return x
    if channels == 3:
        return np.repeat(x, 3, axis=1)
    grey = np.tensordot(np.array(WEIGHTS, np.float32), x.astype(np.float32), (0, 1))  # (N, H, W)
    return np.rint(grey)[:, None].astype(np.uint8)


def _resize(x: Pixels, shape: Shape) -> Pixels:
    """Return images cropped to the new proportions around their middle, and resized."""
    # Two seconds, which who only looks at images does not need.
    import torch
    from torch.nn import functional

    size = (shape.height, shape.width)
    height, width = x.shape[2:]
    scale = min(height / size[0], width / size[1])
    high, wide = round(size[0] * scale), round(size[1] * scale)
    top, left = (height - high) // 2, (width - wide) // 2
    x = x[:, :, top : top + high, left : left + wide]
    out = np.empty((len(x), x.shape[1], *size), np.uint8)
    for start in range(0, len(x), CHUNK):
        part = torch.from_numpy(np.ascontiguousarray(x[start : start + CHUNK])).float()
        part = functional.interpolate(part, size, mode="bilinear", antialias=True)
        out[start : start + CHUNK] = part.round().clamp(0, 255).to(torch.uint8).numpy()
    return out


def npz(path: Path) -> ArraySource:
    """Return the source of a .npz with x_train, y_train and, if it likes, x_test, y_test."""
    arrays = _read(path)
    x, y = arrays["x_train"], arrays["y_train"]
    values, labels = np.unique(_flat(path, "y_train", y, len(x)), return_inverse=True)
    classes = tuple(str(value) for value in values)
    train = (_images(path, "x_train", x), labels.astype(np.int64))
    if "x_test" not in arrays:
        return ArraySource(classes, train)
    x, y = arrays["x_test"], arrays["y_test"]
    flat = _flat(path, "y_test", y, len(x))
    unknown = np.setdiff1d(flat, values)
    if len(unknown):
        raise DataError(f"{path}: y_test has class {unknown[0]!s}, which y_train has not")
    images = _images(path, "x_test", x)
    if images.shape[1:] != train[0].shape[1:]:
        raise DataError(
            f"{path}: x_test has images of {images.shape[1:]} and x_train of {train[0].shape[1:]}"
            " (channels, height, width); allowed are equal ones"
        )
    return ArraySource(classes, train, (images, np.searchsorted(values, flat).astype(np.int64)))


def _read(path: Path) -> dict[str, Any]:
    """Return the arrays of the file that have a meaning here; raise DataError for a wrong file."""
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
        if size > MAX_BYTES:
            raise DataError(f"{path}: {size / 2**30:.0f} GiB of arrays, allowed are 16")
        with np.load(path, allow_pickle=False) as file:
            names = set(file.files)
            wanted = {"x_train", "y_train"}
            if names & {"x_test", "y_test"}:
                wanted |= {"x_test", "y_test"}
            if wanted - names:
                raise DataError(
                    f"{path}: no array {min(wanted - names)!r}; allowed are x_train, y_train, and "
                    f"both x_test and y_test; found: {', '.join(sorted(names)) or 'none'}"
                )
            return {name: file[name] for name in sorted(wanted)}
    except DataError:
        raise
    except (*DAMAGED, OSError, ValueError, EOFError, NotImplementedError) as error:
        if "allow_pickle" in str(error):
            raise DataError(f"{path}: has arrays of objects; allowed are numbers") from error
        raise DataError(f"{path}: cannot be read as .npz: {reason(error)}") from error


def _flat(path: Path, name: str, y: Any, count: int) -> Any:
    """Return the labels as (N,); raise DataError unless they are N integers or strings."""
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim != 1 or y.dtype.kind not in "iuU":
        raise DataError(
            f"{path}: {name} is {y.dtype} of shape {y.shape}; allowed are integers or strings (N,)"
        )
    if len(y) != count:
        raise DataError(f"{path}: {name} has {len(y)} labels for {count} images")
    return y


def _images(path: Path, name: str, x: Any) -> Pixels:
    """Return images as uint8 (N, C, H, W); raise DataError for other shapes and ranges."""
    shape = x.shape
    if x.ndim == 3:
        x = x[:, None]
    elif x.ndim == 4 and shape[3] in (1, 3):
        x = x.transpose(0, 3, 1, 2)
    elif x.ndim != 4 or shape[1] not in (1, 3):
        raise DataError(
            f"{path}: {name} has shape {shape}; allowed are (N, H, W), (N, H, W, C) and "
            "(N, C, H, W) with 1 or 3 channels"
        )
    if min(x.shape) == 0:
        raise DataError(f"{path}: {name} has shape {shape}, which is empty")
    return _bytes(path, name, x)


def _bytes(path: Path, name: str, x: Any) -> Pixels:
    """Return values from 0 to 255 as they are, and floats from 0 to 1 times 255."""
    if x.dtype == np.uint8:
        return np.ascontiguousarray(x)
    low, high = x.min(), x.max()
    if x.dtype.kind in "iu" and low >= 0 and high <= 255:
        return np.ascontiguousarray(x, dtype=np.uint8)
    if x.dtype.kind == "f" and low >= 0 and high <= 1:
        scaled: Pixels = np.rint(x * 255).astype(np.uint8)
        return scaled
    raise DataError(
        f"{path}: {name} is {x.dtype} from {low} to {high}; allowed are integers from 0 to 255 "
        "and floats from 0 to 1"
    )
