"""What a benchmark found: mean, spread, standard error, regret and lift over random."""

from __future__ import annotations

import math
import statistics
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nas.bench.play import Game

CONTROL = "random"


@dataclass(frozen=True)
class Row:
    """One controller at one budget, over all seeds, in the unit of the score column.

    ``sd`` is the standard deviation over seeds, ``se`` that of the mean. ``regret`` is how far the
    mean is below the score of the point with the best search value. ``lift`` is the mean minus
    random search's and ``lift_se`` its standard error, None where random was not run.
    """

    controller: str
    trials: int
    seeds: int
    mean: float
    sd: float
    se: float
    regret: float
    lift: float | None
    lift_se: float | None
    seconds: float
    step_ms: float

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return asdict(self)


def summarise(games: Mapping[str, Sequence[Game]], trials: Sequence[int], best: float) -> list[Row]:
    """Return a row for each controller and budget, in their order."""
    return [
        _row(name, budget, found, games.get(CONTROL), best)
        for name, found in games.items()
        for budget in trials
    ]


def _row(
    name: str, budget: int, games: Sequence[Game], control: Sequence[Game] | None, best: float
) -> Row:
    mean, sd, se = _spread([game.curve[budget - 1] for game in games])
    lift = lift_se = None
    if control is not None and name != CONTROL:
        other, _, other_se = _spread([game.curve[budget - 1] for game in control])
        lift, lift_se = mean - other, math.hypot(se, other_se)
    return Row(
        name,
        budget,
        len(games),
        mean,
        sd,
        se,
        best - mean,
        lift,
        lift_se,
        statistics.fmean(game.seconds for game in games),
        statistics.median(game.step_ms for game in games),
    )


def _spread(values: list[float]) -> tuple[float, float, float]:
    """Return mean, standard deviation and standard error; zeros where there is one value."""
    sd = statistics.stdev(values) if len(values) > 1 else 0.0
    return statistics.fmean(values), sd, sd / math.sqrt(len(values))
