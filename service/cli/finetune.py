"""``nas finetune``: trained weights on your own images, with a recommendation that is explained."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from nas.recipe import Recipe
from service.cli.context import settings_of
from service.cli.failures import INTERRUPTED, SearchFailed
from service.cli.networks import blueprint_of, folder_of
from service.cli.recipes import changes_of, check_device, recipe_of, recipe_options
from service.cli.screen import meter, say, say_json
from service.cli.trainings import (
    Data,
    HoldOut,
    Json,
    Seed,
    Threads,
    TrainImages,
    data_of,
    output_folder,
    shown_epochs,
)
from service.errors import UserError

if TYPE_CHECKING:
    from nas.data.spec import DataSpec
    from nas.finetune.job import Plan
    from nas.finetune.start import Start
    from nas.finetune.strategies import Strategy
    from nas.training.job import Trained


Weights = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Weights of a network of the zoo (.safetensors, .pth)"),
]
Chosen = Annotated[
    Literal["auto", "linear", "last", "all", "scratch"],
    typer.Option(
        help="auto: what is recommended; linear: the classifier; last: the last stages too; "
        "all: every layer, early ones slowly; scratch: fresh weights, to compare"
    ),
]


def finetune(  # noqa: PLR0913 - the options of a command
    context: typer.Context,
    model: Annotated[
        str, typer.Argument(help="An exported folder, or a name of the zoo with --weights")
    ],
    *,
    data: Data = "digits",
    weights: Weights = None,
    strategy: Chosen = "auto",
    stages: Annotated[
        int | None, typer.Option(help="Last stages that --strategy last trains", min=1)
    ] = None,
    advice_only: Annotated[
        bool, typer.Option("--advice-only", help="Measure and recommend, train nothing")
    ] = False,
    output: Annotated[
        Path, typer.Option(metavar="DIR", help="Checkpoint, history and model go there")
    ] = Path("finetuned"),
    image_size: Annotated[
        int | None, typer.Option(help="Side in pixels (default: that of the weights)", min=4)
    ] = None,
    train_images: TrainImages = None,
    hold_out: HoldOut = 0.1,
    threads: Threads = 1,
    seed: Seed = 0,
    as_json: Json = False,
    **flags: Any,
) -> None:
    """Adapt a trained network to your images, and write it to a folder.

    How much of it is trained follows the amount of images and how well its features fit them, both
    measured; the choice is explained, and yours if you give --strategy.

    nas finetune photos-model/model --data flowers/ --output flowers-model
    """
    import torch

    from nas.finetune.errors import FinetuneError

    torch.set_num_threads(threads)
    folder = _checked(strategy, stages, output, recipe_of(Recipe(), flags))
    try:
        start = _start(context, model, weights)
        spec = data_of(context, data, image_size or start.task.height, train_images, hold_out)
        colour = "rgb" if start.task.channels == 3 else "grey"
        options = _Options(
            spec.model_copy(update={"colour": colour}),
            folder,
            settings_of(context).data_root.absolute(),
            strategy=strategy,
            stages=stages,
            seed=seed,
            hold_out=hold_out > 0,
            changes=changes_of(flags),
            train=not advice_only,
        )
        plan, done = _run(start, options)
    except FinetuneError as error:
        raise UserError(str(error), field="model") from error
    _tell(start, plan, done, as_json=as_json)


def _checked(strategy: str, stages: int | None, output: Path, recipe: Recipe) -> Path:
    """Return the folder to write to; raise UserError for options that cannot be."""
    check_device(recipe.device)
    if stages is not None and strategy != "last":
        raise UserError(
            f"only --strategy last trains some stages, and it is {strategy}", field="--stages"
        )
    return output_folder(output)


@dataclass(frozen=True, slots=True)
class _Options:
    """The command line, checked."""

    spec: DataSpec
    folder: Path
    root: Path
    strategy: Strategy | Literal["auto"]
    stages: int | None
    seed: int
    hold_out: bool
    changes: dict[str, Any]
    train: bool


def _start(context: typer.Context, model: str, weights: Path | None) -> Start:
    from nas.finetune.errors import FinetuneError
    from nas.finetune.start import from_folder, from_weights

    folder = folder_of(model)
    if folder is not None:
        if weights is not None:
            raise UserError("an exported folder has its own weights", field="--weights")
        return from_folder(folder)
    blueprint = blueprint_of(context, model)
    if blueprint.zoo is None:
        raise UserError(
            f"{model!r} is a trial without weights; nas export writes its model to a folder",
            field="model",
        )
    if weights is None:
        raise UserError(
            f"{model!r} is a network without weights here",
            field="--weights",
            allowed="--weights FILE, or an exported folder",
        )
    try:
        return from_weights(blueprint, weights.expanduser())
    except FinetuneError as error:
        text = str(error).removeprefix("weights: ")
        raise UserError(text, field="--weights") from error


def _run(start: Start, options: _Options) -> tuple[Plan, Trained | None]:
    """Measure, advise, and train; return the plan and, if there was a training, its result."""
    from nas.finetune.job import make_plan, prepare, run
    from nas.training.album import open_album
    from nas.training.checkpoint import CheckpointError
    from nas.training.job import Job
    from nas.trial import TrialFailure

    memory = 2.0
    try:
        with meter() as shown:
            album = open_album(
                options.spec,
                options.seed,
                options.root,
                memory_bytes=memory * 2**30,
                hold_out=options.hold_out,
                progress=lambda done, total: shown.show("images", done, total, ""),
            )
            prepared = prepare(start, album, options.seed)
            plan = make_plan(
                start,
                album,
                prepared,
                strategy=options.strategy,
                last=options.stages,
                changes=options.changes,
                seed=options.seed,
            )
            if not options.train:
                return plan, None
            job = Job(
                blueprint=start.blueprint,
                data=options.spec,
                recipe=plan.recipe,
                folder=options.folder,
                root=options.root,
                seed=options.seed,
                hold_out=options.hold_out,
                memory_gib=memory,
            )
            report = shown_epochs(shown, plan.strategy, plan.recipe.epochs)
            return plan, run(job, start, album, prepared, plan, report=report)
    except KeyboardInterrupt:
        say("\ninterrupted; the same command goes on", error=True)
        raise typer.Exit(INTERRUPTED) from None
    except CheckpointError as error:
        raise UserError(str(error), field="--output") from error
    except TrialFailure as error:
        raise SearchFailed(str(error)) from error


def _tell(start: Start, plan: Plan, done: Trained | None, *, as_json: bool) -> None:
    from nas.finetune.strategies import MEANS

    if as_json:
        result = None
        if done is not None:
            result = {"metrics": done.metrics, "history": done.history, "folder": str(done.folder)}
        say_json({"plan": plan.told(start), "result": result})
        return
    advised = plan.advice.strategy
    say(f"recommended: {advised} ({MEANS[advised]})")
    for reason in plan.advice.reasons:
        say(f"  {reason}")
    if plan.strategy != advised:
        say(f"done, as you asked: {plan.strategy} ({MEANS[plan.strategy]})")
    if done is not None:
        say(f"test accuracy {done.metrics['test_accuracy']:.2%}")
        say(f"model: {done.folder}")


recipe_options(finetune, ("epochs", "batch_size", "learning_rate", "weight_decay", "device"))
