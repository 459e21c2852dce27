"""``nas delete`` and ``nas restore``: searches that are thrown away, and taken back."""

from __future__ import annotations

from typing import Annotated

import typer

from service.cli.context import desk_of
from service.cli.screen import say, say_json

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document")]


def delete(
    context: typer.Context,
    search: Annotated[str, typer.Argument(help="Its id, its name, or last")],
    *,
    as_json: Json = False,
) -> None:
    """Throw an ended search away, with its trials and models.

    For a week nas restore takes it back; then nas serve erases it with its files.
    """
    with desk_of(context) as desk:
        view = desk.delete(desk.resolve(search))
    if as_json:
        say_json(view.model_dump(mode="json"))
        return
    until = f"{view.restore_until.astimezone():%Y-%m-%d %H:%M}"
    say(f"search {view.id} {view.name!r} is thrown away; until {until}: nas restore {view.id}")


def restore(
    context: typer.Context,
    search: Annotated[str, typer.Argument(help="Its id, as nas list --deleted shows it")],
    *,
    as_json: Json = False,
) -> None:
    """Take back a search that was thrown away."""
    with desk_of(context) as desk:
        view = desk.restore(search)
    if as_json:
        say_json(view.model_dump(mode="json"))
        return
    say(f"search {view.id} {view.name!r} is back")
