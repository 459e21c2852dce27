"""``nas resume``: go on with a search that was interrupted, paused, stopped or extended."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nas.store import Desired
from service import searches
from service.cli.context import desk_of
from service.cli.search import watch
from service.errors import UserError


def resume(
    context: typer.Context,
    search: Annotated[str, typer.Argument(help="Its id, its name, or last")] = "last",
    *,
    trials: Annotated[
        int | None, typer.Option(help="A new limit of trials in all", show_default=False)
    ] = None,
    hours: Annotated[
        float | None, typer.Option(help="A new limit of hours of running", show_default=False)
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Trials at the same time from now on", show_default=False)
    ] = None,
    export: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Copy the finished model to this folder")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the result as one JSON document")
    ] = False,
) -> None:
    """Go on with a search where it was, whatever ended it.

    Finished trials stay; trials that ran when it ended run again. A finished search goes on with
    a higher limit: nas resume last --trials 100
    """
    asked = {"trials": trials, "hours": hours, "workers": workers}
    limits = {name: value for name, value in asked.items() if value is not None}
    if hours is not None and not 0 < hours < float("inf"):
        raise UserError(f"hours is {hours}, allowed are more than 0", field="limits.hours")
    with desk_of(context) as desk:
        search_id = desk.resolve(search)
        if limits:
            found = desk.view(search_id)
            limit = found.limits.trials if trials is None else trials
            searches.check_unfinished(search_id, found.state, limit, found.counts.total)
            desk.change_limits(search_id, **limits)
        desk.request(search_id, Desired.RUN)
        watch(desk, search_id, as_json=as_json, copy_to=export)
