"""``nas tune``: the recipe of one network, searched with Ray Tune, Optuna and ASHA."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nas.recipe import Recipe
from nas.spec import Execution
from service.cli.context import settings_of
from service.cli.failures import INTERRUPTED, SearchFailed
from service.cli.networks import HELP, blueprint_of
from service.cli.recipes import recipe_of, recipe_options
from service.cli.screen import meter, say, say_json, say_table
from service.cli.trainings import Data, ImageSize, Json, Seed, TrainImages, data_of
from service.errors import UserError

if TYPE_CHECKING:
    from nas.tune_recipe import Question, Tried
    from service.cli.screen import Meter

COLUMNS = (
    ("trial", "right"),
    ("accuracy", "right"),
    ("epochs", "right"),
    ("rate", "right"),
    ("weight decay", "right"),
    ("smoothing", "right"),
    ("drop path", "right"),
    ("seconds", "right"),
    ("", "left"),
)


def tune(  # noqa: PLR0913 - the options of a command
    context: typer.Context,
    model: Annotated[str, typer.Argument(help=HELP)],
    *,
    data: Data = "digits",
    image_size: ImageSize = None,
    train_images: TrainImages = None,
    hold_out: Annotated[
        float, typer.Option(help="Part of the training images that decides", min=0.01, max=0.5)
    ] = 0.2,
    trials: Annotated[int, typer.Option(help="Recipes to try", min=1)] = 16,
    workers: Annotated[int, typer.Option(help="Trials at the same time", min=1)] = 2,
    cpus: Annotated[float, typer.Option(help="Cores of each trial", min=0.1)] = 1.0,
    gpus: Annotated[float, typer.Option(help="GPUs of each trial", min=0)] = 0.0,
    ray_address: Annotated[
        str | None, typer.Option(help="An existing cluster, host:port (default: one is started)")
    ] = None,
    output: Annotated[
        Path, typer.Option(metavar="FILE", help="The best recipe, for nas train --recipe FILE")
    ] = Path("tuned.json"),
    seed: Seed = 0,
    as_json: Json = False,
    **flags: Any,
) -> None:
    """Search the recipe of a network: learning rate, weight decay, label smoothing, epochs.

    And drop path, where the network is a searched one. --epochs is the longest schedule. Held-out
    training images decide; the test images play no part. Trials that fall behind at a quarter or
    half of their schedule are ended. The same command goes on after Ctrl-C or a crash, and one that
    is done answers at once.

    nas tune resnet20_cifar --data cifar10 --epochs 40 --trials 30 --output tuned.json
    """
    from nas.data import load_search
    from nas.tune_recipe import Question, best

    file = output.expanduser().absolute()
    if file.is_dir():
        raise UserError(f"{file} is a folder", field="--output", allowed="a file")
    blueprint = blueprint_of(context, model)
    spec = data_of(context, data, image_size, train_images, hold_out)
    root = settings_of(context).data_root.absolute()
    recipe = recipe_of(Recipe(epochs=12), flags)
    question = Question(blueprint, spec, recipe, root, trials, seed)
    execution = Execution(
        workers=workers, cpus_per_trial=cpus, gpus_per_trial=gpus, ray_address=ray_address
    )
    with meter() as shown:
        # Decoded once, before the trials, and a network that cannot be built is found out now.
        found = load_search(
            spec, seed, root, lambda done, total: shown.show("images", done, total, "")
        )
        blueprint.build(found.task)
        tried = _tried(question, execution, shown)
    winner = best(tried)
    if winner is None:
        raise SearchFailed(
            f"no trial has finished: {next((t.error for t in tried if t.error), '')}"
        )
    _tell(question, tried, winner, file, as_json=as_json)


def _tried(question: Question, execution: Execution, shown: Meter) -> list[Tried]:
    from nas.execution.worker import WorkersUnavailable
    from nas.tune_recipe import tune_recipe

    shown.show("trials", 0, question.trials, "Ray starts")
    try:
        return tune_recipe(
            question,
            execution,
            question.root.parent / "tune",
            lambda done, total, text: shown.show("trials", done, total, text),
        )
    except KeyboardInterrupt:
        say("\ninterrupted; the same command goes on", error=True)
        raise typer.Exit(INTERRUPTED) from None
    except WorkersUnavailable as error:
        raise SearchFailed(str(error)) from error


def _tell(
    question: Question, tried: list[Tried], winner: Tried, file: Path, *, as_json: bool
) -> None:
    """Write the best recipe and print the trials, the best first."""
    from nas.training.job import write_json
    from nas.tune_recipe import outcome

    recipe, blueprint = outcome(question, winner)
    result = {
        "model": question.blueprint.title,
        "recipe": recipe.model_dump(mode="json"),
        "drop_path": None if blueprint.scale is None else blueprint.scale.drop_path,
        "accuracy": winner.accuracy,
        "trials": [asdict(one) | {"finished": one.finished} for one in tried],
    }
    write_json(file, result)
    if as_json:
        say_json(result | {"file": str(file)})
        return
    ranked = sorted(tried, key=lambda one: (not one.finished, -(one.accuracy or 0.0)))
    say_table(COLUMNS, [_row(one) for one in ranked])
    say(f"\nbest on held-out images: trial {winner.number}, {winner.accuracy or 0:.2%}")
    say(f"train with it: nas train MODEL --recipe {file}")


def _row(one: Tried) -> list[str]:
    given = one.settings
    drop = given.get("drop_path")
    state = "failed: " + one.error if one.error else "" if one.finished else "ended early"
    return [
        str(one.number),
        "" if one.accuracy is None else f"{one.accuracy:.2%}",
        f"{one.epochs}/{given['epochs']}",
        f"{given['learning_rate']:.4f}",
        f"{given['weight_decay']:.1e}",
        f"{given['label_smoothing']:.2f}",
        "" if drop is None else f"{drop:.2f}",
        f"{one.seconds:.0f}",
        state[:60],
    ]


recipe_options(tune, ("epochs", "batch_size", "device"))
