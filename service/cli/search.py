"""``nas search``: describe a search, run it, show how far it is, and end with its result."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nas.catalog import REGISTRIES
from service import searches
from service.cli.context import opened
from service.cli.failures import INTERRUPTED
from service.cli.follow import run_search
from service.cli.options import build_spec, parameters
from service.cli.report import report
from service.cli.screen import meter, say, say_json
from service.specs import complete
from service.vitals import supervised

if TYPE_CHECKING:
    from nas.spec import SearchSpec
    from service.db import Database

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
    spec: Annotated[
        Path | None,
        typer.Option(help="A .json or .toml file with the description; options go on top"),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="PATH=VALUE", help="Any place in the description, again and again"
        ),
    ] = None,
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
    with opened(context) as database:
        described = complete(asked, database.settings.data_root)
        _say_what_was_sized(asked, described)
        decode_images(database, described)
        search_id = searches.create(database, described)
        say(f"search {search_id} {described.name!r} created", error=True)
        if detach:
            _detached(database, search_id, as_json=as_json)
            return
        watch(database, search_id, as_json=as_json, copy_to=export)


def watch(
    database: Database, search_id: str, *, as_json: bool, copy_to: Path | None = None
) -> None:
    """Run or follow a search to its end and print its result; Ctrl-C exits with 130."""
    try:
        view = run_search(database, search_id)
    except KeyboardInterrupt:
        say(f"\ninterrupted; go on with: nas resume {search_id}", error=True)
        raise typer.Exit(INTERRUPTED) from None
    report(database, view, as_json=as_json, copy_to=copy_to)


def decode_images(database: Database, spec: SearchSpec) -> None:
    """Decode a path's images once, with progress, so that workers find them and errors come now."""
    needed = REGISTRIES["evaluator"].get(spec.evaluator.name).needs_data
    if not needed or spec.data is None or spec.data.source == "digits":
        return
    from nas.data import load_search

    with meter() as shown:
        load_search(
            spec.data,
            spec.seed,
            database.settings.data_root,
            progress=lambda done, total: shown.show("images", done, total, "decoded"),
        )


def _say_what_was_sized(asked: SearchSpec, described: SearchSpec) -> None:
    """Say how many images a trial trains on, where that was left to us and is not all."""
    if asked.data is None or described.data is None or asked.data.train_images != "auto":
        return
    if described.data.train_images != "all":
        say(
            f"trials have no GPU: they train on {described.data.train_images} images "
            "(--train-images all takes all)",
            error=True,
        )


def _detached(database: Database, search_id: str, *, as_json: bool) -> None:
    if as_json:
        say_json({"search": searches.view(database, search_id).model_dump(mode="json")})
        return
    who = "the running service has it" if supervised(database.settings) else "run it with"
    say(search_id)
    say(f"{who}: nas resume {search_id}", error=True)


_given = list(inspect.signature(search, eval_str=True).parameters.values())
search.__signature__ = inspect.Signature([*_given[:-1], *parameters()])  # type: ignore[attr-defined]
search.__doc__ = f"{search.__doc__}\n{EXAMPLES}"
