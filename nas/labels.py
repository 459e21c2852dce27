"""Categorical choices that somebody else has named, as a search space for our controllers.

For searches that other libraries run (:mod:`nas.tune`, :mod:`nas.optuna_sampler`): a mapping of
names to options. Points have values but no networks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nas.trial import Proposal, Result
from searchspaces import Choice, SpaceError
from searchspaces.labels import Labelled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nas.controllers import Controller
    from searchspaces import Decisions


class LabelSpace(Labelled):
    """One choice for each name; the options are values of any kind."""

    name = "labels"

    def __init__(self, options: Mapping[str, Sequence[Any]]) -> None:
        """Make the choices; ValueError where there are none, or one has no or equal options."""
        if not options:
            raise ValueError("options are empty: a search space needs at least one choice")
        self.options = {name: tuple(values) for name, values in options.items()}
        for name, values in self.options.items():
            if not values or any(value in values[:place] for place, value in enumerate(values)):
                raise ValueError(f"options of {name!r} are {values}, allowed are different values")
        self.choices = tuple(
            Choice(name, f"choice{place}", tuple(f"{i}:{value}" for i, value in enumerate(values)))
            for place, (name, values) in enumerate(self.options.items())
        )

    def values(self, decisions: Decisions) -> dict[str, Any]:
        """Return the value of each choice by name."""
        point = self.check(decisions)
        return {
            name: values[index]
            for (name, values), index in zip(self.options.items(), point, strict=True)
        }

    def point(self, values: Mapping[str, Any]) -> Decisions:
        """Return the point of values by name; others are ignored. SpaceError if one is missing."""
        try:
            return tuple(options.index(values[name]) for name, options in self.options.items())
        except (KeyError, ValueError) as error:
            raise SpaceError(f"{self.name}: no point of this space: {dict(values)}") from error


class Asked:
    """A controller that is asked and told by somebody else's numbers or names of trials."""

    def __init__(self, controller: Controller) -> None:
        """Begin without trials."""
        self.controller = controller
        self.waiting: dict[str, Proposal] = {}
        self.told = 0

    def ask(self, trial: str) -> Decisions | None:
        """Return a point for a trial, None where the controller has none (now)."""
        proposals = self.controller.ask(1)
        if not proposals:
            return None
        self.waiting[trial] = proposals[0]
        return proposals[0].decisions

    def tell(self, trial: str, reward: float | None, decisions: Decisions | None = None) -> None:
        """Tell a trial's reward, None for no news; a trial nobody asked for needs its decisions.

        A trial that is neither, or was told before, changes nothing.
        """
        proposal = self.waiting.pop(trial, None)
        if decisions is not None and (proposal is None or proposal.decisions != decisions):
            proposal = Proposal(decisions)
        if proposal is None:
            return
        metrics = {} if reward is None else {"reward": reward}
        self.controller.tell(Result(self.told, proposal, reward, metrics))
        self.told += 1

    def state(self) -> dict[str, Any]:
        """Return the whole memory as JSON data."""
        return {
            "controller": self.controller.state_dict(),
            "waiting": {
                trial: [list(p.decisions), p.budget, p.note] for trial, p in self.waiting.items()
            },
            "told": self.told,
        }

    def load(self, state: dict[str, Any]) -> None:
        """Take a memory over."""
        self.controller.load_state_dict(state["controller"])
        self.waiting = {
            trial: Proposal(tuple(decisions), budget, note)
            for trial, (decisions, budget, note) in state["waiting"].items()
        }
        self.told = state["told"]
