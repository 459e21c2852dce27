"""Images for search and final training: sources, splits, caches, augmentation.

``load_search`` gives training and selection images and never touches the test images;
``load_final`` gives training and selection images as one, and the test images. ``describe`` checks
a source without decoding it. All raise :class:`DataError`. Importing this package does not import
torch: a specification of a search contains a :class:`DataSpec`, and the API reads it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nas.data.images import FinalData, Images, SearchData
from nas.data.spec import BUILT_IN, DataError, DataSpec
from nas.normalisation import Statistics

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "BUILT_IN",
    "DataError",
    "DataSpec",
    "FinalData",
    "Images",
    "Progress",
    "SearchData",
    "Statistics",
    "describe",
    "load_final",
    "load_search",
]

Progress = Callable[[int, int], None]  # images decoded so far, images in all


def load_search(
    spec: DataSpec, seed: int, root: Path, progress: Progress | None = None
) -> SearchData:
    """Return the training and selection images; ``root`` holds downloads and decoded images."""
    from nas.data import load

    return load.search_data(spec, seed, root, progress)


def load_final(
    spec: DataSpec, seed: int, root: Path, progress: Progress | None = None
) -> FinalData:
    """Return all training images and the test images of the same split as ``load_search``."""
    from nas.data import load

    return load.final_data(spec, seed, root, progress)


def describe(spec: DataSpec, root: Path) -> dict[str, Any]:
    """Return JSON data about a source: classes, counts of each split, channels, height, width.

    Checks everything that can be checked without decoding or downloading. ``counts`` has the
    images of each class where they are known, ``ignored`` the files that are no images.
    """
    from nas.data import summary

    return summary.summarise(spec, root)
