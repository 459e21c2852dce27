"""``nas show``: one search with its ranking, or one trial with its cells, curve and layers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nas.spec import SearchSpec
from searchspaces.arch import Arch
from service.cli.context import desk_of
from service.cli.layers import layer_items, say_layers
from service.cli.report import report, trial_row
from service.cli.screen import say, say_json, say_table
from service.errors import UserError

if TYPE_CHECKING:
    from nas.profile import Profile
    from service.cli.desk import Desk
    from service.schemas import TrialDetail


def show(
    context: typer.Context,
    search: Annotated[str, typer.Argument(help="Its id, its name, or last")] = "last",
    trial: Annotated[
        int | None, typer.Argument(help="Number of a trial", show_default=False)
    ] = None,
    *,
    svg: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Draw the trial's cells: FILE-normal.svg, ...", show_default=False
        ),
    ] = None,
    layers: Annotated[
        bool, typer.Option("--layers", help="The parts of the trial's network and their costs")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document")] = False,
) -> None:
    """Show a search and its best trials, or one trial.

    A trial is shown with its cells, metrics, attempts and failure.

    nas show last; nas show last 7 --layers; nas show last 7 --svg cell.svg
    """
    with desk_of(context) as desk:
        search_id = desk.resolve(search)
        view = desk.view(search_id)
        number = trial
        if number is None and (svg or layers):
            number = view.best.number if view.best else 0
        if number is None:
            report(desk, view, as_json=as_json)
            return
        detail = desk.detail(search_id, number)
        cost = _profile(desk, view.spec, detail) if layers else None
    drawings = _draw(detail, svg) if svg else []
    if as_json:
        _show_json(detail, cost, drawings)
        return
    _show_trial(detail)
    if cost is not None:
        say_layers(cost)
    for path in drawings:
        say(f"drawn: {path}")


def _show_trial(trial: TrialDetail) -> None:
    reward, accuracy, params, madds, seconds = trial_row(trial)
    say(f"trial {trial.number} {trial.state}, key {trial.key or 'none'}, seed {trial.seed}")
    if trial.cached_from is not None:
        say(f"a repeat of trial {trial.cached_from}, answered without training")
    named = {
        "reward": reward,
        "accuracy": accuracy,
        "params": params,
        "multiply-adds": madds,
        "seconds": seconds,
    }
    say(", ".join(f"{name} {value}" for name, value in named.items() if value))
    if trial.failure:
        say(f"failed ({trial.failure.kind}): {trial.failure.message}")
    for attempt in trial.attempts if len(trial.attempts) > 1 else []:
        say(f"attempt {attempt.attempt} on {attempt.worker}: {attempt.outcome} {attempt.message}")
    for text in trial.text.values():
        say("\n" + text)
    if trial.curve:
        names = sorted({name for point in trial.curve for name in point.metrics})
        columns = [("attempt", "right"), ("step", "right"), *((name, "right") for name in names)]
        say("")
        say_table(
            columns,
            [
                [
                    str(point.attempt),
                    str(point.step),
                    *(f"{point.metrics[n]:.4g}" if n in point.metrics else "" for n in names),
                ]
                for point in trial.curve
            ],
        )


def _show_json(trial: TrialDetail, cost: Profile | None, drawings: list[Path]) -> None:
    data = trial.model_dump(mode="json")
    if cost is not None:
        data["layers"] = layer_items(cost)
    if drawings:
        data["drawings"] = [str(path) for path in drawings]
    say_json(data)


def _arch(trial: TrialDetail) -> Arch:
    if trial.arch is None:
        raise UserError(f"trial {trial.number} is not an architecture of the space any more")
    return Arch.from_json(trial.arch)


def _draw(trial: TrialDetail, file: Path) -> list[Path]:
    """Write one drawing a cell; the only cell of an architecture takes the name as it is."""
    from searchspaces.draw import cell_svg

    arch = _arch(trial)
    paths = []
    for cell in arch.cells:
        suffix = file.suffix or ".svg"
        name = f"{file.stem}-{cell.name}" if len(arch.cells) > 1 else file.stem
        path = file.with_name(name + suffix)
        path.write_text(cell_svg(arch, cell.name, standalone=True), encoding="utf-8")
        paths.append(path)
    return paths


def _profile(desk: Desk, stored: dict[str, object], trial: TrialDetail) -> Profile:
    import torch

    from nas.catalog import REGISTRIES
    from nas.data import describe
    from nas.profile import profile
    from searchspaces import Task
    from searchspaces.scale import Scale

    spec = SearchSpec.model_validate(stored)
    if spec.data is None:
        raise UserError("a search without images has no layers", field="--layers")
    images = describe(spec.data, desk.data_root)
    task = Task(images["channels"], images["height"], images["width"], len(images["classes"]))
    scale = Scale.model_validate(spec.evaluator.options.get("scale", {}))
    space = REGISTRIES["space"].create(spec.space.name, spec.space.options)
    with torch.device("meta"):
        return profile(space.build(_arch(trial), task, scale), task)
