"""A warm start for any controller: known architectures first, and the results of earlier searches.

``start`` are points that are proposed before anything else, such as published cells. ``results``
are points with the rewards that an earlier search gave them; the controller is told them at once,
as if it had proposed them, and does not propose them again. Rewards must be of the same kind as
this search's.

Figures are the other controller's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from nas.controllers import Controller
from nas.trial import Proposal, Result

if TYPE_CHECKING:
    from nas.trial import Metrics
    from searchspaces import Decisions, SearchSpace

Point = list[int]
START = "start"  # in a proposal's note


class WarmStart(Controller):
    """Known architectures and earlier results first, then any other controller."""

    name = "warm_start"

    def __init__(
        self,
        space: SearchSpace,
        seed: int,
        *,
        controller: Annotated[
            str, Field(min_length=1, max_length=100, description="Who goes on")
        ] = "evolution",
        options: Annotated[dict[str, Any], Field(description="Its options")] = {},  # noqa: B006
        start: Annotated[
            list[Point], Field(max_length=10_000, description="Decisions to propose first")
        ] = [],  # noqa: B006
        results: Annotated[
            list[tuple[Point, float]],
            Field(max_length=100_000, description="Decisions and rewards of an earlier search"),
        ] = [],  # noqa: B006
    ) -> None:
        """Make the other controller; raise SpaceError or RegistryError for what is not one."""
        from nas.controllers.catalog import CONTROLLERS  # the catalogue imports this file

        super().__init__(space, seed)
        self.inner = CONTROLLERS.create(controller, options, space=space, seed=seed)
        self.start: list[Decisions] = [space.check(point) for point in start]
        self.asked = self.told = 0
        for number, (point, reward) in enumerate(results):
            self.inner.tell(Result(number, Proposal(space.check(point)), reward, {}))

    def ask(self, free: int) -> list[Proposal]:
        """Return what is left of the known points, then what the other controller proposes."""
        known = self.start[self.asked : self.asked + free]
        proposals = [Proposal(decisions, note={START: True}) for decisions in known]
        if len(proposals) < free:
            proposals += self.inner.ask(free - len(proposals))
        self.asked += len(proposals)
        return proposals

    def independent(self) -> int | None:
        """Return what is left of the known points, else one unless something runs.

        The other controller's own count does not know of results that it did not ask for.
        """
        left = len(self.start) - self.asked
        if left > 0 or self.inner.independent() is None:
            return left if left > 0 else None
        return max(0, self.told + 1 - self.asked)

    def tell(self, result: Result) -> None:
        """Tell the other controller."""
        self.told += 1
        if START in result.proposal.note:
            proposal = Proposal(result.proposal.decisions, result.proposal.budget)
            result = Result(result.number, proposal, result.reward, result.metrics, result.failure)
        self.inner.tell(result)

    def figures(self) -> Metrics:
        """Return the other controller's figures."""
        return self.inner.figures()

    def state_dict(self) -> dict[str, Any]:
        """Return the place in the known points and the other controller's memory."""
        return {"inner": self.inner.state_dict(), "asked": self.asked, "told": self.told}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take a memory over."""
        self.inner.load_state_dict(state["inner"])
        self.asked, self.told = state["asked"], state["told"]
