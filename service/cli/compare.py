"""``nas compare``: the best of a search, a random cell and hand-built networks, trained alike."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from nas.recipe import Recipe
from nas.spec import SearchSpec
from service import finals, searches
from service.cli.context import opened, settings_of
from service.cli.failures import INTERRUPTED, SearchFailed
from service.cli.networks import blueprint_of, of_trial
from service.cli.recipes import check_device, recipe_of, recipe_options
from service.cli.report import count
from service.cli.screen import meter, say, say_json, say_table
from service.cli.trainings import ImageSize, Json, Threads, TrainImages, data_of, output_folder
from service.errors import UserError

if TYPE_CHECKING:
    from nas.compare import Contest, Contestant, Row
    from nas.data.spec import DataSpec

COSTS = {"params": "parameters", "madds": "multiply-adds", "p50": "milliseconds an image"}
COLUMNS = (
    ("network", "left"),
    ("kind", "left"),
    ("test accuracy", "right"),
    ("spread", "right"),
    ("params", "right"),
    ("madds", "right"),
    ("ms p50", "right"),
    ("p95", "right"),
    ("epochs", "right"),
    ("seconds", "right"),
    ("front", "left"),
)


def compare(  # noqa: PLR0913 - the options of a command
    context: typer.Context,
    search: Annotated[
        str | None, typer.Argument(help="Its id, its name, or last; none: zoo networks only")
    ] = None,
    *,
    top: Annotated[int, typer.Option(help="Best different cells of the search", min=0)] = 1,
    random_cells: Annotated[
        int, typer.Option("--random", help="Random cells of its space, in its size", min=0)
    ] = 1,
    zoo: Annotated[
        list[str] | None,
        typer.Option(help="A network to compare with, such as resnet20_cifar; again for more"),
    ] = None,
    data: Annotated[
        str | None, typer.Option(help="Images (default: those of the search)", show_default=False)
    ] = None,
    image_size: ImageSize = None,
    train_images: TrainImages = None,
    seconds: Annotated[
        float | None,
        typer.Option(help="A budget of time for each training, in place of --epochs", min=0.1),
    ] = None,
    seeds: Annotated[int, typer.Option(help="Trainings of each, from scratch", min=1)] = 3,
    cost: Annotated[
        Literal["params", "madds", "p50"], typer.Option(help="What the plot sets accuracy against")
    ] = "params",
    output: Annotated[
        Path, typer.Option(metavar="DIR", help="Trainings, table and plot go there")
    ] = Path("compared"),
    threads: Threads = 1,
    as_json: Json = False,
    **flags: Any,
) -> None:
    """Train searched, random and hand-built networks alike, and set them side by side.

    One trainer, one budget, the same seeds and the same split for all, each network tested once a
    seed on images that no search has seen. Ctrl-C stops; the same command goes on where it was.

    nas compare last --top 2 --zoo resnet20_cifar --zoo lenet5 --epochs 20 --seeds 3
    """
    import torch

    from nas.compare import Contest

    torch.set_num_threads(threads)
    folder = output_folder(output)
    contestants, spec = _contestants(context, search, (top, random_cells, zoo or []))
    if data is not None or spec is None or spec.data is None:
        images, split = data_of(context, data or "digits", image_size, train_images, 0), 0
    else:
        # The split of the search: its test images are those that no trial has seen.
        images, split = spec.data, spec.seed
    base = Recipe()
    if spec is not None:
        base = Recipe.model_validate(spec.evaluator.options.get("recipe", {}))
    contest = Contest(recipe_of(base, flags), tuple(range(seeds)), seconds)
    check_device(contest.recipe.device)
    rows = _train(contestants, contest, (images, split, settings_of(context).data_root), folder)
    _tell(rows, contest, cost, (images.source, folder), as_json=as_json)


def _train(
    contestants: list[Contestant], contest: Contest, data: tuple[DataSpec, int, Path], folder: Path
) -> list[Row]:
    from nas.compare import run
    from nas.data import load_final
    from nas.trial import TrialFailure

    with meter() as shown:
        try:
            found = load_final(*data, lambda done, total: shown.show("images", done, total, ""))
            return run(
                contestants,
                found,
                contest,
                folder=folder,
                progress=lambda done, total, text: shown.show("trainings", done, total, text),
            )
        except KeyboardInterrupt:
            say("\ninterrupted; the same command goes on", error=True)
            raise typer.Exit(INTERRUPTED) from None
        except TrialFailure as error:
            raise SearchFailed(f"a training failed: {error}") from error


def _tell(
    rows: list[Row], contest: Contest, cost: str, about: tuple[str, Path], *, as_json: bool
) -> None:
    """Write plot and table, and print the table."""
    from nas.compare import pareto, to_json
    from nas.scatter import Dot, draw_scatter
    from nas.training.job import write_json

    source, folder = about
    best = pareto(rows, cost)
    budget = f"{contest.seconds:g} s" if contest.seconds else f"{contest.recipe.epochs} epochs"
    title = f"{source}: {budget}, {len(contest.seeds)} seeds, mean ± standard deviation"
    dots = [
        # A group each: the legend then names the networks that are not on the front too.
        Dot(
            row.name,
            f"{row.name}, {row.kind}",
            float(getattr(row, cost)),
            row.mean,
            row.spread or 0,
        )
        for row in rows
    ]
    draw_scatter(folder / "pareto.svg", dots, title=title, cost=COSTS[cost], value="test accuracy")
    result = {"rows": to_json(rows), "front": best, "cost": cost, "seeds": len(contest.seeds)}
    write_json(folder / "table.json", result)
    if as_json:
        say_json(result | {"folder": str(folder)})
        return
    say(title + "\n")
    _print(rows, best, folder)


def _contestants(
    context: typer.Context, search: str | None, wanted: tuple[int, int, list[str]]
) -> tuple[list[Contestant], SearchSpec | None]:
    from nas.compare import Contestant
    from nas.compare import random_cells as draw_cells

    top, random_cells, zoo = wanted
    found: list[Contestant] = []
    spec = None
    if search is not None:
        spec, numbers = _best(context, search, top)
        found += [
            Contestant(f"trial {number}", "searched", of_trial(context, search, number))
            for number in numbers
        ]
        found += draw_cells(spec, random_cells)
    found += [Contestant(name, "zoo", blueprint_of(context, name)) for name in zoo]
    if len({one.name for one in found}) < 2:
        raise UserError(
            "fewer than two networks to compare", field="search", allowed="a search, or --zoo NAME"
        )
    return found, spec


def _best(context: typer.Context, search: str, top: int) -> tuple[SearchSpec, list[int]]:
    """Return the description of a search and the numbers of its best different architectures."""
    with opened(context) as database:
        search_id = searches.resolve(database, search)
        view = searches.view(database, search_id)
        with database.read() as connection:
            ranked = finals.best(connection, search_id, top) if top else []
    return SearchSpec.model_validate(view.spec), [one.number for one in ranked]


def _print(rows: list[Row], best: list[str], folder: Path) -> None:
    say_table(
        COLUMNS,
        [
            [
                row.name,
                row.kind,
                f"{row.mean:.2%}",
                "" if row.spread is None else f"± {row.spread:.2%}",
                count(row.params),
                count(row.madds),
                f"{row.p50:.2f}",
                f"{row.p95:.2f}",
                str(row.epochs),
                f"{row.seconds:.1f}",
                "*" if row.name in best else "",
            ]
            for row in rows
        ],
    )
    say(f"\n* on the Pareto front; plot and table: {folder}")


recipe_options(compare, ("epochs", "batch_size", "learning_rate", "weight_decay", "device"))
