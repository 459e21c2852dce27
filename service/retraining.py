"""Trains the finals of a search: one architecture and seed after another, from scratch.

``python -m service.retraining ROUND_ID`` is what the supervisor starts for finals that a user asks
for. A training that fails is noted, and the others go on.
"""

from __future__ import annotations

import logging
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nas.catalog import REGISTRIES
from nas.data import DataError, load_final
from nas.execution.worker import describe, limit_threads
from nas.recipe import Recipe
from nas.store import LostOwnership
from nas.trial import TrialStopped, trial_seed
from searchspaces import SpaceError
from searchspaces.registry import RegistryError
from searchspaces.scale import Scale
from service import finals, rounds, specs
from service.db import Database
from service.errors import StorageError, UserError
from service.processes import LockHeld, Stop, StopNow, die_with_parent, file_lock, parent_pid
from service.searchrows import SearchRows
from service.settings import Settings
from service.states import FINALS_ACTIVE

if TYPE_CHECKING:
    from nas.data import FinalData
    from nas.spec import SearchSpec
    from nas.trial import Metrics, Trial
    from searchspaces import SearchSpace
    from service.rounds import Fence
    from service.schemas import RoundView

EXIT_BUSY = 75  # EX_TEMPFAIL: another process trains finals of this search
NOTE_SECONDS = 0.5  # between two notes of the progress, which are also looks at the wish to stop
FAILURES = (DataError, RegistryError, SpaceError, UserError, ValueError)
_log = logging.getLogger(__name__)


def lock_name(search_id: str) -> str:
    """Return the name of the lock that whoever trains finals of a search holds."""
    return f"finals-{search_id}.lock"


def train(database: Database, round_id: str, stop: Stop) -> RoundView:
    """Train what is missing of a round, and return it as it then is.

    Interrupted by a signal, it stays as it was, to be gone on with. Raises LockHeld when another
    process trains finals of the search.
    """
    with database.read() as connection:
        search_id = rounds.get(connection, round_id).search_id
    with file_lock(database.settings.folder("locks") / lock_name(search_id)):
        fence = rounds.begin(database, round_id)
        if fence is not None:
            try:
                with stop.at_once():
                    _train(database, search_id, fence, stop)
            except (TrialStopped, StopNow):
                _log.info("finals %s: interrupted", round_id)
            except LostOwnership as error:
                _log.info("%s", error)
            except FAILURES as error:
                _log.info("finals %s failed", round_id, exc_info=True)
                finals.fail(database, round_id, " ".join(str(error).split()) or repr(error))
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


def _train(database: Database, search_id: str, fence: Fence, stop: Stop) -> None:
    with database.read() as connection:
        epochs = rounds.get(connection, fence.round_id).epochs
        missing = rounds.missing(connection, fence.round_id)
        rows = SearchRows(connection, search_id)
        spec = specs.stored(rows.search().spec)
        trials = {number: rows.trials(number)[0] for number, _ in missing}
    way = _Way.of(spec, epochs, database)
    # As many threads as a trial had: the same numbers again on the same machine.
    limit_threads(spec.execution.cpus_per_trial)
    for number, seed in missing:
        _one(way, fence, trials[number], seed, stop)
    fence.end()


def _one(way: _Way, fence: Fence, trial: Trial, seed: int, stop: Stop) -> None:
    """Train and test one finalist with one seed; keep the result, or why there is none."""
    from nas.final import train_final

    noted = 0.0

    def report(step: int, metrics: Metrics) -> bool:
        nonlocal noted
        if time.monotonic() - noted >= NOTE_SECONDS:
            fence.note(trial.number, seed, step, metrics)
            noted = time.monotonic()
        return not stop.asked()

    _log.info("trial %d, seed %d", trial.number, seed)
    fence.note(trial.number, seed, 0, {})
    try:
        done = train_final(
            way.space,
            way.space.decode(trial.proposal.decisions),
            way.data,
            way.recipe,
            way.scale,
            seed=trial_seed(trial.seed, seed),
            report=report,
        )
    except (TrialStopped, LostOwnership, StorageError):
        raise
    except Exception as error:
        failure = describe(error)
        if not failure.kind.blames_architecture:
            raise
        _log.warning("trial %d, seed %d failed", trial.number, seed, exc_info=True)
        fence.keep(trial.number, seed, failure)
    else:
        fence.keep(trial.number, seed, done.metrics)


def main(arguments: list[str]) -> int:
    """Train one round; return the exit code: 0, or 75 if another process trains."""
    die_with_parent(parent_pid())
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    stop = Stop()
    with Database.open(Settings.load()) as database:
        try:
            view = train(database, arguments[0], stop)
        except LockHeld:
            return EXIT_BUSY
    return 0 if stop.asked() or view.state not in FINALS_ACTIVE else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
