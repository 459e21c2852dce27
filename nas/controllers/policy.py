"""The recurrent policy over a search space's choices, shared by REINFORCE and its relatives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from searchspaces import Decisions, SearchSpace

INIT_RANGE = 0.1  # uniform in [-0.1, 0.1]: NASNet, arXiv 1707.07012, appendix A.1


class Policy(nn.Module):
    """An LSTM that writes the decisions one after another, each softmax seeing those before.

    Choices of one kind and size share the embedding of their options and the softmax weights; a
    learned vector for each place tells the LSTM which decision is next.
    """

    def __init__(self, space: SearchSpace, hidden: int, layers: int) -> None:
        """Make the weights, uniform in ``INIT_RANGE``, from torch's current generator."""
        super().__init__()
        self.keys = [f"{choice.kind}/{len(choice)}" for choice in space.choices]
        self.hidden = hidden
        sizes = {key: len(choice) for key, choice in zip(self.keys, space.choices, strict=True)}
        self.cells = nn.ModuleList([nn.LSTMCell(hidden, hidden) for _ in range(layers)])
        self.places = nn.Embedding(len(self.keys), hidden)
        self.options = nn.ModuleDict({k: nn.Embedding(n, hidden) for k, n in sizes.items()})
        self.heads = nn.ModuleDict({k: nn.Linear(hidden, n) for k, n in sizes.items()})
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -INIT_RANGE, INIT_RANGE)

    def sample(self, generator: torch.Generator) -> tuple[Decisions, float]:
        """Return one point drawn from the policy, and the log of its probability."""
        return self.samples(1, generator)[0]

    @torch.no_grad()
    def samples(self, count: int, generator: torch.Generator) -> list[tuple[Decisions, float]]:
        """Return ``count`` points drawn from the policy, each with the log of its probability."""
        state, last = self._start(count)
        total = torch.zeros(count)
        drawn = []
        for place in range(len(self.keys)):
            log_p, state = self._step(place, last, state)  # (count, options)
            chosen = torch.multinomial(log_p.exp(), 1, generator=generator)  # (count, 1)
            total = total + log_p.gather(1, chosen)[:, 0]
            drawn.append(chosen)
            last = self._embed(place, chosen[:, 0])
        points = torch.cat(drawn, dim=1).tolist()
        return [(tuple(point), p) for point, p in zip(points, total.tolist(), strict=True)]

    @torch.no_grad()
    def shares(self, count: int, generator: torch.Generator) -> Tensor:
        """Return the mean softmax of each decision over ``count`` points drawn, one after another.

        The result: (options of all choices,), from 0 to 1.
        """
        state, last = self._start(count)
        means = []
        for place in range(len(self.keys)):
            log_p, state = self._step(place, last, state)  # (count, options)
            means.append(log_p.exp().mean(0))
            chosen = torch.multinomial(log_p.exp(), 1, generator=generator)  # (count, 1)
            last = self._embed(place, chosen[:, 0])
        return torch.cat(means)

    @torch.no_grad()
    def log_p(self, decisions: Decisions) -> float:
        """Return the log of the probability of a point, in nats."""
        return float(self(torch.tensor([decisions]))[0])

    def forward(self, decisions: Tensor) -> tuple[Tensor, Tensor]:
        """Return the log-probability and the summed entropy of each row.

        ``decisions``: (batch, choices) of int64; both results: (batch,), in nats.
        """
        state, last = self._start(len(decisions))
        total = torch.zeros(len(decisions))
        entropy = torch.zeros(len(decisions))
        for place in range(len(self.keys)):
            log_p, state = self._step(place, last, state)  # (batch, options)
            chosen = decisions[:, place]
            total = total + log_p.gather(1, chosen[:, None])[:, 0]
            entropy = entropy - (log_p.exp() * log_p).sum(1)
            last = self._embed(place, chosen)
        return total, entropy

    def _start(self, batch: int) -> tuple[list[tuple[Tensor, Tensor]], Tensor]:
        zero = torch.zeros(batch, self.hidden)
        return [(zero, zero) for _ in self.cells], zero

    def _step(
        self, place: int, last: Tensor, state: list[tuple[Tensor, Tensor]]
    ) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
        """Return the log-softmax of one decision, (batch, options), and the next state."""
        value = last + self.places.weight[place]
        following = []
        for cell, before in zip(self.cells, state, strict=True):
            after = cell(value, before)
            following.append(after)
            value = after[0]
        return torch.log_softmax(self.heads[self.keys[place]](value), dim=1), following

    def _embed(self, place: int, chosen: Tensor) -> Tensor:
        embedded: Tensor = self.options[self.keys[place]](chosen)
        return embedded
