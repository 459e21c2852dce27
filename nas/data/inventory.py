"""What a folder, a .zip or a .npz holds, looked at once: what is kept of a registered data set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nas.data.files import FileSource
from nas.data.source import open_source
from nas.data.spec import DataSpec
from nas.data.split import split

if TYPE_CHECKING:
    from pathlib import Path

    from nas.data.source import Source


@dataclass(frozen=True, slots=True)
class Inventory:
    """Classes, counts and sizes. ``smallest`` and ``largest`` are height and width in pixels.

    ``height`` and ``width`` are what a search brings the images to unless it says otherwise.
    """

    classes: tuple[str, ...]
    train: int
    test: int
    ignored: int
    channels: int
    height: int
    width: int
    smallest: tuple[int, int]
    largest: tuple[int, int]
    bytes: int


def inventory(path: Path, root: Path, source: Source | None = None) -> Inventory:
    """Return what is at a path; raise DataError where a search could not use it.

    ``source`` is what was opened there, for a file whose name does not say what it is.
    """
    spec = DataSpec(source=str(path), path=str(path))
    source = source or open_source(spec, root)
    split(source, spec, 0)
    shape = source.shape(spec)
    smallest, largest = _sizes(source, (shape.height, shape.width))
    return Inventory(
        classes=source.classes,
        train=len(source.train),
        test=0 if source.test is None else len(source.test),
        ignored=source.ignored,
        channels=shape.channels,
        height=shape.height,
        width=shape.width,
        smallest=smallest,
        largest=largest,
        bytes=_bytes(path),
    )


def _sizes(source: Source, common: tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the smallest and the largest of the images that were looked at."""
    if not isinstance(source, FileSource):
        return common, common
    seen = {(one.height, one.width) for one in source.forms()}
    by_area = sorted(sorted(seen), key=lambda size: size[0] * size[1])
    return by_area[0], by_area[-1]


def _bytes(path: Path) -> int:
    if not path.is_dir():
        return path.stat().st_size
    return sum(
        one.stat(follow_symlinks=False).st_size
        for one in path.rglob("*")
        if one.is_file() and not one.is_symlink()
    )
