"""Looks measured values up in a CSV file: own benchmarks, and NAS-Bench-201, without training.

With the space ``table`` a row is found by its choices, with ``nasbench201`` by the column ``arch``,
|op~0|+|op~0|op~1|+|op~0|op~1|op~2|.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from nas.evaluators import Evaluator
from nas.trial import FailureKind, TrialFailure, TrialStopped
from searchspaces.nasbench201 import NASBench201, from_string
from searchspaces.registry import RegistryError
from searchspaces.table import Table, TableSpace, read_table

if TYPE_CHECKING:
    from nas.evaluators import Report, Request
    from nas.trial import Metrics
    from searchspaces import Decisions, SearchSpace

ARCH = "arch"  # the column that names an architecture as text
PERCENT = 100.0


class Tabular(Evaluator):
    """Measured values out of a CSV file; every numeric column is a metric, one is the accuracy.

    ``accuracy`` is the chosen column from 0 to 1: where a value of it is above 1, the column is
    taken for percent and divided by 100.
    """

    name = "tabular"

    def __init__(
        self,
        space: SearchSpace,
        *,
        path: Annotated[
            str,
            Field(max_length=4096, description="A CSV file; empty: the one of the space 'table'"),
        ] = "",
        column: Annotated[
            str,
            Field(max_length=200, description="The column that is the accuracy; empty: the first"),
        ] = "",
    ) -> None:
        """Read the file; raise RegistryError naming the line and column that are wrong."""
        self.check_space(space)
        self.space = space
        own = space.table if isinstance(space, TableSpace) and not path else None
        table = own or read_table(path)
        self.metrics = _metrics(table, column)
        self.rows = _rows(space, table)

    @classmethod
    def check_space(cls, space: SearchSpace) -> None:
        """Raise RegistryError unless rows of a table can be matched with points of the space."""
        if not isinstance(space, TableSpace | NASBench201):
            raise RegistryError(
                f"evaluator 'tabular' reads tables of the search spaces 'table' and 'nasbench201', "
                f"got {space.name!r}",
                "evaluator",
                ("table", "nasbench201"),
            )

    def evaluate(self, request: Request, report: Report) -> Metrics:
        """Return the metrics of a row; raise TrialFailure where the table has no such row."""
        row = self.rows.get(request.decisions)
        if row is None:
            raise TrialFailure(FailureKind.INVALID, "the table has no row for this architecture")
        found = self.metrics[row]
        if not report(1, found):
            raise TrialStopped
        return found


def _metrics(table: Table, column: str) -> list[Metrics]:
    """Return the metrics of every row."""
    measured = [c for c in table.columns if c != ARCH and not c.startswith("choice:")]
    if not measured:
        table.refuse("no measured column")
    column = column or measured[0]
    if column not in measured:
        names = ", ".join(measured)
        raise RegistryError(
            f"option 'column': {table.path} measures no {column!r}; known: {names}",
            "column",
            tuple(measured),
        )
    values = {name: table.numbers(name) for name in measured}
    scores = values[column]
    unit = PERCENT if max(scores) > 1 else 1.0
    for (line, _), score in zip(table.rows, scores, strict=True):
        if not 0 <= score / unit <= 1:
            table.refuse(f"an accuracy from 0 to 1 or 0 to 100, got {score:g}", line, column)
    return [
        {name: numbers[row] for name, numbers in values.items()} | {"accuracy": scores[row] / unit}
        for row in range(len(scores))
    ]


def _rows(space: SearchSpace, table: Table) -> dict[Decisions, int]:
    """Return the points that the table measures, each with its row."""
    if isinstance(space, TableSpace):
        # The file may be another one with the same choices, such as a second set of measurements.
        reader = space if table is space.table else TableSpace(path=table.path)
        if reader.choices != space.choices:
            table.refuse(f"its choices are not those of {space.table.path}")
        return reader.rows
    if ARCH not in table.columns:
        table.refuse(f"no column is named {ARCH!r}")
    found: dict[Decisions, int] = {}
    for row, (line, text) in enumerate(table.texts(ARCH)):
        try:
            point = from_string(text)
        except ValueError as error:
            table.refuse(str(error), line, ARCH)
        if found.setdefault(point, row) != row:
            table.refuse(f"the same cell as in line {table.rows[found[point]][0]}", line, ARCH)
    return found
