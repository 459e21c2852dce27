"""Where a command works: the folder and its database, or a server."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from service.cli.desk import Local
from service.db import Database
from service.errors import UserError
from service.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    import typer

    from service.cli.desk import Desk


@dataclass(frozen=True, slots=True)
class Place:
    """What stands before the command: ``--home``, ``--server``, ``--token``."""

    home: Path | None = None
    server: str | None = None
    token: str | None = None


# Commands that ask a desk and so work through a server; the others need a folder of their own.
THROUGH_SERVER = (
    *("search", "resume", "list", "show", "export", "finals", "pause", "stop"),
    *("delete", "restore", "estimate", "clone", "report", "token", "data"),
)


def check_server(place: Place, command: str | None) -> None:
    """Raise UserError where a command cannot work through ``--server``."""
    if place.server is None and place.token is not None:
        raise UserError("--token is of a server: give --server URL too", field="--token")
    if place.server is not None and command is not None and command not in THROUGH_SERVER:
        names = ", ".join(THROUGH_SERVER)
        raise UserError(
            f"--server: nas {command} works on this machine's folder only; through a server work: "
            f"{names}",
            field="--server",
            value=command,
            allowed=list(THROUGH_SERVER),
        )


def settings_of(context: typer.Context, **given: object) -> Settings:
    """Return the settings: the environment, ``--home``, and what else is given."""
    place: Place = context.obj
    return Settings.load(home=place.home, **given)


@contextmanager
def opened(context: typer.Context) -> Iterator[Database]:
    """Open the database for the length of a block."""
    with Database.open(settings_of(context)) as database:
        yield database


@contextmanager
def desk_of(context: typer.Context) -> Iterator[Desk]:
    """Give whoever answers about searches: the server that ``--server`` names, or the folder."""
    place: Place = context.obj
    if place.server is not None:
        from service.cli.remote import connected

        with connected(place.server, place.token, place.home) as remote:
            yield remote
        return
    with opened(context) as database:
        yield Local(database)


def home_of(given: Path | None) -> Path:
    """Return the folder for a log, without any check."""
    return given or Path(os.environ.get("NAS_HOME") or "nasturtium-home")
