"""The images of a training: in memory where they fit, else read from the disk when needed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from nas.data import DataError, load_final
from nas.data.folder import FolderSource
from nas.data.images import Images
from nas.data.load import hashes, training_data
from nas.data.load import statistics as moments
from nas.data.pictures import FilePictures, TensorPictures
from nas.data.source import Labels, Part, open_source
from nas.data.split import split
from nas.training.feed import Feed, MemoryFeed, in_order
from searchspaces import Task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from torch import Tensor

    from nas.data.pictures import Pictures
    from nas.data.source import Shape
    from nas.data.spec import DataSpec
    from nas.normalisation import Statistics
    from nas.recipe import Recipe
    from nas.training.parallel import Parallel

LOOKED_AT = 2000  # images, evenly spread, from which a stream's mean and deviation are measured


@dataclass(frozen=True, slots=True)
class Album:
    """Training, held-out and test images; ``selection`` is None where all are trained on.

    They are in memory (``Images``) or on the disk (``Pictures``).
    """

    train: Images | Pictures
    selection: Images | Pictures | None
    test: Images | Pictures
    task: Task
    classes: tuple[str, ...]
    statistics: Statistics
    hashes: dict[str, str]

    @property
    def in_memory(self) -> bool:
        """Whether the images are tensors."""
        return isinstance(self.train, Images)

    def normalised_by(self, statistics: Statistics) -> Album:
        """Return the same images, to be normalised as another network's images were."""
        return replace(self, statistics=statistics)

    def about(self) -> dict[str, Any]:
        """Return how many images there are of each kind, and the hashes of the splits."""
        held_out = 0 if self.selection is None else len(self.selection)
        counts = {"train": len(self.train), "held_out": held_out, "test": len(self.test)}
        return counts | {"hashes": self.hashes}

    def feed(
        self, recipe: Recipe, device: torch.device, seed: int, parallel: Parallel, workers: int = 0
    ) -> Feed:
        """Return the batches of a training for this process."""
        alone = recipe.randaugment == 0 and recipe.crop_scale == 1
        if alone and isinstance(self.train, Images):
            held_out = None if self.selection is None else _tensors(self.selection).to(device)
            return MemoryFeed(
                self.train.to(device),
                held_out,
                recipe,
                self.statistics,
                seed=seed,
                shard=parallel.shard,
            )
        from nas.training.stream import StreamFeed  # torchvision: a second, and few need it

        held = None if self.selection is None else _pictures(self.selection)
        stream = StreamFeed(
            _pictures(self.train), held, recipe, self.statistics, seed=seed, device=device
        )
        return stream.among(parallel.shard, workers)

    def test_batches(
        self, recipe: Recipe, device: torch.device, parallel: Parallel, workers: int = 0
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield this process's part of the test images."""
        if isinstance(self.test, Images):
            part = parallel.shard.part(len(self.test))
            test = Images(self.test.x[part], self.test.y[part]).to(device)
            return in_order(test, self.statistics)
        from nas.training.stream import StreamFeed

        stream = StreamFeed(self.test, self.test, recipe, self.statistics, seed=0, device=device)
        batches = stream.among(parallel.shard, workers).held_out()
        return iter(()) if batches is None else batches


def open_album(
    spec: DataSpec,
    seed: int,
    root: Path,
    *,
    memory_bytes: float,
    hold_out: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> Album:
    """Return the images of a specification; decoded ones in memory up to ``memory_bytes``.

    More than that must lie in a folder, and is read from there. The splits are those that a search
    with the same specification and seed has.
    """
    source = open_source(spec, root)
    shape = source.shape(spec)
    pixels = shape.channels * shape.height * shape.width
    parts = split(source, spec, seed)
    count = len(parts.train) + len(parts.selection) + len(parts.test)
    if pixels * count > memory_bytes:
        if not isinstance(source, FolderSource):
            raise DataError(
                f"{count} images of {shape.height}x{shape.width} need {pixels * count / 2**30:.1f} "
                f"GiB, allowed are {memory_bytes / 2**30:.1f} in memory; a folder is read from the "
                "disk, so unpack it, or allow more memory"
            )
        return _on_disk(source, spec, seed, shape, hold_out=hold_out)
    if not hold_out:
        whole = load_final(spec, seed, root, progress)
        return Album(
            whole.train, None, whole.test, whole.task, whole.classes, whole.statistics, whole.hashes
        )
    found, test = training_data(spec, seed, root, progress)
    return Album(
        found.train,
        found.selection,
        test,
        found.task,
        found.classes,
        found.statistics,
        found.hashes,
    )


def _on_disk(
    source: FolderSource, spec: DataSpec, seed: int, shape: Shape, *, hold_out: bool
) -> Album:
    parts = split(source, spec, seed)
    train = parts.train if hold_out else np.union1d(parts.train, parts.selection)
    pictures = _some(source, "train", train, shape)
    if source.test is None:
        test = _some(source, "train", parts.test, shape)
    else:
        test = _some(source, "test", parts.test - len(source.train), shape)
    return Album(
        pictures,
        _some(source, "train", parts.selection, shape) if hold_out else None,
        test,
        Task(shape.channels, shape.height, shape.width, len(source.classes)),
        source.classes,
        _moments(pictures),
        hashes(source, parts),
    )


def _some(source: FolderSource, part: Part, indices: Labels, shape: Shape) -> FilePictures:
    names = source.names(part)
    labels = source.labels(part)[indices]
    return FilePictures(source.path, [names[place] for place in indices.tolist()], labels, shape)


def _moments(pictures: Pictures) -> Statistics:
    step = max(1, len(pictures) // LOOKED_AT)
    places = range(0, len(pictures), step)
    x = torch.stack([pictures.fitted(place) for place in places])
    return moments(Images(x, torch.zeros(len(x), dtype=torch.int64)))


def _tensors(images: Images | Pictures) -> Images:
    if not isinstance(images, Images):
        raise TypeError("these images are not in memory")
    return images


def _pictures(images: Images | Pictures) -> Pictures:
    return TensorPictures(images) if isinstance(images, Images) else images
