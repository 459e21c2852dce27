"""``nas token``: tokens with scopes for programs that call the API of this folder, or a server."""

from __future__ import annotations

from typing import Annotated

import typer

from service.cli.context import desk_of
from service.cli.screen import say, say_json, say_table
from service.tokens import Scope

COLUMNS = (
    ("id", "left"),
    ("name", "left"),
    ("scope", "left"),
    ("created", "left"),
    ("expires", "left"),
)
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document")]
token = typer.Typer(name="token", no_args_is_help=True)


@token.callback()
def token_program() -> None:
    """Give tokens to programs: to read, to start and change searches, or to do everything.

    The token of the first start (HOME/token, or $NAS_TOKEN) may do everything, always.
    """


@token.command("create")
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Whose it is, such as grafana")],
    *,
    scope: Annotated[
        Scope, typer.Option(help="read; write, which may read too; admin, which gives tokens too")
    ] = Scope.READ,
    days: Annotated[
        float | None,
        typer.Option(min=0.001, max=3650, help="Valid for so long", show_default="for ever"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a token and print it: it can be read this once."""
    with desk_of(context) as desk:
        made = desk.create_token(name, scope, days)
    if as_json:
        say_json(made.model_dump(mode="json"))
        return
    say(made.token)
    say(f"token {made.id} {made.name!r} may {made.scope}; it is shown only now", error=True)


@token.command("list")
def list_tokens(context: typer.Context, *, as_json: Json = False) -> None:
    """List the tokens, without what nobody can read again."""
    with desk_of(context) as desk:
        found = desk.tokens()
    if as_json:
        say_json(found.model_dump(mode="json"))
        return
    if not found.items:
        say("no tokens but that of the first start; make one with: nas token create", error=True)
        return
    rows = [
        [
            one.id,
            one.name,
            str(one.scope),
            f"{one.created_at.astimezone():%Y-%m-%d %H:%M}",
            f"{one.expires_at.astimezone():%Y-%m-%d %H:%M}" if one.expires_at else "never",
        ]
        for one in found.items
    ]
    say_table(COLUMNS, rows)


@token.command("revoke")
def revoke(
    context: typer.Context,
    token_id: Annotated[str, typer.Argument(metavar="ID", help="As nas token list shows it")],
    *,
    as_json: Json = False,
) -> None:
    """Make a token invalid from now on."""
    with desk_of(context) as desk:
        gone = desk.revoke_token(token_id)
    if as_json:
        say_json(gone.model_dump(mode="json"))
        return
    say(f"token {gone.id} {gone.name!r} is valid no more")
