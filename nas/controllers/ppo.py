"""Proximal policy optimisation on a recurrent policy, as NASNet was found (arXiv 1707.07012).

The policy of :mod:`nas.controllers.policy` and the baseline are those of REINFORCE. A batch of
results is used for several steps on the clipped surrogate (Schulman et al. 2017, arXiv 1707.06347,
equation 7): the mean of min(ratio * advantage, clip(ratio, 1 - c, 1 + c) * advantage), where the
ratio is the probability of an architecture now over that when it was drawn. So a late result,
drawn by an older policy, counts as what it is.

As in the papers: c = 0.2 (PPO, table 3), the EMA baseline with decay 0.95 and the entropy weight
1e-5 (NASNet, appendix A.1). Different, for hundreds of trials: batches of 5 (NASNet: 20), learning
rate 3e-3 (3.5e-4), the advantage divided by the spread of recent rewards, nothing drawn twice.

Figures: ``baseline`` is the moving average of the reward, ``entropy`` the mean entropy of one
decision under the policy, in nats, at the last update.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import torch
from pydantic import Field

from nas.controllers.recurrent import Recurrent, Settings

if TYPE_CHECKING:
    from torch import Tensor

    from searchspaces import SearchSpace


class PPO(Recurrent):
    """PPO with an LSTM policy: several clipped steps on every batch of results."""

    name = "ppo"

    def __init__(  # noqa: PLR0913 - the algorithm's published settings
        self,
        space: SearchSpace,
        seed: int,
        *,
        learning_rate: Annotated[float, Field(gt=0, le=1, description="Adam's rate")] = 3e-3,
        batch: Annotated[int, Field(ge=1, le=10_000, description="Results an update")] = 5,
        epochs: Annotated[int, Field(ge=1, le=100, description="Steps an update")] = 4,
        clip: Annotated[
            float, Field(gt=0, lt=1, description="How far from 1 a ratio still counts")
        ] = 0.2,
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
        self.epochs, self.clip = epochs, clip

    def learn(self, decisions: Tensor, advantage: Tensor, old_log_p: Tensor) -> Tensor:
        """Take ``epochs`` clipped steps; return the entropies (batch,) before them."""
        before = None
        for _ in range(self.epochs):
            log_p, entropy = self.policy(decisions)
            before = entropy.detach() if before is None else before
            gain = clipped(log_p, old_log_p, advantage, self.clip).mean()
            self._descend(-gain - self.settings.entropy_weight * entropy.mean())
        return torch.zeros(1) if before is None else before


def clipped(log_p: Tensor, old_log_p: Tensor, advantage: Tensor, clip: float) -> Tensor:
    """Return the clipped surrogate of each row, all (batch,); arXiv 1707.06347, equation 7."""
    ratio = (log_p - old_log_p).exp()
    return torch.minimum(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage)
