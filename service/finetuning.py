"""Carries out a fine-tuning: measures, advises, trains, tests once, and keeps the model.

``python -m service.finetuning FINETUNE_ID`` is what the supervisor starts for one that a user asks
for. A checkpoint after every epoch makes a killed one go on where it was.
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from nas.execution.worker import limit_threads
from nas.trial import TrialFailure
from service import finetunes, models
from service.carrying_out import carry_out, paced, run_process
from service.errors import UserError
from service.finetunes import FINETUNE, Fence
from service.tuning import FinetuneRequest, PlanView, SimilarityView

if TYPE_CHECKING:
    from nas.finetune.job import Plan
    from nas.finetune.start import Start
    from service.db import Database
    from service.processes import Stop
    from service.tuning import FinetuneView

MEMORY_GIB = 2.0  # of decoded images; more are read from the disk, as by nas finetune


def train(database: Database, finetune_id: str, stop: Stop) -> FinetuneView:
    """Carry a fine-tuning out, and return it as it then is.

    Interrupted by a signal, it stays as it was, to be gone on with. Raises LockHeld when another
    process carries it out.
    """

    def work(epoch: int) -> None:
        try:
            _train(database, Fence(FINETUNE, database, finetune_id, epoch), stop)
        except (TrialFailure, MemoryError) as error:
            raise UserError(f"the training failed: {error}", field="recipe") from error

    carry_out(database, FINETUNE, finetune_id, stop, work)
    return finetunes.view(database, finetune_id)


def _train(database: Database, fence: Fence, stop: Stop) -> None:
    from nas.finetune.job import make_plan, prepare, run
    from nas.training.album import open_album
    from nas.training.job import Job

    wish = finetunes.view(database, fence.job_id).wish
    root = database.settings.data_root.absolute()
    limit_threads(1.0)  # as nas finetune by default
    start = _start(database, wish)
    spec = wish.data.model_copy(
        update={
            "image_size": wish.data.image_size or start.task.height,
            "colour": "rgb" if start.task.channels == 3 else "grey",
        }
    )
    album = open_album(spec, wish.seed, root, memory_bytes=MEMORY_GIB * 2**30)
    prepared = prepare(start, album, wish.seed)
    plan = make_plan(
        start,
        album,
        prepared,
        strategy=wish.strategy,
        last=wish.stages,
        changes=wish.recipe,
        seed=wish.seed,
    )
    fence.plan(_shown(plan, start))
    home = database.settings.home
    _sweep(database)
    job = Job(
        blueprint=start.blueprint,
        data=spec,
        recipe=plan.recipe,
        folder=home / "finetunes" / fence.job_id,
        root=root,
        seed=wish.seed,
        memory_gib=MEMORY_GIB,
    )
    job.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    done = run(job, start, album, prepared, plan, report=paced(fence.note, stop))
    model_id = finetunes.fresh_id()
    target = home / "models" / model_id
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    done.folder.rename(target)  # a crash before the row leaves files that nothing names
    files = [asdict(one) for one in done.files]
    fence.done(model_id, files, plan.recipe.epochs, done.metrics)
    shutil.rmtree(job.folder, ignore_errors=True)


def _sweep(database: Database) -> None:
    """Remove the checkpoints of fine-tunings that have ended: they are not gone on with."""
    with database.read() as connection:
        active = {row.id for row in FINETUNE.active(connection)}
    for folder in (database.settings.home / "finetunes").glob("*"):
        if folder.name not in active:
            shutil.rmtree(folder, ignore_errors=True)


def _start(database: Database, wish: FinetuneRequest) -> Start:
    """Return the trained network that is asked for."""
    from nas.finetune.start import from_folder, from_weights
    from nas.training.blueprint import Blueprint

    if wish.model is not None:
        return from_folder(models.folder(database, wish.model))
    return from_weights(Blueprint.named(wish.zoo or ""), Path(wish.weights or ""))


def _shown(plan: Plan, start: Start) -> PlanView:
    told = plan.told(start)
    return PlanView(
        source=start.title,
        strategy=plan.strategy,
        stages=told["stages"],
        epochs=plan.recipe.epochs,
        recommended=plan.advice.strategy,
        reasons=list(plan.advice.reasons),
        similarity=SimilarityView.model_validate(told["similarity"]),
    )


def main(arguments: list[str]) -> int:
    """Carry out one fine-tuning; return the exit code: 0, or 75 if another process does it."""
    return run_process(arguments, lambda *given: train(*given).state)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
