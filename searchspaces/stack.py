"""The plan of a network: which cell stands where, how wide, and which earlier cells it reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from searchspaces.scale import Scale


@dataclass(frozen=True, slots=True)
class Place:
    """One cell in the stack. Values are numbered 0 for the stem, k + 1 for the k-th place.

    ``previous`` is the value of h_i, ``before`` that of h_{i-1}; None means that the cell takes
    ``previous`` for both, untouched as h_{i-1}.
    """

    cell: str
    filters: int
    stride: int
    previous: int
    before: int | None

    def reads(self, inputs: frozenset[int]) -> set[int]:
        """Return the values read by a cell that uses the given ones of its inputs 0 and 1."""
        before = self.previous if self.before is None else self.before
        return {value for i, value in enumerate((self.previous, before)) if i in inputs}


STEM = "stem"  # the cell of a place that is the second half of a stem


def nasnet_stack(scale: Scale) -> tuple[Place, ...]:
    """Return the plan of the authors' TensorFlow code (slim/nets/nasnet/nasnet.py).

    3N normal cells with a reduction cell added before cells N and 2N; a reduction cell doubles
    the filters itself. The ImageNet stem adds two reduction cells of F/4 and F/2 filters. With
    ``skip_reduction_input`` the cell after a reduction reads, as h_{i-1}, the cell that the
    reduction read (large model); without it, the last cell before the reduction.
    """
    places: list[Place] = []

    def add(cell: str, filters: int, before: int | None) -> None:
        stride = 2 if cell == "reduction" else 1
        places.append(Place(cell, filters, stride, len(places), before))

    def two_back() -> int | None:
        return len(places) - 1 if places else None

    filters = scale.filters
    if scale.stem == "imagenet":
        add("reduction", max(1, filters // 4), None)
        add("reduction", max(1, filters // 2), two_back())
    for number in range(3 * scale.cells):
        before = two_back()
        if number in (scale.cells, 2 * scale.cells):
            filters *= 2
            add("reduction", filters, before)
            if not scale.skip_reduction_input:
                before = two_back()
        add("normal", filters, before)
    return tuple(places)


def strided_stack(scale: Scale) -> tuple[Place, ...]:
    """Return the plan of PNASNet (slim/nets/nasnet/pnasnet.py): one cell, 3N in all.

    Cells N and 2N have stride 2 and double the filters themselves; h_{i-1} is always the cell
    before the one before. The ImageNet stem adds two cells of F/4 and F/2 filters.
    """
    places: list[Place] = []

    def add(filters: int, stride: int) -> None:
        before = len(places) - 1 if places else None
        places.append(Place("normal", filters, stride, len(places), before))

    filters = scale.filters
    if scale.stem == "imagenet":
        add(max(1, filters // 4), 2)
        add(max(1, filters // 2), 2)
    for number in range(3 * scale.cells):
        strided = number in (scale.cells, 2 * scale.cells)
        filters *= 1 + strided
        add(filters, 1 + strided)
    return tuple(places)


def darts_stack(scale: Scale) -> tuple[Place, ...]:
    """Return the plan of DARTS (cnn/model.py): 3N + 2 cells, of which N and 2N + 1 reduce.

    That is ``nasnet_stack`` of as many normal cells. The ImageNet stem is two parts, of which the
    first cell reads the second as h_i and the first as h_{i-1}.
    """
    if scale.stem == "cifar":
        return nasnet_stack(scale)
    places = [Place(STEM, scale.filters, 2, 0, None)]
    filters = scale.filters
    for number in range(3 * scale.cells + 2):
        kind = "normal"
        if number in (scale.cells, 2 * scale.cells + 1):
            kind, filters = "reduction", 2 * filters
        here = len(places)
        places.append(Place(kind, filters, 1 + (kind == "reduction"), here, here - 1))
    return tuple(places)
