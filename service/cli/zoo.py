"""``nas zoo``: published networks that can be built by name, with the figures of their papers."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from nas.zoo import list_models
from nas.zoo.catalog import ZOO
from service.cli.report import count
from service.cli.screen import meter, say, say_json, say_table

COLUMNS = (
    ("name", "left"),
    ("model", "left"),
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
    as_json: Json = False,
) -> None:
    """List the networks, what they cost as built here, and what their papers print."""
    names, rows = list_models(pattern), []
    with meter() as shown:
        for name in names:
            rows.append(_entry(name))
            shown.show("networks", len(rows), len(names), name)
    if as_json:
        say_json({"items": rows})
        return
    if not rows:
        say(f"no model is called {pattern!r}; there are: {', '.join(list_models())}", error=True)
        return
    say_table(COLUMNS, [_row(entry) for entry in rows])


def _entry(name: str) -> dict[str, Any]:
    import torch

    from nas.profile import profile

    model = ZOO.create(name)
    task, paper = model.task, model.paper
    with torch.device("meta"):  # shapes only: nothing is allocated
        cost = profile(model.build(task), task)
    return {
        "name": name,
        "title": model.title,
        "channels": task.channels,
        "height": task.height,
        "width": task.width,
        "classes": task.classes,
        "params": cost.params,
        "madds": cost.madds,
        "paper": {
            "citation": paper.citation,
            "where": paper.where,
            "dataset": paper.dataset,
            "params": paper.params,
            "madds": paper.madds,
            "top1": paper.top1,
            "top5": paper.top5,
            "differs": paper.differs,
        },
    }


def _row(entry: dict[str, Any]) -> list[str]:
    paper = entry["paper"]
    return [
        entry["name"],
        entry["title"],
        f"{paper['dataset']} {entry['height']}x{entry['width']}",
        f"{entry['params']:,}",
        count(entry["madds"]),
        paper["params"] or "",
        paper["madds"] or "",
        "" if paper["top1"] is None else f"{paper['top1']:.1f} %",
        "; ".join(filter(None, (paper["where"], paper["differs"]))),
    ]
