"""Trains the finals of a search: one architecture and seed after another, from scratch.

``python -m service.retraining ROUND_ID`` is what the supervisor starts for finals that a user asks
for. A training that fails is noted, and the others go on.
"""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nas.catalog import REGISTRIES
from nas.data import load_final
from nas.execution.worker import limit_threads
from nas.recipe import Recipe
from nas.trial import trial_seed
from searchspaces.scale import Scale
from service import finals, rounds, specs
from service.carrying_out import carry_out, outcome_of, paced, run_process
from service.errors import UserError
from service.rounds import FINALS, Fence
from service.searchrows import SearchRows

if TYPE_CHECKING:
    from nas.data import FinalData
    from nas.spec import SearchSpec
    from nas.trial import Metrics, Trial
    from searchspaces import SearchSpace
    from service.db import Database
    from service.processes import Stop
    from service.schemas import RoundView

_log = logging.getLogger(__name__)


def train(database: Database, round_id: str, stop: Stop) -> RoundView:
    """Train what is missing of a round, and return it as it then is.

    Interrupted by a signal, it stays as it was, to be gone on with. Raises LockHeld when another
    process trains finals of the search.
    """

    def work(epoch: int) -> None:
        _train(database, Fence(FINALS, database, round_id, epoch), stop)

    carry_out(database, FINALS, round_id, stop, work)
    return finals.of_round(database, round_id)


@dataclass(frozen=True)
class _Way:
    """How the architectures of a search are trained."""

    space: SearchSpace
    data: FinalData
    recipe: Recipe
    scale: Scale

    @classmethod
    def of(cls, spec: SearchSpec, epochs: int, database: Database) -> _Way:
        if spec.data is None:
            raise UserError(f"evaluator {spec.evaluator.name!r} trains nothing", field="data")
        options = spec.evaluator.options
        recipe = Recipe.model_validate(options.get("recipe", {}))
        return cls(
            space=REGISTRIES["space"].create(spec.space.name, spec.space.options),
            data=load_final(spec.data, spec.seed, database.settings.data_root),
            recipe=recipe.model_copy(update={"epochs": epochs}),
            scale=Scale.model_validate(options.get("scale", {})),
        )


def _train(database: Database, fence: Fence, stop: Stop) -> None:
    with database.read() as connection:
        row = FINALS.get(connection, fence.job_id)
        missing = rounds.missing(connection, fence.job_id)
        rows = SearchRows(connection, row.search_id)
        spec = specs.stored(rows.search().spec)
        trials = {number: rows.trials(number)[0] for number, _ in missing}
    way = _Way.of(spec, row.epochs, database)
    # As many threads as a trial had: the same numbers again on the same machine.
    limit_threads(spec.execution.cpus_per_trial)
    for number, seed in missing:
        _one(way, fence, trials[number], seed, stop)
    fence.end()


def _one(way: _Way, fence: Fence, trial: Trial, seed: int, stop: Stop) -> None:
    """Train and test one finalist with one seed; keep the result, or why there is none."""
    from nas.final import train_final

    def note(step: int, metrics: Metrics) -> None:
        fence.note(trial.number, seed, step, metrics)

    def trained() -> Metrics:
        return train_final(
            way.space,
            way.space.decode(trial.proposal.decisions),
            way.data,
            way.recipe,
            way.scale,
            seed=trial_seed(trial.seed, seed),
            report=paced(note, stop),
        ).metrics

    what = f"trial {trial.number}, seed {seed}"
    _log.info("%s", what)
    note(0, {})
    fence.keep(trial.number, seed, outcome_of(trained, what))


def main(arguments: list[str]) -> int:
    """Train one round; return the exit code: 0, or 75 if another process trains."""
    return run_process(arguments, lambda *given: train(*given).state)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
