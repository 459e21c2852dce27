"""Our controllers as a searcher for Ray Tune: ``TuneConfig(search_alg=TuneSearcher("surrogate"))``.

The search space is the ``param_space`` of the tuner: every ``tune.choice`` is a decision, constants
are handed through. Tune's own limits of concurrency apply (``ConcurrencyLimiter``).
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ray.tune.search import Searcher
from ray.tune.search.sample import Categorical, Domain

from nas.controllers.catalog import CONTROLLERS
from nas.labels import Asked, LabelSpace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class TuneSearcher(Searcher):
    """Lets a controller suggest the configurations of a Tune experiment.

    A trial that ends in an error, or without the metric, teaches nothing. ``save`` and ``restore``
    keep the whole controller, so that a restored experiment goes on as it would have.
    """

    def __init__(
        self,
        controller: str = "surrogate",
        options: Mapping[str, Sequence[Any]] | None = None,
        *,
        metric: str | None = None,
        mode: str | None = None,
        seed: int = 0,
        controller_options: Mapping[str, Any] | None = None,
    ) -> None:
        """Keep the settings; ``options`` by name replace the choices of Tune's ``param_space``.

        Raises RegistryError where there is no controller of that name.
        """
        super().__init__(metric=metric, mode=mode)
        CONTROLLERS.check(controller, dict(controller_options or {}))
        self.controller, self.seed = controller, seed
        self.controller_options = dict(controller_options or {})
        self.constants: dict[str, Any] = {}
        self.asked: Asked | None = None
        self.space: LabelSpace | None = None
        if options:
            self._begin(options)

    def set_search_properties(
        self, metric: str | None, mode: str | None, config: dict[str, Any], **spec: Any
    ) -> bool:
        """Take over what the tuner says; ValueError for a domain that is no ``tune.choice``."""
        del spec
        if metric:
            self._metric = metric
        if mode:
            self._mode = mode
        if self.space is None and config:
            options = {}
            for name, value in config.items():
                if isinstance(value, Categorical):
                    options[name] = value.categories
                elif isinstance(value, Domain | dict):
                    raise ValueError(
                        f"param_space: {name!r} is {value}, allowed are tune.choice and constants"
                    )
                else:
                    self.constants[name] = value
            self._begin(options)
        return True

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """Return a configuration, None to wait for results, FINISHED where there are no more."""
        if self.asked is None or self.space is None:
            raise RuntimeError("no search space: give options, or a param_space to the tuner")
        point = self.asked.ask(trial_id)
        if point is not None:
            return {**self.constants, **self.space.values(point)}
        finished: str = Searcher.FINISHED
        return None if self.asked.waiting else finished

    def on_trial_complete(
        self,
        trial_id: str,
        result: dict[str, Any] | None = None,
        error: bool = False,
    ) -> None:
        """Tell the controller the metric of a trial, negated where less is better."""
        value = None if error or not result else result.get(self.metric)
        usable = isinstance(value, int | float) and math.isfinite(value)
        if self.asked is not None:
            sign = -1.0 if self.mode == "min" else 1.0
            self.asked.tell(trial_id, sign * float(value) if usable and value is not None else None)

    def save(self, checkpoint_path: str) -> None:
        """Write the memory to a file."""
        data = {
            "options": self.space.options if self.space else None,
            "constants": self.constants,
            "asked": self.asked.state() if self.asked else None,
        }
        Path(checkpoint_path).write_text(json.dumps(data), encoding="utf-8")

    def restore(self, checkpoint_path: str) -> None:
        """Take the memory over from a file."""
        data = json.loads(Path(checkpoint_path).read_text(encoding="utf-8"))
        self.constants = data["constants"]
        if data["options"]:
            self._begin(data["options"])
        if self.asked is not None and data["asked"]:
            self.asked.load(data["asked"])

    def _begin(self, options: Mapping[str, Sequence[Any]]) -> None:
        self.space = LabelSpace(options)
        self.asked = Asked(
            CONTROLLERS.create(
                self.controller, self.controller_options, space=self.space, seed=self.seed
            )
        )
