"""The division into training, selection and test images: stratified, disjoint, by the seed."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nas.data.spec import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nas.data.source import Labels, Source
    from nas.data.spec import DataSpec


@dataclass(frozen=True, slots=True)
class Split:
    """Sorted indices of each split. Images of the test part are numbered on from the training part.

    ``train`` and ``selection`` lie in the training part. ``test`` lies in the test part where the
    source has one, else it was held out of the training part before anything else.
    """

    train: Labels
    selection: Labels
    test: Labels

    def hashes(self) -> dict[str, str]:
        """Return the sha256 of each split's indices as little-endian 64-bit integers."""
        splits = {"train": self.train, "selection": self.selection, "test": self.test}
        return {
            name: hashlib.sha256(indices.astype("<i8").tobytes()).hexdigest()
            for name, indices in splits.items()
        }


def split(source: Source, spec: DataSpec, seed: int) -> Split:
    """Return the split of a source; the same in every process and on every machine.

    Raises DataError where a class has too few images for every split, or the specification asks
    for more images than there are.
    """
    check_classes(source.classes, source.train, least=2 if source.test is not None else 3)
    here = len(source.train)
    labels = source.train
    if source.test is None:
        # Two of each class stay: one to train with, one to select with.
        rest, test = _divide(np.arange(here), labels, spec.test_fraction, 2, _rng(seed, "test"))
    else:
        rest, test = np.arange(here), np.arange(here, here + len(source.test))
        labels = np.concatenate([labels, source.test])
    if spec.test_images is not None:
        test = _subset(test, labels, spec.test_images, 1, _rng(seed, "test_images"), "test_images")
    if isinstance(spec.train_images, int):
        rng = _rng(seed, "train_images")
        rest = _subset(rest, labels, spec.train_images, 2, rng, "train_images")
    train, selection = _divide(rest, labels, spec.selection_fraction, 1, _rng(seed, "selection"))
    return Split(train, selection, test)


def check_classes(classes: Sequence[str], labels: Labels, least: int) -> None:
    """Raise DataError unless there are two classes, each with enough training images."""
    if len(classes) < 2:
        raise DataError(f"one class only, {classes[0]!r}; at least two are needed to tell apart")
    counts = np.bincount(labels, minlength=len(classes))
    short = [f"{name!r} ({n})" for name, n in zip(classes, counts, strict=True) if n < least]
    if short:
        more = "" if len(short) <= 5 else f" and {len(short) - 5} more"
        raise DataError(
            f"too few training images of class {', '.join(short[:5])}{more}; "
            f"each class needs at least {least}"
        )


def quotas(counts: Sequence[int], total: int, least: int, leave: int) -> list[int]:
    """Return how many to take of each class: ``total`` in proportion to ``counts``.

    At least ``least`` of each and all but ``leave`` at most (none of an empty class); the total is
    met unless these bounds forbid it.
    """
    whole = sum(counts)
    caps = [max(0, count - leave) for count in counts]
    exact = [total * count / whole for count in counts]
    taken = [min(cap, max(least, int(e))) for cap, e in zip(caps, exact, strict=True)]
    places = range(len(counts))
    while sum(taken) < total:
        open_ = [i for i in places if taken[i] < caps[i]]
        if not open_:
            break
        taken[max(open_, key=lambda i: exact[i] - taken[i])] += 1
    while sum(taken) > total:
        open_ = [i for i in places if taken[i] > least]
        if not open_:
            break
        taken[min(open_, key=lambda i: exact[i] - taken[i])] -= 1
    return taken


def _rng(seed: int, purpose: str) -> random.Random:
    # One generator a purpose: the test images must not change when fewer training images are used.
    return random.Random(f"nasturtium/{purpose}/{seed}")


def _divide(
    indices: Labels, labels: Labels, fraction: float, leave: int, rng: random.Random
) -> tuple[Labels, Labels]:
    """Return what is left, at least ``leave`` of every class, and what is taken, at least one."""
    total = round(fraction * len(indices))
    taken = _take(indices, labels, total, (1, leave), rng)
    return np.setdiff1d(indices, taken, assume_unique=True), taken


def _subset(
    indices: Labels, labels: Labels, total: int, least: int, rng: random.Random, field: str
) -> Labels:
    """Return ``total`` of the indices; raise DataError naming the field if there are too few."""
    classes = len(np.unique(labels[indices]))
    low, high = least * classes, len(indices)
    if not low <= total <= high:
        raise DataError(f"{field} is {total}, allowed are {low} to {high} here", field)
    return _take(indices, labels, total, (least, 0), rng)


def _take(
    indices: Labels, labels: Labels, total: int, bounds: tuple[int, int], rng: random.Random
) -> Labels:
    """Return about ``total`` of the indices, sorted, evenly from all classes."""
    mine = labels[indices]
    groups = [indices[mine == label].tolist() for label in np.unique(mine)]
    taken: list[int] = []
    for group, count in zip(groups, quotas([*map(len, groups)], total, *bounds), strict=True):
        taken += rng.sample(group, count)
    return np.array(sorted(taken), dtype=np.int64)
