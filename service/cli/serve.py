"""``nas serve``: the dashboard, the API and the supervisor that runs searches."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.context import settings_of

if TYPE_CHECKING:
    from service.settings import Settings


class Role(StrEnum):
    """What of the service this process is."""

    ALL = "all"
    API = "api"
    SUPERVISOR = "supervisor"


def serve(
    context: typer.Context,
    role: Annotated[
        Role, typer.Argument(help="all, or one part for a process manager of your own")
    ] = Role.ALL,
    *,
    host: Annotated[
        str | None,
        typer.Option(help="Address to listen on (default 127.0.0.1)", show_default=False),
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="Port to listen on (default 8000)", show_default=False)
    ] = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="Start a first search on the digits that come with it")
    ] = False,
) -> None:
    """Serve the dashboard and run searches until Ctrl-C.

    Prints the address with its token. Only this machine can reach it, unless --host says otherwise
    and $NAS_TOKEN is set. Searches that were running go on.
    """
    settings = settings_of(context, host=host, port=port)
    raise typer.Exit(_serve(role, settings, demo=demo))


def _serve(role: Role, settings: Settings, *, demo: bool) -> int:
    # The web server is loaded here alone: the other commands start without it.
    if role is Role.API:
        from service.api import serve as serve_api

        serve_api(settings)
        return 0
    if role is Role.SUPERVISOR:
        from service.supervisor import run_supervisor

        return run_supervisor(settings)
    from service.serve import serve as serve_all

    return serve_all(settings, demo=demo)
