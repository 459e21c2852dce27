"""From a specification to tensors: the search's data, and the final training's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from nas.data.images import FinalData, Images, SearchData
from nas.data.source import Labels, Part, Shape, Source, open_source
from nas.data.split import Split, split
from nas.normalisation import Statistics
from searchspaces import Task

if TYPE_CHECKING:
    from pathlib import Path

    from nas.data import Progress
    from nas.data.spec import DataSpec

CHUNK = 512  # images whose moments are summed at a time: they fit in the cache of a core


def search_data(spec: DataSpec, seed: int, root: Path, progress: Progress | None) -> SearchData:
    """Return the training and selection images of a specification."""
    source = open_source(spec, root)
    return _search(source, split(source, spec, seed), source.shape(spec), progress)


def final_data(spec: DataSpec, seed: int, root: Path, progress: Progress | None) -> FinalData:
    """Return training and selection images as one, and the test images of the same split."""
    source = open_source(spec, root)
    parts = split(source, spec, seed)
    shape = source.shape(spec)
    train = _images(source, "train", np.union1d(parts.train, parts.selection), shape, progress)
    test = _test(source, parts, shape, progress)
    return FinalData(
        train, test, _task(source, shape), source.classes, hashes(source, parts), statistics(train)
    )


def training_data(
    spec: DataSpec, seed: int, root: Path, progress: Progress | None
) -> tuple[SearchData, Images]:
    """Return training and selection images apart, and the test images of the same split.

    For one training that is watched by the selection images and tested at its end; a search must
    not see the test images.
    """
    source = open_source(spec, root)
    parts = split(source, spec, seed)
    shape = source.shape(spec)
    found = _search(source, parts, shape, progress)
    return found, _test(source, parts, shape, progress)


def _search(source: Source, parts: Split, shape: Shape, progress: Progress | None) -> SearchData:
    # Both at once, so that a cache of a few images holds both.
    used = np.union1d(parts.train, parts.selection)
    both = _images(source, "train", used, shape, progress)
    train = _among(both, used, parts.train)
    return SearchData(
        train,
        _among(both, used, parts.selection),
        _task(source, shape),
        source.classes,
        hashes(source, parts),
        statistics(train),
    )


def hashes(source: Source, parts: Split) -> dict[str, str]:
    """Return the sha256 of each split's indices, and of the images that they are indices of."""
    return parts.hashes() | {"images": source.contents}


def _test(source: Source, parts: Split, shape: Shape, progress: Progress | None) -> Images:
    if source.test is None:
        return _images(source, "train", parts.test, shape, progress)
    return _images(source, "test", parts.test - len(source.train), shape, progress)


def statistics(images: Images) -> Statistics:
    """Return mean and standard deviation of each channel, exactly, by sums of integers."""
    count = images.x[:, 0].numel()
    total = torch.zeros(2, images.x.shape[1], dtype=torch.int64)
    for chunk in images.x.tensor_split(-(-len(images) // CHUNK)):
        total[0] += chunk.sum((0, 2, 3))
        total[1] += chunk.to(torch.int32).square_().sum((0, 2, 3))
    mean, square = (total.double() / count).unbind()
    std = (square - mean * mean).clamp_min(0).sqrt()
    # A channel that never changes must not be divided by nothing.
    std = torch.where(std < 1, 255.0, std)
    return Statistics(tuple((mean / 255).tolist()), tuple((std / 255).tolist()))


def _task(source: Source, shape: Shape) -> Task:
    return Task(shape.channels, shape.height, shape.width, len(source.classes))


def _images(
    source: Source, part: Part, indices: Labels, shape: Shape, progress: Progress | None
) -> Images:
    pixels = source.pixels(part, indices, shape, progress)
    return Images(
        torch.from_numpy(pixels), torch.from_numpy(source.labels(part)[indices]), source.mirror
    )


def _among(images: Images, indices: Labels, wanted: Labels) -> Images:
    """Return the wanted ones of the images, which have the given sorted indices."""
    places = torch.from_numpy(np.searchsorted(indices, wanted))
    x, y = images.x.index_select(0, places), images.y.index_select(0, places)
    return Images(x, y, images.mirror)
