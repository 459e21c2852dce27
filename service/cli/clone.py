"""``nas clone``: a search like another one, with some options changed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from service.cli.context import desk_of
from service.cli.options import SetOptions, changes_of, with_flags
from service.cli.screen import say
from service.cli.search import detached, watch

EXAMPLES = """Examples:

    nas clone last --trials 100 --name longer
    nas clone first --seed 1 --controller random --detach
    nas clone first --set evaluator.options.recipe.learning_rate=0.02
"""


def clone(
    context: typer.Context,
    search: Annotated[str, typer.Argument(help="Its id, its name, or last")] = "last",
    *,
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
    """Search again with the description of another search and some options changed.

    The options are those of nas search; what is not given is as in the other search, the seed too.
    """
    changes = changes_of(flags, settings or [])
    with desk_of(context) as desk:
        search_id = desk.clone(desk.resolve(search), changes)
        say(f"search {search_id} {desk.view(search_id).name!r} created", error=True)
        if detach:
            detached(desk, search_id, as_json=as_json)
            return
        watch(desk, search_id, as_json=as_json, copy_to=export)


with_flags(clone)
clone.__doc__ = f"{clone.__doc__}\n{EXAMPLES}"
