"""``nas bench``: controllers against each other and against random search, on a table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.screen import meter, say, say_table
from service.errors import UserError

if TYPE_CHECKING:
    from nas.bench.run import Setup
    from nas.bench.summary import Row

COLUMNS = (
    ("controller", "left"),
    ("trials", "right"),
    ("mean", "right"),
    ("sd", "right"),
    ("se", "right"),
    ("regret", "right"),
    ("over random", "right"),
    ("s a search", "right"),
    ("ms a trial", "right"),
)

STEPS = 20  # a controller's progress is shown so many times


Table = Annotated[Path, typer.Option(metavar="FILE", help="A CSV file of measurements")]
Seen = Annotated[str, typer.Option(help="The column that the search sees")]
Scored = Annotated[str, typer.Option(help="The column that the incumbent is scored by")]
Space = Annotated[
    str, typer.Option(help="nasbench201 (column arch), or table (columns choice:NAME)")
]
Names = Annotated[str, typer.Option(help="Names, separated by commas")]
Budgets = Annotated[
    str, typer.Option(help="Budgets: different functions trained, separated by commas")
]
Seeds = Annotated[int, typer.Option(min=1, max=100_000, help="Searches of each")]
Jobs = Annotated[int, typer.Option(min=1, max=256, help="Processes")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="CONTROLLER.OPTION=VALUE", help="An option, again and again"),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--json", metavar="OUT", help="Write the results here, and every search to OUT.games"
    ),
]
Plot = Annotated[Path | None, typer.Option(metavar="FILE", help="Draw the curves: .svg or .png")]


def bench(  # noqa: PLR0913 - typer reads the options from the signature
    *,
    table: Table,
    search_column: Seen,
    score_column: Scored,
    space: Space = "nasbench201",
    controllers: Names = "surrogate,evolution,random",
    trials: Budgets = "20,50,100,200",
    seeds: Seeds = 200,
    jobs: Jobs = 1,
    settings: Settings = None,
    out: Out = None,
    plot: Plot = None,
) -> None:
    """Run controllers on a table of measured architectures, many times each.

    The search sees one column and the best architecture by it is scored by another. A function is
    counted once, however often it is proposed. A run that was interrupted goes on with --json.

        nas bench --table nasbench201-cifar10.csv --search-column cifar10_val_12ep
        --score-column cifar10_test_200ep --controllers surrogate,random --seeds 200 --jobs 2
    """
    from nas.bench.run import Setup

    budgets = _budgets(trials)
    names = tuple(dict.fromkeys(name.strip() for name in controllers.split(",") if name.strip()))
    if not names:
        raise UserError("--controllers names none", field="controllers")
    _check_paths(out, plot)
    options = _options(settings or [], names)
    columns = (search_column, score_column)
    setup = Setup(str(table), space, *columns, names, max(budgets), seeds, options)
    _run(setup, budgets, jobs, out, plot)


def _run(setup: Setup, budgets: list[int], jobs: int, out: Path | None, plot: Path | None) -> None:
    from nas.bench.plot import draw_curves
    from nas.bench.run import run
    from nas.bench.summary import summarise

    best = setup.read().best
    journal = None if out is None else out.with_name(out.name + ".games")
    with meter() as shown:

        def progress(name: str, done: int, total: int) -> None:
            if done % max(1, total // STEPS) == 0:
                shown.show(name, done, total, "searches")

        games = run(setup, journal, jobs=jobs, progress=progress)
    rows = summarise(games, budgets, best)
    table = Path(setup.table).name
    say(
        f"{table}: {setup.seeds} seeds; the best {setup.search_column} scores {best:g} "
        f"{setup.score_column}"
    )
    say_table(COLUMNS, [_cells(row) for row in rows])
    if out is not None:
        out.write_text(json.dumps(_document(setup, rows, best), indent=2) + "\n")
    if plot is not None:
        title = f"{table}: {setup.score_column} of the incumbent, {setup.seeds} seeds"
        draw_curves(plot, games, title)


def _budgets(text: str) -> list[int]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts or not all(part.isdecimal() and 0 < int(part) <= 1_000_000 for part in parts):
        raise UserError(
            f"--trials should be whole numbers from 1, like 20,50, got {text!r}", field="trials"
        )
    return sorted({int(part) for part in parts})


def _options(settings: list[str], names: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for text in settings:
        path, equals, value = text.partition("=")
        name, dot, option = path.partition(".")
        if not (equals and dot and option) or name not in names:
            raise UserError(
                f"--set should be CONTROLLER.OPTION=VALUE with one of {', '.join(names)}, "
                f"got {text!r}",
                field="set",
            )
        try:
            found.setdefault(name, {})[option] = json.loads(value)
        except json.JSONDecodeError:
            found[name][option] = value
    return found


def _check_paths(out: Path | None, plot: Path | None) -> None:
    """Raise UserError now rather than after an hour."""
    for path, option in ((out, "json"), (plot, "plot")):
        if path is not None and not path.absolute().parent.is_dir():
            folder = path.absolute().parent
            raise UserError(f"--{option}: there is no folder {folder}", field=option)
    if plot is not None and plot.suffix.lower() not in {".svg", ".png"}:
        raise UserError(f"--plot should end with .svg or .png, got {plot.name!r}", field="plot")


def _cells(row: Row) -> list[str]:
    lift = "" if row.lift is None else f"{row.lift:+.3f} ± {row.lift_se:.3f}"
    return [
        row.controller,
        str(row.trials),
        f"{row.mean:.3f}",
        f"{row.sd:.3f}",
        f"{row.se:.3f}",
        f"{row.regret:.3f}",
        lift,
        f"{row.seconds:.2f}",
        f"{row.step_ms:.2f}",
    ]


def _document(setup: Setup, rows: list[Row], best: float) -> dict[str, Any]:
    return {
        "table": Path(setup.table).name,
        "space": setup.space,
        "search_column": setup.search_column,
        "score_column": setup.score_column,
        "seeds": setup.seeds,
        "best": best,
        "options": setup.options,
        "results": [row.to_json() for row in rows],
    }
