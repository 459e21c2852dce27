"""REINFORCE on a recurrent policy (Zoph and Le 2016, arXiv 1611.01578).

The policy's LSTM writes an architecture, the reward is compared with a moving average of earlier
rewards (the baseline), and the log-probability of the decisions is pushed by the difference.

As in the papers: the EMA baseline, its decay 0.95 and the entropy weight 1e-5 (NASNet, arXiv
1707.07012, appendix A.1), Adam, uniform initialisation. Different, because a search here has
hundreds of trials and not 12,800: one LSTM of 64 units, learning rate 3e-3 (2016: 6e-4; NASNet:
3.5e-4), an update after every result, and an advantage divided by the spread of recent rewards,
so that nothing depends on the scale of the reward. Rewards are raw (2016 cubes the accuracy).

Figures: ``baseline`` is the moving average of the reward, ``entropy`` the mean entropy of one
decision under the policy, in nats, at the last update.
"""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Annotated, Any

import torch
from pydantic import Field

from nas.controllers import Controller
from nas.controllers.policy import Policy
from nas.controllers.tensors import pack, pack_tree, unpack, unpack_tree
from nas.seeding import generator, seeded
from nas.trial import Proposal

if TYPE_CHECKING:
    from nas.trial import Metrics, Result
    from searchspaces import SearchSpace

WINDOW = 100  # recent rewards whose spread scales the advantage


class Reinforce(Controller):
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
        super().__init__(space, seed)
        self.batch, self.baseline_decay = batch, baseline_decay
        self.entropy_weight = entropy_weight
        with seeded(seed, torch.device("cpu")):
            self.policy = Policy(space, hidden, layers)
        self.optimizer = torch.optim.Adam(self.policy.parameters(), lr=learning_rate)
        self.generator = generator(seed, "reinforce")
        self.asked = self.told = 0
        self.baseline: float | None = None
        self.entropy: float | None = None
        self.recent: list[float] = []
        self.waiting: list[tuple[list[int], float]] = []  # decisions and reward, since the update
        self._weights: dict[str, Any] | None = None  # packed, until the next update

    def ask(self, free: int) -> list[Proposal]:
        """Return ``free`` samples of the policy; the note keeps their log-probability in nats."""
        proposals = []
        for _ in range(free):
            decisions, log_p = self.policy.sample(self.generator)
            proposals.append(Proposal(decisions, note={"log_p": log_p}))
        self.asked += free
        return proposals

    def independent(self) -> int:
        """Return what is left of the batch that this policy samples."""
        return (self.told // self.batch + 1) * self.batch - self.asked

    def tell(self, result: Result) -> None:
        """Keep the result; update the policy once a batch is full."""
        self.told += 1
        if result.reward is not None:
            self.waiting.append((list(result.proposal.decisions), result.reward))
        if self.told % self.batch == 0 and self.waiting:
            self._update()

    def figures(self) -> Metrics:
        """Return the baseline and the entropy of a decision."""
        known = {"baseline": self.baseline, "entropy": self.entropy}
        return {name: value for name, value in known.items() if value is not None}

    def state_dict(self) -> dict[str, Any]:
        """Return weights, Adam's state, generator, baseline and the results not yet learned."""
        if self._weights is None:
            self._weights = {
                "policy": pack_tree(dict(self.policy.state_dict())),
                "optimizer": pack_tree(self.optimizer.state_dict()),
            }
        return {
            **self._weights,
            "generator": pack(self.generator.get_state()),
            "asked": self.asked,
            "told": self.told,
            "baseline": self.baseline,
            "entropy": self.entropy,
            "recent": list(self.recent),
            "waiting": list(self.waiting),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take a memory over."""
        self.policy.load_state_dict(unpack_tree(state["policy"]))
        self.optimizer.load_state_dict(unpack_tree(state["optimizer"]))
        self.generator.set_state(unpack(state["generator"]))
        self.asked, self.told = state["asked"], state["told"]
        self.baseline, self.entropy = state["baseline"], state["entropy"]
        self.recent = list(state["recent"])
        self.waiting = [(list(decisions), reward) for decisions, reward in state["waiting"]]
        self._weights = None

    def _update(self) -> None:
        """Take one step of Adam on the waiting results, against the baseline before them."""
        rewards = [reward for _, reward in self.waiting]
        baseline = statistics.fmean(rewards) if self.baseline is None else self.baseline
        self.recent = [*self.recent, *rewards][-WINDOW:]
        spread = statistics.pstdev(self.recent) or 1.0
        advantage = torch.tensor([(reward - baseline) / spread for reward in rewards])  # (batch,)
        log_p, entropy = self.policy(torch.tensor([d for d, _ in self.waiting]))
        loss = -(advantage * log_p).mean() - self.entropy_weight * entropy.mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        for reward in rewards:
            baseline = self.baseline_decay * baseline + (1 - self.baseline_decay) * reward
        self.baseline = baseline
        self.entropy = float(entropy.detach().mean()) / len(self.space.choices)
        self.waiting = []
        self._weights = None
