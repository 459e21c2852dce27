"""Asynchronous successive halving (ASHA: Li et al. 2020, arXiv 1810.05934) around a controller.

Another controller proposes; every architecture is first trained for few epochs, and the best share
1/eta of those that were measured on a rung are trained again for eta times as many, up to the full
schedule (algorithm 2 of the paper: the highest rung with somebody to promote comes first). The
other controller learns from the lowest rung alone, where all rewards are of one kind.

eta = 3 as in Hyperband (arXiv 1603.06560); the paper uses 4. Rungs have ``epochs``, ``epochs`` *
eta, ... epochs, ``rungs`` in all, and the last is the evaluator's full schedule: choose ``epochs``
so that the one before stays below it.

Figures: ``promoted`` is how many were, ``best`` the best reward of the highest rung reached.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from nas.controllers import Controller
from nas.trial import Proposal, Result

if TYPE_CHECKING:
    from nas.trial import Metrics
    from searchspaces import Decisions, SearchSpace

RUNG = "rung"  # in a proposal's note


class Halving(Controller):
    """ASHA: many architectures trained for few epochs, the best ones for longer."""

    name = "halving"

    def __init__(
        self,
        space: SearchSpace,
        seed: int,
        *,
        controller: Annotated[
            str, Field(min_length=1, max_length=100, description="Who proposes")
        ] = "evolution",
        options: Annotated[dict[str, Any], Field(description="Its options")] = {},  # noqa: B006
        epochs: Annotated[int, Field(ge=1, le=1000, description="Epochs of the lowest rung")] = 1,
        eta: Annotated[int, Field(ge=2, le=10, description="One of so many is promoted")] = 3,
        rungs: Annotated[
            int, Field(ge=2, le=10, description="Rungs; the last is the full schedule")
        ] = 3,
    ) -> None:
        """Make the controller that proposes; raise RegistryError where there is none."""
        from nas.controllers.catalog import CONTROLLERS  # the catalogue imports this file

        super().__init__(space, seed)
        self.inner = CONTROLLERS.create(controller, options, space=space, seed=seed)
        self.eta = eta
        self.budgets = [*(epochs * eta**rung for rung in range(rungs - 1)), None]
        self.measured: list[list[tuple[Decisions, float]]] = [[] for _ in range(rungs)]
        self.raised: list[list[Decisions]] = [[] for _ in range(rungs)]
        self.asked = self.told = 0

    def ask(self, free: int) -> list[Proposal]:
        """Return promotions first, then what the other controller proposes."""
        proposals: list[Proposal] = []
        while len(proposals) < free:
            found = self._promotion() or self._new()
            if found is None:
                break
            self.asked += 1
            proposals.append(found)
        return proposals

    def independent(self) -> int:
        """Return one unless something runs: any result may promote."""
        return max(0, self.told + 1 - self.asked)

    def tell(self, result: Result) -> None:
        """Note the reward on its rung; the lowest rung's are told to the other controller."""
        self.told += 1
        proposal = result.proposal
        rung = int(proposal.note.get(RUNG, 0))
        if result.reward is not None:
            self.measured[rung].append((proposal.decisions, result.reward))
        if rung == 0:
            note = {name: value for name, value in proposal.note.items() if name != RUNG}
            original = Proposal(proposal.decisions, None, note)
            self.inner.tell(
                Result(result.number, original, result.reward, result.metrics, result.failure)
            )

    def figures(self) -> Metrics:
        """Return the number of promotions and the best reward of the highest rung."""
        found = {"promoted": float(sum(len(rung) for rung in self.raised))}
        top = next((rung for rung in reversed(self.measured) if rung), [])
        return found | ({"best": max(reward for _, reward in top)} if top else {})

    def state_dict(self) -> dict[str, Any]:
        """Return the rungs and the other controller's memory."""
        return {
            "inner": self.inner.state_dict(),
            "measured": [[[list(d), reward] for d, reward in rung] for rung in self.measured],
            "raised": [[list(d) for d in rung] for rung in self.raised],
            "asked": self.asked,
            "told": self.told,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take a memory over."""
        self.inner.load_state_dict(state["inner"])
        self.measured = [[(tuple(d), reward) for d, reward in rung] for rung in state["measured"]]
        self.raised = [[tuple(d) for d in rung] for rung in state["raised"]]
        self.asked, self.told = state["asked"], state["told"]

    def _promotion(self) -> Proposal | None:
        """Return the best of a rung that is among its best 1/eta and was not promoted yet."""
        for rung in reversed(range(len(self.budgets) - 1)):
            ranked = sorted(self.measured[rung], key=lambda pair: -pair[1])
            for decisions, _ in ranked[: len(ranked) // self.eta]:
                if decisions not in self.raised[rung]:
                    self.raised[rung].append(decisions)
                    return Proposal(decisions, self.budgets[rung + 1], {RUNG: rung + 1})
        return None

    def _new(self) -> Proposal | None:
        for proposal in self.inner.ask(1):
            return Proposal(proposal.decisions, self.budgets[0], {**proposal.note, RUNG: 0})
        return None
