"""REINFORCE on a recurrent policy (Zoph and Le 2016, arXiv 1611.01578).

The policy's LSTM writes an architecture, the reward is compared with a moving average of earlier
rewards (the baseline), and the log-probability of the decisions is pushed by the difference.

As in the papers: the EMA baseline, its decay 0.95 and the entropy weight 1e-5 (NASNet, arXiv
1707.07012, appendix A.1), Adam, uniform initialisation. Different, because a search here has
hundreds of trials and not 12,800: one LSTM of 64 units, learning rate 3e-3 (2016: 6e-4; NASNet:
3.5e-4), an update after every result, and an advantage divided by the spread of recent rewards,
so that nothing depends on the scale of the reward. Rewards are raw (2016 cubes the accuracy). A
sample that was proposed before is drawn again, so that no function is trained twice.

Figures: ``baseline`` is the moving average of the reward, ``entropy`` the mean entropy of one
decision under the policy, in nats, at the last update.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from nas.controllers.recurrent import Recurrent, Settings

if TYPE_CHECKING:
    from torch import Tensor

    from searchspaces import SearchSpace


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
    ) -> None:
        """Make a fresh policy from the seed."""
        settings = Settings(learning_rate, batch, baseline_decay, entropy_weight, hidden, layers)
        super().__init__(space, seed, settings)

    def learn(self, decisions: Tensor, advantage: Tensor, old_log_p: Tensor) -> Tensor:  # noqa: ARG002
        """Take one step along the policy gradient; return the entropies (batch,) before it."""
        log_p, entropy = self.policy(decisions)
        self._descend(-(advantage * log_p).mean() - self.settings.entropy_weight * entropy.mean())
        before: Tensor = entropy.detach()
        return before
