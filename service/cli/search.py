"""``nas search``: describe a search, run it, show how far it is, and end with its result."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.context import desk_of
from service.cli.failures import INTERRUPTED
from service.cli.follow import run_search
from service.cli.options import SetOptions, SpecFile, build_spec, with_flags
from service.cli.report import report
from service.cli.screen import say, say_json

if TYPE_CHECKING:
    from nas.spec import SearchSpec
    from service.cli.desk import Desk
    from service.schemas import SearchView

EXAMPLES = """Examples:

    nas search --data digits --trials 8
    nas search --data cifar10.zip --trials 20 --workers 2 --executor ray
    nas search --data photos/ --image-size 48 --epochs 5 --export best/
    nas search --space toy --evaluator toy --trials 200 --executor inline
    nas search --spec search.toml --set controller.options.learning_rate=0.001

A folder or .zip holds train/CLASS/* and, if there are any, test/CLASS/*.
"""


def search(
    context: typer.Context,
    *,
    spec: SpecFile = None,
    settings: SetOptions = None,
    export: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Copy the finished model to this folder")
    ] = None,
    detach: Annotated[
        bool, typer.Option("--detach", help="Only create it; nas serve or nas resume runs it")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the result as one JSON document")
    ] = False,
    **flags: Any,
) -> None:
    """Search for an architecture and train the best one.

    Ctrl-C stops it at any time; nas resume goes on where it was.
    """
    asked = build_spec(flags, spec, settings or [])
    with desk_of(context) as desk:
        search_id = desk.create(asked)
        view = desk.view(search_id)
        say(f"search {search_id} {view.name!r} created", error=True)
        _say_what_was_sized(asked, view)
        if detach:
            detached(desk, search_id, as_json=as_json)
            return
        watch(desk, search_id, as_json=as_json, copy_to=export)


def watch(desk: Desk, search_id: str, *, as_json: bool, copy_to: Path | None = None) -> None:
    """Run or follow a search to its end and print its result; Ctrl-C exits with 130."""
    try:
        view = run_search(desk, search_id)
    except KeyboardInterrupt:
        say(f"\ninterrupted; go on with: nas resume {search_id}", error=True)
        raise typer.Exit(INTERRUPTED) from None
    report(desk, view, as_json=as_json, copy_to=copy_to)


def _say_what_was_sized(asked: SearchSpec, view: SearchView) -> None:
    """Say how many images a trial trains on, where that was left to us and is not all."""
    kept = view.spec["data"]
    if asked.data is None or kept is None or asked.data.train_images != "auto":
        return
    if kept["train_images"] != "all":
        say(
            f"trials have no GPU: they train on {kept['train_images']} images "
            "(--train-images all takes all)",
            error=True,
        )


def detached(desk: Desk, search_id: str, *, as_json: bool) -> None:
    """Say which search was created, and who will run it."""
    if as_json:
        say_json({"search": desk.view(search_id).model_dump(mode="json")})
        return
    cared_for = desk.cared_for(f"search-{search_id}")
    who = "the running service has it" if cared_for else "run it with"
    say(search_id)
    say(f"{who}: nas resume {search_id}", error=True)


with_flags(search)
search.__doc__ = f"{search.__doc__}\n{EXAMPLES}"
