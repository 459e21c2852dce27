"""``nas train``: any network trained on any images, by one process or several, and resumed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.context import settings_of
from service.cli.failures import INTERRUPTED, SearchFailed
from service.cli.networks import HELP, blueprint_of
from service.cli.recipes import check_device, recipe_of, recipe_options, starting_recipe
from service.cli.screen import meter, say, say_json
from service.cli.trainings import (
    Data,
    HoldOut,
    ImageSize,
    Json,
    Seed,
    Threads,
    TrainImages,
    Workers,
    data_of,
    output_folder,
    shown_epochs,
)
from service.errors import UserError

if TYPE_CHECKING:
    from nas.evaluators import Report
    from nas.training.job import Job, Trained
    from service.cli.screen import Meter


def train(  # noqa: PLR0913 - the options of a command
    context: typer.Context,
    model: Annotated[str, typer.Argument(help=HELP)],
    *,
    data: Data = "digits",
    output: Annotated[
        Path, typer.Option(metavar="DIR", help="Checkpoint, history and model go there")
    ] = Path("trained"),
    image_size: ImageSize = None,
    train_images: TrainImages = None,
    hold_out: HoldOut = 0.1,
    recipe: Annotated[
        str,
        typer.Option(
            metavar="default|paper|FILE",
            help="Start from our recipe, from that of the network's authors, or from nas tune's",
        ),
    ] = "default",
    processes: Annotated[
        int, typer.Option(help="Processes that train together: one for each GPU", min=1, max=64)
    ] = 1,
    threads: Threads = 1,
    workers: Workers = 0,
    memory: Annotated[
        float, typer.Option(help="GiB of decoded images to keep; more are read from the folder")
    ] = 2.0,
    seed: Seed = 0,
    as_json: Json = False,
    **flags: Any,
) -> None:
    """Train a network on images, test it once, and write it to a folder.

    The same command goes on where it was broken off. Several GPUs or cores: --processes, or start
    it with torchrun on one or more machines.

    nas train resnet20_cifar --data photos/ --image-size 64 --epochs 30 --output photos-model
    """
    from nas.training.job import Job

    folder = output_folder(output)
    base, blueprint = starting_recipe(recipe, blueprint_of(context, model))
    job = Job(
        blueprint=blueprint,
        data=data_of(context, data, image_size, train_images, hold_out),
        recipe=recipe_of(base, flags),
        folder=folder,
        root=settings_of(context).data_root.absolute(),
        seed=seed,
        hold_out=hold_out > 0,
        memory_gib=memory,
        workers=workers,
    )
    done = run_job(job, processes, threads)
    if done is None:  # another process of torchrun prints
        return
    if as_json:
        say_json({"metrics": done.metrics, "history": done.history, "folder": str(done.folder)})
        return
    say(f"{blueprint.title}: test accuracy {done.metrics['test_accuracy']:.2%}")
    say(f"model: {done.folder}")


def run_job(job: Job, processes: int, threads: int) -> Trained | None:
    """Train with a meter; return None in all but the first process of torchrun.

    Raises UserError and SearchFailed.
    """
    from nas.training.checkpoint import CheckpointError
    from nas.training.launch import ProcessLost, TrainingRefused, launch
    from nas.trial import TrialFailure

    check_device(job.recipe.device)
    torchrun = int(os.environ.get("WORLD_SIZE", "1")) > 1
    if torchrun and processes > 1:
        raise UserError("torchrun starts the processes", field="--processes", allowed="1")
    try:
        with meter() as shown:
            report = shown_epochs(shown, job.blueprint.title, job.recipe.epochs)
            if processes > 1:
                return launch(job, processes, threads=threads, report=report)
            return _here(job, threads, report, shown)
    except KeyboardInterrupt:
        say("\ninterrupted; the same command goes on", error=True)
        raise typer.Exit(INTERRUPTED) from None
    except CheckpointError as error:
        raise UserError(str(error), field="--output") from error
    except TrainingRefused as error:
        raise UserError(str(error), field="train") from error
    except (TrialFailure, ProcessLost) as error:
        raise SearchFailed(str(error)) from error


def _here(job: Job, threads: int, report: Report, shown: Meter) -> Trained | None:
    import torch

    from nas.training.job import run
    from nas.training.parallel import joined

    torch.set_num_threads(threads)

    def decoded(done: int, total: int) -> None:
        shown.show("images", done, total, "")

    with joined() as parallel:
        done = run(job, parallel=parallel, report=report, progress=decoded)
        return done if parallel.first else None


recipe_options(train)
