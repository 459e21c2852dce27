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
from service.db import Database
from service.errors import UserError
from service.processes import (
    EXIT_BUSY,
    LockHeld,
    Stop,
    StopNow,
    die_with_parent,
    file_lock,
    leave,
    parent_pid,
)
from service.searchrows import SearchRows, finite
from service.settings import Settings
from service.states import MODEL_ENDED

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Row

    from nas.data import FinalData
    from nas.spec import SearchSpec
    from nas.trial import Metrics, Trial
    from service.schemas import ModelView

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
    """Note that a model, or the further formats of one, cannot be made."""
    models.give_up(database, model_id, why)


def _make(database: Database, model_id: str, interrupted: Callable[[], bool]) -> None:
    """Train and export, unless that was done; then write the formats asked for since."""
    if not models.view(database, model_id).files and _train(database, model_id, interrupted):
        return
    complete = False
    while not complete:
        if interrupted():
            raise TrialStopped
        complete = _add_formats(database, model_id)


def _train(database: Database, model_id: str, interrupted: Callable[[], bool]) -> bool:
    """Train and export a model; say whether it has all formats that are asked for by now."""
    view = models.view(database, model_id)
    search, trial = _about(database, view)
    spec = specs.stored(search.spec)
    space = REGISTRIES["space"].create(spec.space.name, spec.space.options)
    arch = space.decode(trial.proposal.decisions)
    recipe, scale = _training(spec, view.epochs)
    data = _data(database, spec)

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
    metrics = final.metrics | _selection(trial.metrics)
    card = {
        "title": f"{spec.name}, trial {trial.number}",
        "classes": data.classes,
        "mean": data.statistics.mean,
        "std": data.statistics.std,
        "metrics": metrics,
        "search": {
            "id": view.search,
            "name": spec.name,
            "seed": spec.seed,
            "trial": trial.number,
            "spec": search.spec,
        },
        "data": {
            "source": spec.data and spec.data.source,
            "train": len(data.train.y),
            "test": len(data.test.y),
            "hashes": data.hashes,
        },
        "training": {
            "epochs": view.epochs,
            "seed": trial.seed,
            "recipe": recipe.model_dump(mode="json"),
        },
        "space_options": spec.space.options,
    }
    from nas.export import Subject, export_subject
    from nas.export.facts import Card

    subject = Subject(final.model, arch, data.task, scale, Card.of(card, data.task))
    folder = models.folder(database, model_id)
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    files = export_subject(folder, subject)
    return models.done(
        database, model_id, [], metrics=finite(metrics), files=[asdict(one) for one in files]
    )


def _add_formats(database: Database, model_id: str) -> bool:
    """Write the further formats that are asked for; say whether more were asked for meanwhile."""
    view = models.view(database, model_id)
    search, _ = _about(database, view)
    spec = specs.stored(search.spec)
    models.note_progress(database, model_id, view.epochs, {})
    limit_threads(spec.execution.cpus_per_trial)
    from nas.export import add
    from nas.export.choice import any_lossy

    images = _data(database, spec).test if any_lossy(view.formats) else None
    files = add(models.folder(database, model_id), view.formats, images)
    return models.done(
        database, model_id, view.formats, files=[asdict(one) for one in files], error=""
    )


def _about(database: Database, view: ModelView) -> tuple[Row[Any], Trial]:
    """Return the rows of a model's search and trial."""
    if view.search is None or view.trial is None:
        raise UserError(f"model {view.id} was fine-tuned: it is of no trial", field="model")
    with database.read() as connection:
        rows = SearchRows(connection, view.search)
        return rows.search(), rows.trials(view.trial)[0]


def _data(database: Database, spec: SearchSpec) -> FinalData:
    if spec.data is None:
        raise UserError(f"evaluator {spec.evaluator.name!r} trains nothing", field="data")
    return load_final(spec.data, spec.seed, database.settings.data_root)


def _training(spec: SearchSpec, epochs: int) -> tuple[Recipe, Scale]:
    """Return the recipe and the scale of the search's own evaluator, with the epochs asked for."""
    options = spec.evaluator.options
    recipe = Recipe.model_validate(options.get("recipe", {}))
    scale = Scale.model_validate(options.get("scale", {}))
    return recipe.model_copy(update={"epochs": epochs}), scale


def _selection(metrics: Metrics) -> Metrics:
    """Return what the search had measured, under names that cannot be taken for the test's."""
    return {f"selection_{name}": metrics[name] for name in ("accuracy", "loss") if name in metrics}


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
    leave(main(sys.argv[1:]))
