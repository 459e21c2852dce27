"""Makes a model: trains a trial's architecture from scratch, tests it once, exports it.

``python -m service.modelling MODEL_ID`` is what the supervisor starts for a model that a user asks
for; the runner of a search calls :func:`make` for the best trial at its end.
"""

from __future__ import annotations

import logging
import shutil
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from nas.catalog import REGISTRIES
from nas.data import DataError, load_final
from nas.execution.worker import limit_threads
from nas.recipe import Recipe
from nas.trial import TrialFailure, TrialStopped
from searchspaces import SpaceError
from searchspaces.registry import RegistryError
from searchspaces.scale import Scale
from service import models, specs
from service.clock import now
from service.db import Database
from service.errors import UserError
from service.processes import LockHeld, Stop, StopNow, die_with_parent, file_lock, parent_pid
from service.searchrows import SearchRows, finite
from service.settings import Settings
from service.states import MODEL_ENDED, ModelState

if TYPE_CHECKING:
    from collections.abc import Callable

    from nas.data import FinalData
    from nas.export import ExportedFile
    from nas.final import Final
    from nas.spec import SearchSpec
    from nas.trial import Metrics
    from service.schemas import ModelView

EXIT_BUSY = 75  # EX_TEMPFAIL: another process makes it
FAILURES = (TrialFailure, DataError, RegistryError, SpaceError, UserError, ValueError, MemoryError)
_log = logging.getLogger(__name__)


def make(
    database: Database, model_id: str, stop: Stop, leave: Callable[[], bool] = lambda: False
) -> ModelView:
    """Make a model, and return it as it then is: done, failed, or as it was if interrupted.

    A signal to this process breaks off at once; ``leave`` is asked after each epoch. Raises
    LockHeld when another process makes it.
    """
    locks = database.settings.folder("locks")
    with file_lock(locks / f"model-{model_id}.lock"):
        if models.view(database, model_id).state in MODEL_ENDED:
            return models.view(database, model_id)
        models.begin(database, model_id)
        try:
            with stop.at_once():
                _make(database, model_id, lambda: stop.asked() or leave())
        except (TrialStopped, StopNow):
            _log.info("model %s: interrupted", model_id)
        except FAILURES as error:
            _log.info("model %s failed", model_id, exc_info=True)
            fail(database, model_id, " ".join(str(error).split()) or type(error).__name__)
    return models.view(database, model_id)


def fail(database: Database, model_id: str, why: str) -> None:
    """Note that a model cannot be made."""
    models.change(database, model_id, state=ModelState.FAILED, error=why, ended_at=now())


def _make(database: Database, model_id: str, interrupted: Callable[[], bool]) -> None:
    view = models.view(database, model_id)
    with database.read() as connection:
        rows = SearchRows(connection, view.search)
        search, trial = rows.search(), rows.trials(view.trial)[0]
    spec = specs.stored(search.spec)
    if spec.data is None:
        raise UserError(f"evaluator {spec.evaluator.name!r} trains nothing", field="data")
    space = REGISTRIES["space"].create(spec.space.name, spec.space.options)
    arch = space.decode(trial.proposal.decisions)
    recipe, scale = _training(spec, view.epochs)
    data = load_final(spec.data, spec.seed, database.settings.data_root)

    def report(step: int, metrics: Metrics) -> bool:
        models.note_progress(database, model_id, step, finite(metrics))
        return not interrupted()

    from nas.final import train_final

    if interrupted():
        raise TrialStopped
    # As many threads as a trial had: the same numbers again on the same machine, and no collapse
    # where others use its cores (two threads on two busy cores were 14 times slower than one).
    limit_threads(spec.execution.cpus_per_trial)
    final = train_final(space, arch, data, recipe, scale, seed=trial.seed, report=report)
    card = {
        "title": f"{spec.name}, trial {trial.number}",
        "metrics": final.metrics | _selection(trial.metrics),
        "search": {
            "id": view.search,
            "name": spec.name,
            "seed": spec.seed,
            "trial": trial.number,
            "spec": search.spec,
        },
        "training": {
            "epochs": view.epochs,
            "seed": trial.seed,
            "recipe": recipe.model_dump(mode="json"),
        },
        "space_options": spec.space.options,
    }
    files = _export(database, model_id, final, data, (arch, scale, card, spec.data.source))
    models.change(
        database,
        model_id,
        state=ModelState.DONE,
        metrics=finite(final.metrics | _selection(trial.metrics)),
        files=[asdict(one) for one in files],
        ended_at=now(),
    )


def _training(spec: SearchSpec, epochs: int) -> tuple[Recipe, Scale]:
    """Return the recipe and the scale of the search's own evaluator, with the epochs asked for."""
    options = spec.evaluator.options
    recipe = Recipe.model_validate(options.get("recipe", {}))
    scale = Scale.model_validate(options.get("scale", {}))
    return recipe.model_copy(update={"epochs": epochs}), scale


def _selection(metrics: Metrics) -> Metrics:
    """Return what the search had measured, under names that cannot be taken for the test's."""
    return {f"selection_{name}": metrics[name] for name in ("accuracy", "loss") if name in metrics}


def _export(
    database: Database,
    model_id: str,
    final: Final,
    data: FinalData,
    about: tuple[Any, Scale, dict[str, Any], str],
) -> list[ExportedFile]:
    from nas.export import export

    arch, scale, card, source = about
    card |= {
        "classes": data.classes,
        "mean": data.statistics.mean,
        "std": data.statistics.std,
        "data": {
            "source": source,
            "train": len(data.train.y),
            "test": len(data.test.y),
            "hashes": data.hashes,
        },
    }
    folder = models.folder(database, model_id)
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    return export(folder, final.model, arch, data.task, scale, card=card)


def main(arguments: list[str]) -> int:
    """Make one model; return the exit code: 0, or 75 if another process makes it."""
    die_with_parent(parent_pid())
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    stop = Stop()
    with Database.open(Settings.load()) as database:
        try:
            view = make(database, arguments[0], stop)
        except LockHeld:
            return EXIT_BUSY
    return 0 if stop.asked() or view.state in MODEL_ENDED else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
