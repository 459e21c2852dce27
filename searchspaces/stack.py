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
