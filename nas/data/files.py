"""Images in files laid out as train/CLASS/* and test/CLASS/*, or as CLASS/*: names to pixels."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nas.data.cache import Cache
from nas.data.decode import SUFFIXES, decode, look
from nas.data.source import Labels, Part, Pixels, Shape, Source, check_memory
from nas.data.spec import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from nas.data.spec import DataSpec

LOOKED_AT = 1000  # images, evenly spread, whose headers decide size and colour
SIDE = 32  # pixels to which images of different sizes are brought unless a size is given
LAYOUT = "allowed are train/CLASS/* with test/CLASS/*, and CLASS/*"
PARTS = frozenset({"train", "test"})
STRANGE = frozenset({"training", "testing", "val", "valid", "validation", "dev"})  # no classes
JUNK = frozenset({"__MACOSX", "Thumbs.db", "desktop.ini"})


@dataclass(frozen=True, slots=True)
class Layout:
    """Which files are images of which class and part. Names are sorted within a part.

    ``top`` is the folder, relative to the whole, that the classes of the training part lie in.
    """

    classes: tuple[str, ...]
    train: tuple[tuple[int, str], ...]  # class number, name
    test: tuple[tuple[int, str], ...] | None
    ignored: int
    top: str


class FileSource(Source):
    """A source that reads one file for each image, and keeps what it has decoded in a cache.

    A subclass gives the names of files, what is in them, and a fingerprint that changes with them
    and with their times.
    """

    fingerprint: str

    def __init__(self, path: Path, root: Path, sizes: Mapping[str, int]) -> None:
        """Sort the files of ``path`` into parts and classes; the cache lies in ``root``.

        ``sizes`` are bytes by name, in the order of the names.
        """
        self.path = path
        self._sizes = sizes
        self._cache = Cache(root)
        self._forms: frozenset[Shape] | None = None
        layout = arrange(path, sizes)
        self.classes, self.ignored, self.top = layout.classes, layout.ignored, layout.top
        self._names = {"train": [name for _, name in layout.train]}
        self.train = np.array([number for number, _ in layout.train], dtype=np.int64)
        self.test = None
        if layout.test is not None:
            self._names["test"] = [name for _, name in layout.test]
            self.test = np.array([number for number, _ in layout.test], dtype=np.int64)

    @property
    def contents(self) -> str:
        """A sha256 of the images' names and sizes: a folder and the .zip of it have the same.

        Not of what is in them, which may take minutes to read, nor of their times, which a copy on
        another machine need not share.
        """
        digest = hashlib.sha256()
        for name in (name for names in self._names.values() for name in names):
            digest.update(f"{name}\0{self._sizes[name]}\n".encode(errors="replace"))
        return digest.hexdigest()

    @abstractmethod
    def read(self, name: str) -> bytes:
        """Return the contents of a file; raise DataError where it cannot be read."""

    def names(self, part: Part) -> list[str]:
        """Return the names of a part's images, relative to the folder, by place."""
        return self._names.get(part, [])

    def shape(self, spec: DataSpec) -> Shape:
        """Return the form asked for; "auto" and "own size" are decided by up to 1,000 headers."""
        if spec.image_size is not None and spec.colour != "auto":
            return Shape(1 if spec.colour == "grey" else 3, spec.image_size, spec.image_size)
        seen = self.forms()
        sizes = {(one.height, one.width) for one in seen}
        height, width = sizes.pop() if len(sizes) == 1 else (SIDE, SIDE)
        if spec.image_size is not None:
            height = width = spec.image_size
        auto = max(one.channels for one in seen)
        return Shape({"rgb": 3, "grey": 1, "auto": auto}[spec.colour], height, width)

    def forms(self) -> frozenset[Shape]:
        """Return the forms of up to 1,000 training images, by their headers, read once."""
        if self._forms is None:
            names = self._names["train"]
            step = max(1, len(names) // LOOKED_AT)
            self._forms = frozenset(
                look(f"{self.path}: {name}", self.read(name)) for name in names[::step]
            )
        return self._forms

    def pixels(
        self,
        part: Part,
        indices: Labels,
        shape: Shape,
        progress: Callable[[int, int], None] | None = None,
    ) -> Pixels:
        """Return images of a part: from the cache, or decoded into it.

        A small part of the images is decoded and cached by itself; otherwise the whole part is,
        so that every seed and every split finds it.
        """
        count = len(self._names[part])
        everything = (count, shape.channels, shape.height, shape.width)
        key = self._key(part, shape)
        found = self._cache.load(key, everything)
        if found is None and 2 * len(indices) < count:
            digest = hashlib.sha256(indices.astype("<i8").tobytes()).hexdigest()
            some = self._make({**key, "indices": digest}, part, indices, shape, progress)
            return np.array(some)
        if found is None:
            found = self._make(key, part, np.arange(count), shape, progress)
        return found[indices]

    def _key(self, part: Part, shape: Shape) -> dict[str, Any]:
        return {
            "path": str(self.path),
            "fingerprint": self.fingerprint,
            "part": part,
            "shape": [shape.channels, shape.height, shape.width],
        }

    def _make(
        self,
        key: dict[str, Any],
        part: Part,
        indices: Labels,
        shape: Shape,
        progress: Callable[[int, int], None] | None,
    ) -> Pixels:
        check_memory(len(indices), shape)

        def fill(array: Pixels) -> None:
            for place, index in enumerate(indices.tolist()):
                name = self._names[part][index]
                array[place] = decode(f"{self.path}: {name}", self.read(name), shape)
                if progress is not None and (place + 1 == len(indices) or place % 100 == 99):
                    progress(place + 1, len(indices))

        size = (len(indices), shape.channels, shape.height, shape.width)
        return self._cache.make(key, size, fill)


def arrange(path: Path, names: Iterable[str]) -> Layout:
    """Return the layout of files named relative to ``path``; raise DataError without images."""
    images, ignored = [], 0
    for name in names:
        parts = tuple(name.split("/"))
        if "/." in f"/{name}" or not JUNK.isdisjoint(parts):
            continue  # what operating systems leave behind
        stem, dot, suffix = parts[-1].rpartition(".")
        if stem and (dot + suffix).lower() in SUFFIXES:
            images.append(parts)
        else:
            ignored += 1
    if not images:
        more = f"; {ignored} other files were ignored" if ignored else ""
        raise DataError(f"{path}: no images in it; {LAYOUT}{more}")
    depth = _wrapping(images)
    inside = [parts for parts in images if len(parts) > depth + 1]
    tops = {parts[depth] for parts in inside}
    if any(top.lower() in PARTS for top in tops):
        return _parts(path, images, depth, ignored)
    if tops and all(top.lower() in STRANGE for top in tops):
        raise DataError(f"{path}: {min(tops)!r} is no name of a part; {LAYOUT}")
    if not inside:
        raise DataError(f"{path}: its images are in no class folders; {LAYOUT}")
    classes = tuple(sorted(tops))
    train = _numbered(inside, depth, classes)
    top = "/".join(inside[0][:depth])
    return Layout(classes, train, None, ignored + len(images) - len(inside), top)


def _wrapping(images: list[tuple[str, ...]]) -> int:
    """Return how many folders lie around the layout, as when a folder was packed as a whole."""
    depth = 0
    while True:
        tops = {parts[depth] for parts in images}
        wrapped = len(tops) == 1 and all(len(parts) > depth + 2 for parts in images)
        if not wrapped or min(tops).lower() in PARTS:
            return depth
        depth += 1


def _parts(path: Path, images: list[tuple[str, ...]], depth: int, ignored: int) -> Layout:
    """Return the layout of files in train/ and test/."""
    strange = [parts[depth] for parts in images if parts[depth].lower() not in PARTS]
    if strange:
        raise DataError(f"{path}: {min(strange)!r} beside train and test; {LAYOUT}")
    inside = [parts for parts in images if len(parts) > depth + 2]
    found: dict[str, list[tuple[str, ...]]] = {"train": [], "test": []}
    for parts in inside:
        found[parts[depth].lower()].append(parts)
    classes = tuple(sorted({parts[depth + 1] for parts in found["train"]}))
    if not found["train"]:
        raise DataError(f"{path}: no images in train/CLASS; {LAYOUT}")
    unknown = {parts[depth + 1] for parts in found["test"]} - set(classes)
    if unknown:
        raise DataError(f"{path}: test has class {min(unknown)!r}, which train has not")
    return Layout(
        classes,
        _numbered(found["train"], depth + 1, classes),
        _numbered(found["test"], depth + 1, classes) if found["test"] else None,
        ignored + len(images) - len(inside),
        "/".join(found["train"][0][: depth + 1]),
    )


def _numbered(
    images: list[tuple[str, ...]], place: int, classes: tuple[str, ...]
) -> tuple[tuple[int, str], ...]:
    """Return class number and name of each image, sorted by name."""
    numbers = {name: number for number, name in enumerate(classes)}
    return tuple((numbers[parts[place]], "/".join(parts)) for parts in sorted(images))
