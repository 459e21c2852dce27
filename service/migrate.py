"""Bring the schema up to date at start: one transaction, one process at a time, a copy first."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import TYPE_CHECKING

from service.errors import UserError
from service.processes import file_lock

if TYPE_CHECKING:
    from sqlalchemy import Engine

FOLDER = Path(__file__).parent / "migrations"
LOCK_SECONDS = 60.0


def known_revisions() -> list[str]:
    """Return the revisions that this code knows, oldest first: the numbers of the files."""
    return sorted(path.name.partition("_")[0] for path in FOLDER.glob("versions/[0-9]*.py"))


def revision(path: Path) -> str | None:
    """Return the revision of the database at ``path``, None if it is empty."""
    connection = sqlite3.connect(path, timeout=LOCK_SECONDS)
    try:
        row = connection.execute(
            "SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'"
        ).fetchone()
        if row is None:
            return None
        found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return None if found is None else str(found[0])
    finally:
        connection.close()


def upgrade(engine: Engine, path: Path, locks: Path, backups: Path) -> None:
    """Bring the database up to the newest revision; raise UserError if it is newer than that."""
    newest = known_revisions()[-1]
    if _checked(path) == newest:
        return
    with file_lock(locks / "migrate.lock", wait=LOCK_SECONDS):
        current = _checked(path)  # another process may have been first
        if current == newest:
            return
        if current is not None:
            _backup(path, backups, current)
        _run(engine)


def _checked(path: Path) -> str | None:
    try:
        found = revision(path)
    except sqlite3.DatabaseError as error:
        raise UserError(
            f"{path} is not a database of this service: {error}", field="db_url", value=str(path)
        ) from error
    known = known_revisions()
    if found is not None and found not in known:
        raise UserError(
            f"the database {path} was made by a newer version of Nasturtium (schema {found}; "
            f"this one knows up to {known[-1]}): install that version, or use another NAS_HOME",
            field="db_url",
            value=found,
            allowed=known,
        )
    return found


def _backup(path: Path, backups: Path, current: str) -> None:
    target = backups / f"{path.stem}-{current}-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}.db"
    connection = sqlite3.connect(path, timeout=LOCK_SECONDS)
    try:
        connection.execute("VACUUM INTO ?", (str(target),))
    finally:
        connection.close()


def _run(engine: Engine) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    with engine.connect().execution_options(nas_write=True) as connection, connection.begin():
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
