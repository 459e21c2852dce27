"""Drops the proposals that a cheap score thinks worst, and measures whether that score is right.

The filter is put around a controller. It first lets ``calibration`` proposals through, with their
scores; after that a proposal is dropped where its score is below the share ``drop`` of all scores
so far, and the controller is told that there is no news of it. All the while the score is compared
with the rewards of the trials that ran: as long as the interval of Kendall's tau does not lie above
zero nothing is dropped, so that a score that does not rank here, or ranks the wrong way round, does
no harm.
"""

from __future__ import annotations

import bisect
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nas.controllers import Controller
from nas.rank import kendall_tau, tau_interval
from nas.trial import Result

if TYPE_CHECKING:
    from collections.abc import Callable

    from nas.trial import Metrics, Proposal
    from searchspaces import Decisions

SCORE = "prefilter"  # in the note of a proposal
TRIES = 20  # proposals dropped in a row before one is let through whatever its score


class Prefilter(Controller):
    """A controller whose worst-looking proposals are never trained."""

    def __init__(
        self,
        inner: Controller,
        score: Callable[[Decisions], float | None],
        *,
        drop: float = 0.25,
        calibration: int = 16,
    ) -> None:
        """Filter ``inner`` by ``score`` (more is better, None: unknown); 0 < drop < 1."""
        if not 0 < drop < 1:
            raise ValueError(f"drop is {drop}, allowed are values between 0 and 1")
        super().__init__(inner.space, inner.seed)
        self.inner, self.score, self.drop, self.calibration = inner, score, drop, calibration
        self.scores: list[float] = []  # of all proposals, sorted
        self.pairs: list[tuple[float, float]] = []  # score and reward of trials that ran
        self.dropped = 0
        self._trusted: bool | None = False  # None: to be worked out again

    def ask(self, free: int) -> list[Proposal]:
        """Return proposals that are not among the worst by score."""
        found: list[Proposal] = []
        for _ in range(free):
            proposal = self._ask()
            if proposal is None:
                break
            found.append(proposal)
        return found

    def tell(self, result: Result) -> None:
        """Compare score and reward, then tell the controller."""
        note = dict(result.proposal.note)
        value = note.pop(SCORE, None)
        if value is not None and result.reward is not None:
            self.pairs.append((value, result.reward))
            self._trusted = None
        self.inner.tell(replace(result, proposal=replace(result.proposal, note=note)))

    def independent(self) -> int | None:
        """Return one: what the filter trusts depends on every result."""
        left = self.inner.independent()
        return 1 if left is None else min(left, 1)

    def figures(self) -> Metrics:
        """Return the controller's figures, the tau of the score so far, and what was dropped."""
        found = {**self.inner.figures(), "prefilter_dropped": float(self.dropped)}
        tau = self.tau()
        return found if tau is None else found | {"prefilter_tau": tau}

    def tau(self) -> float | None:
        """Return Kendall's tau between score and reward so far, None before it is defined."""
        if len(self.pairs) < 2:
            return None
        return kendall_tau([s for s, _ in self.pairs], [r for _, r in self.pairs])

    def trusted(self) -> bool:
        """Say whether the score has been shown to rank: the whole interval of tau above zero."""
        if self._trusted is None:
            low, _ = tau_interval([s for s, _ in self.pairs], [r for _, r in self.pairs])
            self._trusted = len(self.pairs) >= self.calibration and low > 0
        return self._trusted

    def state_dict(self) -> dict[str, Any]:
        """Return the controller's memory and the filter's."""
        return {
            "inner": self.inner.state_dict(),
            "scores": list(self.scores),
            "pairs": [list(pair) for pair in self.pairs],
            "dropped": self.dropped,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take both memories over."""
        self.inner.load_state_dict(state["inner"])
        self.scores, self.dropped = list(state["scores"]), state["dropped"]
        self.pairs = [(score, reward) for score, reward in state["pairs"]]
        self._trusted = None

    @property
    def name(self) -> str:  # type: ignore[override]
        """The controller's name."""
        return self.inner.name

    def _ask(self) -> Proposal | None:
        for attempt in range(TRIES):
            proposals = self.inner.ask(1)
            if not proposals:
                return None
            (proposal,) = proposals
            value = self.score(proposal.decisions)
            if value is None:
                return proposal
            rank = bisect.bisect_left(self.scores, value)
            self.scores.insert(rank, value)
            worst = rank < self.drop * (len(self.scores) - 1)
            if attempt == TRIES - 1 or not (worst and self.trusted()):
                return replace(proposal, note={**proposal.note, SCORE: value})
            self.dropped += 1
            self.inner.tell(Result(-1, proposal, None, {}))
        return None
