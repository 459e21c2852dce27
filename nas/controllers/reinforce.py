"""REINFORCE on a recurrent policy (Zoph and Le 2016, arXiv 1611.01578).

The policy's LSTM writes an architecture, the reward is compared with a moving average of earlier
rewards (the baseline), and the log-probability of the decisions is pushed by the difference.

As in the papers: the EMA baseline, its decay 0.95 and the entropy weight 1e-5 (NASNet, arXiv
1707.07012, appendix A.1), Adam, uniform initialisation. Different, because a search here has
hundreds of trials and not 12,800: one LSTM of 64 units, learning rate 3e-3 (2016: 6e-4; NASNet:
3.5e-4), an update after every result, and an advantage divided by the spread of recent rewards,
so that nothing depends on the scale of the reward. Rewards are raw (2016 cubes the accuracy). A
sample that was proposed before is drawn again, so that no function is trained twice. With so few
results the best are worth more than one step each: every update also raises the log-probability of
the ``elites`` best architectures so far (priority queue training, Abolafia et al. 2018, arXiv
1801.03526, equation 4); weight 0 leaves that out.

Figures: ``baseline`` is the moving average of the reward, ``entropy`` the mean entropy of one
decision under the policy, in nats, at the last update.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import torch
from pydantic import Field

from nas.controllers.recurrent import Recurrent, Settings

if TYPE_CHECKING:
    from torch import Tensor

    from nas.trial import Result
    from searchspaces import Decisions, SearchSpace


class Reinforce(Recurrent):
    """REINFORCE with an LSTM policy, a moving-average baseline and an entropy bonus."""

    name = "reinforce"

    def __init__(  # noqa: PLR0913 - the algorithm's published settings
        self,
        space: SearchSpace,
        seed: int,
        *,
        learning_rate: Annotated[float, Field(gt=0, le=1, description="Adam's rate")] = 3e-3,
        batch: Annotated[int, Field(ge=1, le=10_000, description="Results an update")] = 1,
        baseline_decay: Annotated[
            float, Field(ge=0, lt=1, description="Decay of the moving average of the reward")
        ] = 0.95,
        entropy_weight: Annotated[
            float, Field(ge=0, le=10, description="Weight of the entropy bonus")
        ] = 1e-5,
        hidden: Annotated[int, Field(ge=1, le=4096, description="Units of the LSTM")] = 64,
        layers: Annotated[int, Field(ge=1, le=4, description="Layers of the LSTM")] = 1,
        elites: Annotated[int, Field(ge=1, le=1000, description="Best ones kept in mind")] = 5,
        elite_weight: Annotated[float, Field(ge=0, le=10, description="Weight of those")] = 0.3,
    ) -> None:
        """Make a fresh policy from the seed."""
        settings = Settings(learning_rate, batch, baseline_decay, entropy_weight, hidden, layers)
        super().__init__(space, seed, settings)
        self.elites, self.elite_weight = elites, elite_weight
        self.best: list[tuple[Decisions, float]] = []  # the best first

    def tell(self, result: Result) -> None:
        """Keep the result, also among the best; update the policy once a batch is full."""
        if result.reward is not None:
            found = (result.proposal.decisions, result.reward)
            others = [one for one in self.best if one[0] != found[0]]
            self.best = sorted([*others, found], key=lambda one: -one[1])[: self.elites]
        super().tell(result)

    def state_dict(self) -> dict[str, Any]:
        """Return the memory of the policy, and the best."""
        best = [[list(decisions), reward] for decisions, reward in self.best]
        return {**super().state_dict(), "best": best}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take a memory over."""
        super().load_state_dict(state)
        self.best = [(tuple(decisions), reward) for decisions, reward in state["best"]]

    def learn(self, decisions: Tensor, advantage: Tensor, old_log_p: Tensor) -> Tensor:  # noqa: ARG002
        """Take one step along the policy gradient; return the entropies (batch,) before it."""
        count = len(decisions)
        best = torch.tensor([point for point, _ in self.best])
        log_p, entropy = self.policy(torch.cat([decisions, best]))  # (batch + elites,)
        gain = (advantage * log_p[:count]).mean() + self.elite_weight * log_p[count:].mean()
        self._descend(-gain - self.settings.entropy_weight * entropy[:count].mean())
        before: Tensor = entropy[:count].detach()
        return before
