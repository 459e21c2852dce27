"""One image file to pixels: guarded decoding, colours, and the square crop."""

from __future__ import annotations

import io
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from nas.data.source import Pixels, Shape, reason
from nas.data.spec import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_FILE_BYTES = 64 * 2**20  # of one image file
MAX_PIXELS = 64_000_000  # of one image: a small file can claim a picture that fills the memory
SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"}
)
_GREY = frozenset({"1", "L", "LA", "La", "I", "F", "I;16", "I;16B", "I;16L", "I;16N"})
_ROTATED = frozenset({5, 6, 7, 8})  # EXIF orientations that exchange width and height
_ORIENTATION = 0x0112


def look(name: str, content: bytes) -> Shape:
    """Return the form of an image from its header; raise DataError where it is none."""
    with _reading(name), _opened(name, content) as image:
        width, height = image.size
        if image.getexif().get(_ORIENTATION) in _ROTATED:
            width, height = height, width
        return Shape(1 if image.mode in _GREY else 3, height, width)


def decode(name: str, content: bytes, shape: Shape) -> Pixels:
    """Return an image as uint8 (C, H, W); raise DataError naming the file where it is broken.

    An image of other proportions is cropped around its middle, then resized.
    """
    with _reading(name), _opened(name, content) as image:
        coloured = _upright(image, shape)
        if coloured.size != (shape.width, shape.height):
            coloured = ImageOps.fit(
                coloured, (shape.width, shape.height), Image.Resampling.BILINEAR
            )
        pixels = np.asarray(coloured, dtype=np.uint8)
    return _channels_first(pixels)


def picture(name: str, content: bytes, shape: Shape) -> Pixels:
    """Return a whole image as uint8 (C, H, W) in its own proportions, in the colours of ``shape``.

    A JPEG much larger than ``shape`` may come at a half, a quarter or an eighth of its size.
    """
    with _reading(name), _opened(name, content) as image:
        pixels = np.array(_upright(image, shape), dtype=np.uint8)
    return np.ascontiguousarray(_channels_first(pixels))


def _upright(image: Image.Image, shape: Shape) -> Image.Image:
    if image.width * image.height > 4 * shape.width * shape.height:
        # JPEG can be decoded at an eighth of its size; twice the target is kept for quality.
        image.draft(None, (2 * shape.width, 2 * shape.height))
    upright = ImageOps.exif_transpose(image)
    return _recolour(upright, "L" if shape.channels == 1 else "RGB")


def _channels_first(pixels: Pixels) -> Pixels:
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def _recolour(image: Image.Image, mode: str) -> Image.Image:
    if image.mode == mode:
        return image
    if image.mode.startswith("I;16") or image.mode == "I":
        # Sixteen bits a pixel; Pillow would clip them at 255.
        wide = np.asarray(image).astype(np.int64)
        image = Image.fromarray(np.clip(wide >> 8, 0, 255).astype(np.uint8))
    elif image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")
    return image.convert(mode)


def _opened(name: str, content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(content))
    if image.width * image.height > MAX_PIXELS:
        raise DataError(
            f"{name}: {image.width}x{image.height} pixels, "
            f"allowed are {MAX_PIXELS // 10**6} million"
        )
    return image


@contextmanager
def _reading(name: str) -> Iterator[None]:
    try:
        yield
    except DataError:
        raise
    except UnidentifiedImageError as error:  # its text names an object of ours
        raise DataError(f"{name}: cannot be read as an image: of no kind that is known") from error
    except Exception as error:
        # Pillow's decoders raise errors of a dozen types on broken files.
        raise DataError(f"{name}: cannot be read as an image: {reason(error)}") from error
