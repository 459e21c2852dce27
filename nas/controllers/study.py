"""Optuna's samplers behind our contract: one study, whose whole memory is a list of its trials.

Every draw is made by a fresh sampler with a seed of its own, from the search's seed and the number
of the draw, so that a resumed search goes on exactly. A draw that is a function proposed before is
marked as failed, which Optuna's samplers pass over, and a mutation of it is proposed instead:
drawing again is slow, and gives the same once the sampler has made up its mind.
"""

from __future__ import annotations

import random
from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from nas.controllers import Controller
from nas.controllers.generators import derived, pack_rng, unpack_rng
from nas.controllers.seen import Seen
from nas.trial import Proposal

if TYPE_CHECKING:
    import optuna

    from nas.trial import Metrics, Result
    from searchspaces import Decisions, SearchSpace


class Study(Controller):
    """A controller that hands every draw to a sampler of Optuna."""

    def __init__(self, space: SearchSpace, seed: int, objectives: tuple[str, ...] = ()) -> None:
        """Open a study that maximises the reward, and ``objectives``: metrics, -name for less."""
        super().__init__(space, seed)
        self.objectives = objectives
        self.rng = random.Random(derived(seed, self.name))
        self.seen = Seen(space)
        self.draws = self.asked = self.told = 0
        self.best: float | None = None
        self.distributions = _distributions(space)
        self.study = self._open()

    @abstractmethod
    def sampler(self, seed: int) -> optuna.samplers.BaseSampler:
        """Return a fresh sampler."""

    @abstractmethod
    def random_first(self) -> int:
        """Return how many proposals are drawn at random, whatever the results."""

    def ask(self, free: int) -> list[Proposal]:
        """Return up to ``free`` proposals; the note keeps the number of the study's trial."""
        proposals: list[Proposal] = []
        while len(proposals) < free:
            found = self._draw()
            if found is None:
                break
            decisions, number = found
            self.seen.add(decisions)
            self.asked += 1
            proposals.append(Proposal(decisions, note={"study": number}))
        return proposals

    def independent(self) -> int:
        """Return what is left of the random proposals, else one unless something runs."""
        return max(self.random_first() - self.asked, self.told + 1 - self.asked)

    def tell(self, result: Result) -> None:
        """End the study's trial with the reward, or as failed."""
        self.told += 1
        decisions = result.proposal.decisions
        number = result.proposal.note.get("study")
        if number is None:  # from another search
            number = self._forced(decisions)
        self.seen.add(decisions)
        values = self._values(result)
        if values is None:
            self._fail(number)
            return
        self.best = values[0] if self.best is None else max(self.best, values[0])
        self.study.tell(number, values)

    def figures(self) -> Metrics:
        """Return the best reward."""
        return {} if self.best is None else {"best": self.best}

    def state_dict(self) -> dict[str, Any]:
        """Return every trial of the study, with the notes of the sampler."""
        storage, study = self.study._storage, self.study._study_id
        return {
            "seed": self.seed,
            "rng": pack_rng(self.rng),
            "seen": self.seen.state(),
            "draws": self.draws,
            "asked": self.asked,
            "told": self.told,
            "best": self.best,
            "notes": storage.get_study_system_attrs(study),
            "trials": [
                [self._decisions(trial.params), trial.state.name, trial.values, trial.system_attrs]
                for trial in self.study.get_trials(deepcopy=False)
            ],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Open the study again, trial by trial."""
        import optuna

        self.seed = state["seed"]
        unpack_rng(self.rng, state["rng"])
        self.seen.load(state["seen"])
        self.draws, self.asked, self.told = state["draws"], state["asked"], state["told"]
        self.best = state["best"]
        self.study = self._open()
        for decisions, stage, values, notes in state["trials"]:
            self.study.add_trial(
                optuna.trial.create_trial(
                    state=optuna.trial.TrialState[stage],
                    values=values,
                    params=self._params(decisions),
                    distributions=self.distributions,
                    system_attrs=notes,
                )
            )
        for name, value in state["notes"].items():
            self.study._storage.set_study_system_attr(self.study._study_id, name, value)

    def _open(self) -> optuna.Study:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        directions = [optuna.study.StudyDirection.MAXIMIZE] + [
            optuna.study.StudyDirection.MINIMIZE
            if name.startswith("-")
            else optuna.study.StudyDirection.MAXIMIZE
            for name in self.objectives
        ]
        return optuna.create_study(directions=directions, sampler=self.sampler(self.seed))

    def _draw(self) -> tuple[Decisions, int] | None:
        """Return a new function and the number of its trial."""
        last, number = self._ask()
        if self.seen.fresh(last):
            return last, number
        self._fail(number)

        def change() -> Decisions:
            nonlocal last
            last = self.space.mutate(last, self.rng)
            return last

        found = self.seen.draw(change, self.rng)
        return None if found is None else (found, self._forced(found))

    def _ask(self) -> tuple[Decisions, int]:
        self.draws += 1
        sampler = self.sampler(derived(self.seed, f"{self.name}/{self.draws}"))
        # Optuna would compare every parameter of every trial to find out which all have.
        setattr(sampler, "infer_relative_search_space", self._varied)  # noqa: B010
        self.study.sampler = sampler
        trial = self.study.ask(self.distributions)
        return tuple(self._decisions(trial.params)), trial.number

    def _varied(self, *_: Any) -> dict[str, optuna.distributions.BaseDistribution]:
        """Return the decisions that are decisions: those of more than one option."""
        return {name: found for name, found in self.distributions.items() if not found.single()}

    def _forced(self, decisions: Decisions) -> int:
        """Open a trial with given decisions; return its number."""
        self.study.enqueue_trial(self._params(decisions))
        return self._ask()[1]

    def _fail(self, number: int) -> None:
        import optuna

        self.study.tell(number, state=optuna.trial.TrialState.FAIL)

    def _values(self, result: Result) -> list[float] | None:
        """Return the reward and the other objectives; None where one is missing."""
        names = [name.removeprefix("-") for name in self.objectives]
        if result.reward is None or any(name not in result.metrics for name in names):
            return None
        return [result.reward, *(result.metrics[name] for name in names)]

    def _params(self, decisions: Decisions) -> dict[str, int]:
        return {f"{place}": index for place, index in enumerate(decisions)}

    def _decisions(self, params: dict[str, Any]) -> list[int]:
        return [params[f"{place}"] for place in range(len(self.space.choices))]


def _distributions(space: SearchSpace) -> dict[str, optuna.distributions.BaseDistribution]:
    import optuna

    return {
        f"{place}": optuna.distributions.CategoricalDistribution(tuple(range(len(choice))))
        for place, choice in enumerate(space.choices)
    }
