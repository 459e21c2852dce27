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


def bench(
    *,
    table: Annotated[Path, typer.Option(metavar="FILE", help="A CSV file of measurements")],
    search_column: Annotated[str, typer.Option(help="The column that the search sees")],
    score_column: Annotated[str, typer.Option(help="The column that the incumbent is scored by")],
    space: Annotated[
        str, typer.Option(help="nasbench201 (column arch), or table (columns choice:NAME)")
    ] = "nasbench201",
    controllers: Annotated[
        str, typer.Option(help="Names, separated by commas")
    ] = "surrogate,evolution,random",
    trials: Annotated[
        str, typer.Option(help="Budgets: different functions trained, separated by commas")
    ] = "20,50,100,200",
    seeds: Annotated[int, typer.Option(min=1, max=100_000, help="Searches of each")] = 200,
    jobs: Annotated[int, typer.Option(min=1, max=256, help="Processes")] = 1,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="CONTROLLER.OPTION=VALUE", help="An option, again and again"),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--json", metavar="OUT", help="Write the results here, and every search to OUT.games"
        ),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw the curves: .svg or .png")
    ] = None,
) -> None:
    """Run controllers on a table of measured architectures, many times each.

    The search sees one column and the best architecture by it is scored by another. A function is
    counted once, however often it is proposed. A run that was interrupted goes on with --json.

        nas bench --table nasbench201-cifar10.csv --search-column cifar10_val_12ep
        --score-column cifar10_test_200ep --controllers surrogate,random --seeds 200 --jobs 2
    """
    budgets = _budgets(trials)
    names = tuple(dict.fromkeys(name.strip() for name in controllers.split(",") if name.strip()))
    if not names:
        raise UserError("--controllers names none", field="controllers")
    _check_paths(out, plot)
    from nas.bench.plot import draw_curves
    from nas.bench.run import Setup, run
    from nas.bench.summary import summarise

    setup = Setup(
        str(table),
        space,
        search_column,
        score_column,
        names,
        max(budgets),
        seeds,
        _options(settings or [], names),
    )
    best = setup.read().best
    journal = None if out is None else out.with_name(out.name + ".games")
    with meter() as shown:
        games = run(
            setup,
            journal,
            jobs=jobs,
            progress=lambda name, done, total: shown.show(name, done, total, "searches"),
        )
    rows = summarise(games, budgets, best)
    say(f"{table.name}: {seeds} seeds; the best {search_column} scores {best:g} {score_column}")
    say_table(COLUMNS, [_cells(row) for row in rows])
    if out is not None:
        out.write_text(json.dumps(_document(setup, rows, best), indent=2) + "\n")
    if plot is not None:
        draw_curves(plot, games, f"{table.name}: {score_column} of the incumbent, {seeds} seeds")


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
