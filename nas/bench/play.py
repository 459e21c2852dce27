"""One search on a table: a bare loop of ask and tell, counting each function once."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nas.controllers.catalog import CONTROLLERS
from nas.controllers.seen import Seen
from nas.trial import Failure, FailureKind, Result

if TYPE_CHECKING:
    from nas.bench.lookup import Lookup
    from nas.controllers import Controller
    from nas.trial import Proposal

REPEATS = 20  # times the budget: a controller that repeats itself more often has stalled
MISSING = Failure(FailureKind.INVALID, "the table has no row for this architecture")


@dataclass(frozen=True)
class Game:
    """How one search went: the incumbent's score after each function trained, and times.

    ``step_ms`` is the median of the milliseconds that ask and tell of one trial take together.
    """

    curve: list[float]
    asked: int
    seconds: float
    step_ms: float


def play(
    lookup: Lookup, controller: str, seed: int, trials: int, options: dict[str, Any] | None = None
) -> Game:
    """Search until ``trials`` different functions were looked up; a repeat is free."""
    begun = time.perf_counter()
    player = _Player(lookup, CONTROLLERS.create(controller, options, space=lookup.space, seed=seed))
    while len(player.curve) < trials and player.asked < REPEATS * trials and player.step():
        pass
    curve = player.curve or [min(lookup.score.values())]
    curve += curve[-1:] * (trials - len(curve))  # nothing more to propose: the incumbent stays
    step_ms = statistics.median(player.steps) * 1e3 if player.steps else 0.0
    return Game(curve, player.asked, time.perf_counter() - begun, step_ms)


class _Player:
    """A controller at a table."""

    def __init__(self, lookup: Lookup, controller: Controller) -> None:
        self.lookup, self.controller = lookup, controller
        self.keys = Seen(lookup.space)
        self.values: dict[str, float] = {}
        self.curve: list[float] = []
        self.best = float("-inf")
        self.asked = 0
        self.steps: list[float] = []

    def step(self) -> bool:
        """Ask for one proposal and tell what it is worth; False once there is none."""
        begun = time.perf_counter()
        proposals = self.controller.ask(1)
        between = time.perf_counter()
        if not proposals:
            return False
        result = self._result(proposals[0])
        again = time.perf_counter()
        self.controller.tell(result)
        self.steps.append(time.perf_counter() - again + between - begun)
        self.asked += 1
        return True

    def _result(self, proposal: Proposal) -> Result:
        point = proposal.decisions
        key = self.keys.key(point)
        if not key or point not in self.lookup.search:
            return Result(self.asked, proposal, None, {}, MISSING)
        if key not in self.values:
            self.values[key] = self.lookup.search[point]
            score = self.curve[-1] if self.curve else 0.0
            if self.values[key] > self.best:
                self.best, score = self.values[key], self.lookup.score[point]
            self.curve.append(score)
        reward = self.values[key]
        return Result(self.asked, proposal, reward, {"accuracy": reward})
