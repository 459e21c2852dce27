"""``nas list``: the searches in the folder, the newest first."""

from __future__ import annotations

from typing import Annotated

import typer

from service.cli.context import desk_of
from service.cli.screen import say, say_json, say_table
from service.states import SearchState

COLUMNS = (
    ("id", "left"),
    ("name", "left"),
    ("state", "left"),
    ("trials", "right"),
    ("best", "right"),
    ("space", "left"),
    ("controller", "left"),
    ("data", "left"),
    ("created", "left"),
)


def list_searches(
    context: typer.Context,
    *,
    state: Annotated[
        SearchState | None, typer.Option(help="Only searches in this state", show_default=False)
    ] = None,
    deleted: Annotated[
        bool, typer.Option("--deleted", help="Those that nas delete threw away instead")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=500, help="At most so many")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document")] = False,
) -> None:
    """List the searches, the newest first."""
    with desk_of(context) as desk:
        page = desk.list(limit=limit, state=state, deleted=deleted)
    if as_json:
        say_json(page.model_dump(mode="json"))
        return
    if not page.items:
        none = (
            "nothing was thrown away" if deleted else "no searches yet; start one with: nas search"
        )
        say(none, error=True)
        return
    rows = []
    for view in page.items:
        counts, data = view.counts, view.spec.get("data")
        rows.append(
            [
                view.id,
                view.name,
                str(view.state),
                f"{counts.done + counts.failed + counts.stopped}/{view.limits.trials}",
                f"{view.best.reward:.4f}" if view.best else "",
                view.spec["space"]["name"],
                view.spec["controller"]["name"],
                data["source"].rpartition("/")[2] if data else "",
                f"{view.created_at.astimezone():%Y-%m-%d %H:%M}",
            ]
        )
    say_table(COLUMNS, rows)
    if page.next:
        say(f"older ones with: nas list --limit {limit * 5}", error=True)
