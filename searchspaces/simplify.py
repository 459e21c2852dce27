"""Simplifies the graph of a cell without changing what it computes: zeros, identities, sums.

Rows are nodes as in :mod:`searchspaces.canonical`: operation, arguments, values read. ``none`` is
zero. What reads only zeros is zero as well: for a pool that is exact, and a convolution with its
normalisation can add no more to it than a constant, so that nothing is built for it.
"""

from __future__ import annotations

from typing import Any

Row = tuple[str, Any, tuple[int, ...]]  # operation, arguments, values read
Graph = tuple[list[Row], tuple[int, ...]]

NONE, ADD, CONCAT = "none", "add", "concat"
# The identity between the nodes of a cell, where the shape stays the same. The ``identity`` of the
# NASNet family is not one of them: it is a decision that its blocks show, and its keys are pinned.
IDENTITIES = frozenset({"skip_connect", "linear_skip"})
# Also the identity on the inputs of a cell that keeps the size.
FREE_ON_INPUTS = "skip_connect"


def drop_zeros(inputs: int, rows: list[Row], outputs: tuple[int, ...]) -> Graph:
    """Return the graph without zeros; one ``none`` is left where nothing else goes out."""
    new: list[int | None] = [*range(inputs)]
    kept: list[Row] = []
    for op, args, read in rows:
        found = [v for v in (new[source] for source in read) if v is not None]
        # A concatenation must keep its width, which the nodes that read it were chosen for.
        whole = op != CONCAT or len(found) == len(read)
        if op == NONE or not found:
            new.append(None)
            continue
        if not whole:
            found = [_some_zero(kept, inputs) if new[s] is None else _of(new, s) for s in read]
        new.append(inputs + len(kept))
        kept.append((op, args, tuple(found)))
    out = tuple(v for v in (new[source] for source in outputs) if v is not None)
    return kept, out or (_some_zero(kept, inputs),)


def _of(new: list[int | None], source: int) -> int:
    value = new[source]
    assert value is not None  # noqa: S101  (the caller has asked)
    return value


def _some_zero(kept: list[Row], inputs: int) -> int:
    """Return the value of a zero among the rows, added if there is none."""
    for place, (op, _, _) in enumerate(kept):
        if op == NONE:
            return inputs + place
    kept.append((NONE, (), (0,)))
    return inputs + len(kept) - 1


def merge_sums(
    inputs: int, rows: list[Row], outputs: tuple[int, ...], *, keeps_size: bool
) -> Graph:
    """Return the graph without identities, and with sums of sums as one sum.

    ``keeps_size`` says that the cell has stride 1.
    """
    new = [*range(inputs)]
    kept: list[Row] = []

    def terms(value: int) -> tuple[int, ...]:
        row = kept[value - inputs] if value >= inputs else None
        return row[2] if row and row[0] == ADD else (value,)

    for op, args, read in rows:
        found = [new[source] for source in read]
        if op == ADD:
            found = [term for value in found for term in terms(value)]
        if (op == ADD and len(found) == 1) or _alias(op, found[0], inputs, kept, keeps_size):
            new.append(found[0])
            continue
        new.append(inputs + len(kept))
        kept.append((op, args, tuple(found)))
    return kept, tuple(new[value] for value in outputs)


def _alias(op: str, source: int, inputs: int, kept: list[Row], keeps_size: bool) -> bool:
    """Say whether an operation hands on what it reads, untouched."""
    if source < inputs:
        return keeps_size and op == FREE_ON_INPUTS
    # A concatenation is wider than the cell: the identity projects it.
    return op in IDENTITIES and kept[source - inputs][0] != CONCAT
