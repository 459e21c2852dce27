"""Our controllers as a sampler for Optuna: ``optuna.create_study(sampler=ControllerSampler(...))``.

    sampler = ControllerSampler({"op": ["conv", "pool"], "width": [16, 32]}, "surrogate", seed=0)
    study = optuna.create_study(sampler=sampler, direction="maximize")

The objective asks for the same choices with ``trial.suggest_categorical(name, options)``; what it
asks for besides is sampled at random.
"""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING, Any

from optuna.distributions import CategoricalDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import StudyDirection
from optuna.trial import TrialState

from nas.controllers.catalog import CONTROLLERS
from nas.labels import Asked, LabelSpace
from searchspaces import SpaceError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from optuna.distributions import BaseDistribution
    from optuna.study import Study
    from optuna.trial import FrozenTrial

ENDED = (TrialState.COMPLETE, TrialState.FAIL, TrialState.PRUNED)


class ControllerSampler(BaseSampler):
    """Lets a controller sample the categorical parameters of a study of one objective.

    The study is the memory: before each sample the controller is told of every trial that has
    ended and that it does not know, its own, those of an earlier process in the same storage, and
    enqueued ones. A trial that failed or was pruned teaches nothing.
    """

    def __init__(
        self,
        options: Mapping[str, Sequence[Any]],
        controller: str = "surrogate",
        *,
        seed: int = 0,
        controller_options: Mapping[str, Any] | None = None,
    ) -> None:
        """Make the controller; raise RegistryError where there is none of that name."""
        self.space = LabelSpace(options)
        self.asked = Asked(
            CONTROLLERS.create(
                controller, dict(controller_options or {}), space=self.space, seed=seed
            )
        )
        self.independent = RandomSampler(seed)
        self._told: set[int] = set()
        self._lock = threading.Lock()  # a study may run its trials in threads

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return the choices that the controller decides together."""
        del study, trial
        return {name: CategoricalDistribution(v) for name, v in self.space.options.items()}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return the controller's proposal; nothing where it waits for results."""
        del search_space
        if len(study.directions) > 1:
            raise ValueError("ControllerSampler samples for one objective, the study has several")
        with self._lock:
            self._catch_up(study)
            point = self.asked.ask(str(trial.number))
        return {} if point is None else self.space.values(point)

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Return a random value of a parameter that the controller does not decide."""
        return self.independent.sample_independent(study, trial, param_name, param_distribution)

    def reseed_rng(self) -> None:
        """Reseed what samples at random; the controller keeps its own generator."""
        self.independent.reseed_rng()

    def _catch_up(self, study: Study) -> None:
        sign = -1.0 if study.direction is StudyDirection.MINIMIZE else 1.0
        for trial in study.get_trials(deepcopy=False, states=ENDED):
            if trial.number in self._told:
                continue
            self._told.add(trial.number)
            try:
                point = self.space.point(trial.params)
            except SpaceError:
                point = None  # an enqueued trial of other parameters, or one that failed early
            complete = trial.state is TrialState.COMPLETE and trial.value is not None
            value = sign * trial.value if complete and trial.value is not None else None
            usable = value is not None and math.isfinite(value)
            self.asked.tell(str(trial.number), value if usable else None, point)
