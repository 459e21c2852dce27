"""``nas transfer``: a searched cell as a network of another size, written as its own source."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from nas.normalisation import IMAGENET
from nas.spec import SearchSpec
from searchspaces.arch import Arch
from service import searches
from service.cli.context import opened
from service.cli.report import count
from service.cli.screen import say, say_json
from service.errors import UserError

if TYPE_CHECKING:
    from nas.profile import Profile
    from searchspaces import Task
    from searchspaces.scale import Scale

UNITS = {"K": 1e3, "M": 1e6, "G": 1e9, "B": 1e9}


def _amount(text: str) -> float:
    """Return 600M as 6e8; raise BadParameter where it is no number above 0."""
    unit = UNITS.get(text[-1:].upper(), 1.0)
    try:
        value = float(text if unit == 1.0 else text[:-1]) * unit
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise typer.BadParameter(f"{text!r} is no number above 0, such as 600M or 5.3e6")
    return value


def _budget(text: str) -> Any:
    """Return an option that takes a number with a unit."""
    return typer.Option(parser=_amount, metavar="NUMBER", help=text, show_default=False)


def transfer(  # noqa: PLR0913 - the options of a command
    context: typer.Context,
    search: Annotated[str, typer.Argument(help="Its id, its name, or last")] = "last",
    trial: Annotated[
        int | None, typer.Argument(help="Number of a trial (default: the best)", show_default=False)
    ] = None,
    *,
    stem: Annotated[
        Literal["imagenet", "cifar"], typer.Option(help="imagenet for large images, or cifar")
    ] = "imagenet",
    image_size: Annotated[int, typer.Option(min=4, max=1024, help="Side in pixels")] = 224,
    channels: Annotated[int, typer.Option(min=1, max=16, help="3 for colour, 1 for grey")] = 3,
    classes: Annotated[int, typer.Option(min=2, max=1_000_000, help="Number of classes")] = 1000,
    max_madds: Annotated[float | None, _budget("Most multiply-adds, such as 600M")] = None,
    max_params: Annotated[float | None, _budget("Most parameters, such as 5.3M")] = None,
    output: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write model.py there: the network, needing only torch"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document")] = False,
) -> None:
    """Build a searched cell at another size, and write its source.

    With --max-madds or --max-params it is the largest network (N cells a stage, F filters) within
    the budget; without, the size of NASNet-A mobile (imagenet) or NASNet-A CIFAR. Its weights are
    fresh: train it where the images are.

    nas transfer last --max-madds 600M --output mobile
    """
    from nas.transfer import CIFAR, IMAGENET_MOBILE, cost, fit_budget
    from searchspaces import Task

    arch = _arch(context, search, trial)
    task = Task(channels, image_size, image_size, classes)
    scale = IMAGENET_MOBILE if stem == "imagenet" else CIFAR
    if max_madds or max_params:
        scale = fit_budget(
            arch, task, max_madds=max_madds, max_params=max_params, stem=stem, base=scale
        )
    costs = cost(arch, task, scale)
    written = _write(output, arch, task, scale) if output else None
    _show(scale, costs, written, as_json=as_json)


def _arch(context: typer.Context, search: str, trial: int | None) -> Arch:
    with opened(context) as database:
        search_id = searches.resolve(database, search)
        view = searches.view(database, search_id)
        if trial is None and view.best is None:
            raise UserError("the search has no finished trial yet", field="search", value=search)
        number = view.best.number if trial is None and view.best else trial
        detail = searches.detail(database, search_id, number or 0)
        space = SearchSpec.model_validate(view.spec).space.name
    if detail.arch is None:
        raise UserError(f"trial {detail.number} is no architecture", field="trial")
    arch = Arch.from_json(detail.arch)
    if {cell.name for cell in arch.cells} != {"normal", "reduction"}:
        raise UserError(
            f"space {space!r} has no normal and reduction cell that could be stacked deeper",
            field="search",
        )
    return arch


def _write(folder: Path, arch: Arch, task: Task, scale: Scale) -> Path:
    from nas.export import Subject
    from nas.export.catalog import EXPORTERS
    from nas.export.facts import Card
    from searchspaces.catalog import SPACES

    colour = task.channels == len(IMAGENET.mean)
    card = Card(
        title=f"{arch.space} {arch.key()}, N={scale.cells}, F={scale.filters}",
        classes=tuple(f"class {number}" for number in range(task.classes)),
        mean=IMAGENET.mean if colour else (0.5,) * task.channels,
        std=IMAGENET.std if colour else (0.5,) * task.channels,
    )
    folder.mkdir(parents=True, exist_ok=True)
    model = SPACES.create(arch.space).build(arch, task, scale).eval()
    source = EXPORTERS.create("source")
    source.write(folder, Subject(model, arch, task, scale, card))
    return folder / source.file


def _show(scale: Scale, costs: Profile, written: Path | None, *, as_json: bool) -> None:
    if as_json:
        data: dict[str, Any] = {
            "scale": scale.model_dump(mode="json"),
            "params": costs.params,
            "madds": costs.madds,
            "file": None if written is None else str(written),
        }
        say_json(data)
        return
    say(f"N={scale.cells} cells a stage, F={scale.filters} filters, {scale.stem} stem")
    say(f"{costs.params:,} parameters, {count(costs.madds)} multiply-adds")
    if written is not None:
        say(f"written: {written} (fresh weights; needs only torch)")
