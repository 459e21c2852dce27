"""What the trials of a search have in common: how they fail, which operations the best ones use."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from nas.trial import FailureKind, State
from service import architectures
from service.schemas import View
from service.searchrows import SearchRows
from service.tables import trial

if TYPE_CHECKING:
    from collections.abc import Iterable

    from searchspaces.arch import Node
    from service.db import Database

MOST_NUMBERS = 20  # trials that a group of failures names
MOST_READ = 2000  # architectures that are counted, spread evenly over the search
LONGEST = 200  # letters of a signature
# What differs between two failures of one cause: numbers, addresses, quoted names, paths.
_PARTICULAR = re.compile(r"0x[0-9a-fA-F]+|(?:/[\w.-]+){2,}|'[^']*'|\"[^\"]*\"|\d+(?:\.\d+)?")

Counts = Counter[tuple[str, str]]  # how often an operation stands in a cell: (cell, operation)


class FailureGroup(View):
    """Failed trials of one kind whose messages differ in numbers, names and paths only.

    ``message`` is the first one in full, ``numbers`` the first twenty trials, ``machine`` whether
    the machine is to blame and not the architecture.
    """

    kind: FailureKind
    signature: str
    message: str
    count: int
    machine: bool
    numbers: list[int]
    last: int


class FailureGroups(View):
    """The failures of a search, the most frequent first; ``failed`` trials in all."""

    items: list[FailureGroup]
    failed: int


class OperationShare(View):
    """How large a part of the operations of a cell one is, 0 to 1: of the best trials, of all."""

    cell: str
    operation: str
    label: str
    family: str
    top: float
    all: float


class OperationShares(View):
    """Operations of the ``top`` best architectures against those of all ``different`` ones.

    Of more than 2,000 only so many are ``read``, spread evenly over the search.
    """

    items: list[OperationShare]
    top: int
    read: int
    different: int


def failures(database: Database, search_id: str) -> FailureGroups:
    """Return the failed trials by kind and by message without its particulars, most first."""
    query = (
        select(trial.c.number, trial.c.failure_kind, trial.c.failure_message)
        .where(trial.c.search_id == search_id, trial.c.state == State.FAILED)
        .order_by(trial.c.number)
    )
    with database.read() as connection:
        SearchRows(connection, search_id).search()
        rows = connection.execute(query).all()
    groups: dict[tuple[str, str], list[Any]] = {}
    for row in rows:
        kind = row.failure_kind or FailureKind.ERROR
        groups.setdefault((kind, signature(row.failure_message or "")), []).append(row)
    found = [
        FailureGroup(
            kind=FailureKind(kind),
            signature=text,
            message=members[0].failure_message or "",
            count=len(members),
            machine=not FailureKind(kind).blames_architecture,
            numbers=[row.number for row in members[:MOST_NUMBERS]],
            last=members[-1].number,
        )
        for (kind, text), members in groups.items()
    ]
    found.sort(key=lambda group: (-group.count, group.numbers[0]))
    return FailureGroups(items=found, failed=len(rows))


def signature(message: str) -> str:
    """Return the first line of a message with its numbers, names and paths as ``#``."""
    first = message.strip().splitlines()[0] if message.strip() else ""
    return _PARTICULAR.sub("#", first)[:LONGEST]


def operations(database: Database, search_id: str, top: int) -> OperationShares:
    """Return how often each operation stands in a cell of the best ``top`` trials, and of all.

    Different architectures count once. Shares are of all operations of that cell, sums and
    concatenations aside; they are empty where the architectures cannot be decoded any more.
    """
    query = select(trial.c.number, trial.c.key, trial.c.decisions, trial.c.reward).where(
        trial.c.search_id == search_id, trial.c.state == State.DONE
    )
    with database.read() as connection:
        spec = SearchRows(connection, search_id).search().spec
        rows = connection.execute(query.order_by(trial.c.number)).all()
    different = list({row.key: row for row in rows}.values())
    ranked = sorted(
        (row for row in different if row.reward is not None),
        key=lambda row: (-row.reward, row.number),
    )[:top]
    step = -(-len(different) // MOST_READ) or 1
    everything = different[::step]
    best, whole = _counts(spec, ranked), _counts(spec, everything)
    return OperationShares(
        items=_shares(best, whole), top=len(ranked), read=len(everything), different=len(different)
    )


def _counts(spec: dict[str, Any], rows: Iterable[Any]) -> Counts:
    from searchspaces.draw_graph import is_combine

    found: Counts = Counter()
    for row in rows:
        arch = architectures.decoded(spec, row.decisions)
        for cell in arch.cells if arch else ():
            found.update((cell.name, _name(node)) for node in cell.nodes if not is_combine(node))
    return found


def _name(node: Node) -> str:
    """Return the operation of a node; of a label, such as a row of a table has, the label."""
    from searchspaces.draw_graph import label_of
    from searchspaces.labels import CHOICE

    return label_of(node) if node.op == CHOICE else node.op


def _shares(best: Counts, whole: Counts) -> list[OperationShare]:
    from searchspaces.ops import OPS

    totals = [_by_cell(counts) for counts in (best, whole)]
    places = {name: place for place, name in enumerate(OPS)}

    def order(key: tuple[str, str]) -> tuple[str, int, str]:
        return key[0], places.get(key[1], len(places)), key[1]

    return [
        OperationShare(
            cell=cell,
            operation=name,
            label=OPS[name].label if name in OPS else name,
            family=OPS[name].family if name in OPS else "other",
            top=_share(best, totals[0], (cell, name)),
            all=_share(whole, totals[1], (cell, name)),
        )
        for cell, name in sorted(best.keys() | whole.keys(), key=order)
    ]


def _by_cell(counts: Counts) -> Counter[str]:
    found: Counter[str] = Counter()
    for (cell, _), count in counts.items():
        found[cell] += count
    return found


def _share(counts: Counts, totals: Counter[str], key: tuple[str, str]) -> float:
    return counts[key] / totals[key[0]] if totals[key[0]] else 0.0
