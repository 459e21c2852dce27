"""What REINFORCE and PPO share: an LSTM policy that is sampled, a baseline, a snapshot."""

from __future__ import annotations

import random
import statistics
from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from nas.controllers import Controller
from nas.controllers.generators import derived, pack_rng, unpack_rng
from nas.controllers.policy import Policy
from nas.controllers.policy_history import KEY, PolicyHistory
from nas.controllers.seen import TRIES, Seen
from nas.controllers.tensors import pack, pack_tree, unpack, unpack_tree
from nas.seeding import generator, seeded
from nas.trial import Proposal

if TYPE_CHECKING:
    from torch import Tensor

    from nas.trial import Metrics, Result
    from searchspaces import Decisions, SearchSpace

WINDOW = 100  # recent rewards whose spread scales the advantage
DRAWS = 16  # samples at once, of which the first that is new is proposed
ROUNDS = 4  # times that is done before a sample is mutated instead


@dataclass(frozen=True, slots=True)
class Settings:
    """Adam's rate, results an update, decay of the baseline, weight of the entropy, the LSTM."""

    learning_rate: float
    batch: int
    baseline_decay: float
    entropy_weight: float
    hidden: int
    layers: int


@dataclass(frozen=True, slots=True)
class Sampled:
    """A result that waits for the next update; ``log_p`` is that of the policy that drew it."""

    decisions: Decisions
    reward: float
    log_p: float


class Recurrent(Controller):
    """Samples an LSTM policy, never the same function twice, and learns from full batches."""

    def __init__(self, space: SearchSpace, seed: int, settings: Settings) -> None:
        """Make a fresh policy from the seed."""
        super().__init__(space, seed)
        self.settings = settings
        with seeded(seed, torch.device("cpu")):
            self.policy = Policy(space, settings.hidden, settings.layers)
        self.optimizer = torch.optim.Adam(self.policy.parameters(), lr=settings.learning_rate)
        self.generator = generator(seed, self.name)
        self.rng = random.Random(derived(seed, self.name))
        self.seen = Seen(space)
        self.asked = self.told = 0
        self.baseline: float | None = None
        self.entropy: float | None = None
        self.recent: list[float] = []
        self.waiting: list[Sampled] = []  # since the last update
        self.history = PolicyHistory(derived(seed, KEY), settings.batch)
        self._weights: dict[str, Any] | None = None  # packed, until the next update

    @abstractmethod
    def learn(self, decisions: Tensor, advantage: Tensor, old_log_p: Tensor) -> Tensor:
        """Take the steps of one update; return the entropies (batch,) before it.

        ``decisions`` (batch, choices), ``advantage`` (batch,), ``old_log_p`` (batch,) in nats.
        """

    def ask(self, free: int) -> list[Proposal]:
        """Return up to ``free`` new samples; the note keeps their log-probability in nats."""
        proposals: list[Proposal] = []
        while len(proposals) < free:
            drawn = self._draw()
            if drawn is None:
                break
            self.seen.add(drawn[0])
            self.asked += 1
            proposals.append(Proposal(drawn[0], note={"log_p": drawn[1]}))
        return proposals

    def samples(self, count: int) -> list[Decisions]:
        """Return points drawn from the policy, new or not, without proposing them."""
        return [decisions for decisions, _ in self.policy.samples(count, self.generator)]

    def independent(self) -> int:
        """Return what is left of the batch that this policy samples."""
        batch = self.settings.batch
        return (self.told // batch + 1) * batch - self.asked

    def tell(self, result: Result) -> None:
        """Keep the result; update the policy once a batch is full."""
        self.told += 1
        decisions = result.proposal.decisions
        self.seen.add(decisions)
        if result.reward is not None:
            log_p = result.proposal.note.get("log_p")
            known = self.policy.log_p(decisions) if log_p is None else float(log_p)
            self.waiting.append(Sampled(decisions, result.reward, known))
        if self.told % self.settings.batch == 0 and self.waiting:
            self._update()

    def figures(self) -> Metrics:
        """Return the baseline and the entropy of a decision."""
        known = {"baseline": self.baseline, "entropy": self.entropy}
        return {name: value for name, value in known.items() if value is not None}

    def state_dict(self) -> dict[str, Any]:
        """Return weights, Adam's state, generators, baseline and the results not yet learned."""
        if self._weights is None:
            self._weights = {
                "policy": pack_tree(dict(self.policy.state_dict())),
                "optimizer": pack_tree(self.optimizer.state_dict()),
                KEY: self.history.state(),
            }
        return {
            **self._weights,
            "generator": pack(self.generator.get_state()),
            "rng": pack_rng(self.rng),
            "seen": self.seen.state(),
            "asked": self.asked,
            "told": self.told,
            "baseline": self.baseline,
            "entropy": self.entropy,
            "recent": list(self.recent),
            "waiting": [[list(one.decisions), one.reward, one.log_p] for one in self.waiting],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take a memory over."""
        self.policy.load_state_dict(unpack_tree(state["policy"]))
        self.optimizer.load_state_dict(unpack_tree(state["optimizer"]))
        self.generator.set_state(unpack(state["generator"]))
        unpack_rng(self.rng, state["rng"])
        self.seen.load(state["seen"])
        self.asked, self.told = state["asked"], state["told"]
        self.baseline, self.entropy = state["baseline"], state["entropy"]
        self.recent = list(state["recent"])
        self.waiting = [Sampled(tuple(point), *rest) for point, *rest in state["waiting"]]
        self.history.load(state.get(KEY))
        self._weights = None

    def _draw(self) -> tuple[Decisions, float] | None:
        """Return a new sample and its log-probability; once there is none, a mutation of one."""
        decisions: Decisions = ()
        for _ in range(ROUNDS):
            for decisions, log_p in self.policy.samples(DRAWS, self.generator):
                if self.seen.fresh(decisions):
                    return decisions, log_p
        for _ in range(TRIES):
            decisions = self.space.mutate(decisions, self.rng)
            if self.seen.fresh(decisions):
                return decisions, self.policy.log_p(decisions)
        found = self.seen.anything(self.rng)
        return None if found is None else (found, self.policy.log_p(found))

    def _update(self) -> None:
        """Learn from the waiting results, against the baseline before them."""
        rewards = [one.reward for one in self.waiting]
        baseline = statistics.fmean(rewards) if self.baseline is None else self.baseline
        self.recent = [*self.recent, *rewards][-WINDOW:]
        spread = statistics.pstdev(self.recent) or 1.0
        entropy = self.learn(
            torch.tensor([one.decisions for one in self.waiting]),
            torch.tensor([(reward - baseline) / spread for reward in rewards]),
            torch.tensor([one.log_p for one in self.waiting]),
        )
        decay = self.settings.baseline_decay
        for reward in rewards:
            baseline = decay * baseline + (1 - decay) * reward
        self.baseline = baseline
        self.entropy = float(entropy.detach().mean()) / len(self.space.choices)
        self.waiting = []
        self.history.note(self.policy, self.told)
        self._weights = None

    def _descend(self, loss: Tensor) -> None:
        """Take one step of Adam."""
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
