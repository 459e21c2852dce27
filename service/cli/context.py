"""The folder a command works in, and its database."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from service.db import Database
from service.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    import typer


def settings_of(context: typer.Context, **given: object) -> Settings:
    """Return the settings: the environment, ``--home``, and what else is given."""
    return Settings.load(home=context.obj, **given)


@contextmanager
def opened(context: typer.Context) -> Iterator[Database]:
    """Open the database for the length of a block."""
    with Database.open(settings_of(context)) as database:
        yield database


def home_of(given: Path | None) -> Path:
    """Return the folder for a log, without any check."""
    return given or Path(os.environ.get("NAS_HOME") or "nasturtium-home")
