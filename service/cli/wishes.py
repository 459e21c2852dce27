"""``nas pause`` and ``nas stop``: what a running search is asked to do."""

from __future__ import annotations

from typing import Annotated

import typer

from nas.store import Desired
from service.cli.context import desk_of
from service.cli.screen import say
from service.states import ENDED, SearchState

Search = Annotated[str, typer.Argument(help="Its id, its name, or last")]


def pause(context: typer.Context, search: Search = "last") -> None:
    """Pause a search; nas resume goes on with it.

    Running trials end, no new ones start.
    """
    _ask(context, search, Desired.PAUSE, "pauses when its running trials have ended")


def stop(context: typer.Context, search: Search = "last") -> None:
    """Stop a search and make its best model.

    Running trials stop at their next report.
    """
    _ask(context, search, Desired.STOP, "stops")


def _ask(context: typer.Context, name: str, wish: Desired, what: str) -> None:
    with desk_of(context) as desk:
        view = desk.request(desk.resolve(name), wish)
        settled = view.state in ENDED or (
            wish is Desired.PAUSE and view.state is SearchState.PAUSED
        )
        somebody = desk.cared_for(f"search-{view.id}")
    if settled:
        say(f"search {view.id} is {view.state}")
    elif somebody:
        say(f"search {view.id} {what}")
    else:
        say(f"search {view.id} is not running now; it {what} as soon as nas serve finds it")
