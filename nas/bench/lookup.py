"""A table of measurements for a benchmark: what the search sees, and what it is scored by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nas.evaluators.tabular import Tabular
from searchspaces.catalog import SPACES
from searchspaces.registry import RegistryError

if TYPE_CHECKING:
    from searchspaces import Decisions, SearchSpace


@dataclass(frozen=True)
class Lookup:
    """Measured values by point. ``best`` is the score of the point with the best search value."""

    space: SearchSpace
    search: dict[Decisions, float]
    score: dict[Decisions, float]

    @property
    def best(self) -> float:
        """The score of the point that looks best to a search: what regret is measured from."""
        top = max(self.search, key=lambda point: self.search[point])
        return self.score[top]


def read_lookup(path: str, space_name: str, search_column: str, score_column: str) -> Lookup:
    """Read a table; raise RegistryError naming the file, line or column that is wrong."""
    options = {"path": path} if space_name == "table" else {}
    space = SPACES.create(space_name, options)
    table = Tabular(space, path=path, column=search_column)
    if not all(score_column in metrics for metrics in table.metrics[:1]):
        known = tuple(name for name in table.metrics[0] if name != "accuracy")
        raise RegistryError(
            f"option 'score_column': {path} measures no {score_column!r}; "
            f"known: {', '.join(known)}",
            "score_column",
            known,
        )
    rows = table.rows.items()
    return Lookup(
        space,
        {point: table.metrics[row]["accuracy"] for point, row in rows},
        {point: table.metrics[row][score_column] for point, row in rows},
    )
