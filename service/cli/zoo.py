"""``nas zoo``: published networks that can be built by name, with the figures of their papers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nas.zoo.catalog import ZOO
from nas.zoo.entries import costs, describe, entries, measure
from service.cli.layers import layer_items, say_layers
from service.cli.report import count
from service.cli.screen import say, say_json, say_table
from service.cli.zoo_export import export_zoo
from service.errors import NotFound

if TYPE_CHECKING:
    from nas.zoo.training import Training

COLUMNS = (
    ("name", "left"),
    ("model", "left"),
    ("year", "right"),
    ("images", "left"),
    ("params", "right"),
    ("madds", "right"),
    ("paper: params", "right"),
    ("madds", "right"),
    ("top-1", "right"),
    ("from; where the paper differs from what is computed", "left"),
)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document")]
zoo = typer.Typer(name="zoo", invoke_without_command=True, no_args_is_help=False)
zoo.command("export")(export_zoo)


@zoo.callback()
def zoo_program(context: typer.Context, *, as_json: Json = False) -> None:
    """List published networks that can be built by name.

    In Python: nas.create_model("nasnet_a_mobile", num_classes=10)
    """
    if context.invoked_subcommand is None:
        list_zoo(as_json=as_json)


@zoo.command("list")
def list_zoo(
    pattern: Annotated[str, typer.Argument(help="Names to show, such as 'nasnet*'")] = "*",
    *,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the rows of docs/zoo.md")
    ] = False,
    as_json: Json = False,
) -> None:
    """List the networks, what they cost as built here, and what their papers print."""
    rows = entries(pattern)
    if as_json:
        say_json({"items": rows})
        return
    if not rows:
        raise NotFound(
            f"no network is called {pattern!r}",
            field="pattern",
            value=pattern,
            allowed="nas zoo list shows all",
        )
    if markdown:
        for row in rows:
            say(markdown_row(row))
        return
    say_table(COLUMNS, [_row(row) for row in rows])


@zoo.command("show")
def show_zoo(
    name: Annotated[str, typer.Argument(help="Name of a network, such as vgg16")],
    *,
    size: Annotated[
        int | None,
        typer.Option("--size", min=1, help="Side of the images in pixels", show_default=False),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show a network: its idea, its paper, how it was trained, and its layers with their costs.

    nas zoo show vgg16; nas zoo show resnet50 --size 32
    """
    model = ZOO.create(name)
    task = replace(model.task, height=size or model.task.height, width=size or model.task.width)
    cost = measure(model, task, open_sequences=True)
    if as_json:
        say_json(describe(model, task, costs(cost)) | {"layers": layer_items(cost)})
        return
    say(f"{model.title} ({model.year}): {model.idea}")
    paper = model.paper
    say(f"{paper.citation}; {paper.where}")
    printed = {
        "parameters": paper.params,
        "multiply-adds": paper.madds,
        "top-1 %": paper.top1,
        "top-5 %": paper.top5,
    }
    figures = ", ".join(f"{what} {figure}" for what, figure in printed.items() if figure)
    say(f"{paper.dataset}, as printed: {figures or 'no figures'}")
    if paper.differs:
        say(f"differs: {paper.differs}")
    if model.recipe is not None:
        say(f"trained: {_trained(model.recipe)}")
    say_layers(cost)


def _trained(training: Training) -> str:
    settings = {
        "batches of": training.batch_size,
        "rate": training.learning_rate,
        "momentum": training.momentum,
        "weight decay": training.weight_decay,
        "epochs": training.epochs,
    }
    known = [f"{what} {value:g}" for what, value in settings.items() if value is not None]
    parts = (training.optimiser, *known, f"rate {training.schedule}", training.source)
    return "; ".join(parts)


def markdown_row(network: dict[str, Any]) -> str:
    """Return the row of docs/zoo.md for a network."""
    paper = network["paper"]
    cells = [
        f"`{network['name']}`",
        network["title"],
        network["year"],
        network["height"],
        f"{network['params']:,}",
        f"{network['madds'] / 1e6:,.1f}M",
        *(paper[key] or "–" for key in ("params", "madds", "top1")),
    ]
    return f"| {' | '.join(map(str, cells))} |"


def _row(network: dict[str, Any]) -> list[str]:
    paper = network["paper"]
    return [
        network["name"],
        network["title"],
        str(network["year"]),
        f"{paper['dataset']} {network['height']}x{network['width']}",
        f"{network['params']:,}",
        count(network["madds"]),
        paper["params"] or "",
        paper["madds"] or "",
        "" if paper["top1"] is None else f"{paper['top1']:.1f} %",
        "; ".join(filter(None, (paper["where"], paper["differs"]))),
    ]
