"""Errors as one clear line: what was wrong, the value, what is allowed; never a traceback."""

from __future__ import annotations

import os
import tempfile
import traceback
from datetime import UTC, datetime
from pathlib import Path

import typer
from pydantic import ValidationError

from nas.data.spec import DataError
from nas.export.errors import ExportError
from nas.zoo import ZooError
from searchspaces import SpaceError
from searchspaces.registry import RegistryError
from service.cli.options import option_of
from service.errors import StorageError, UserError

USER, OURS, INTERRUPTED = 2, 1, 130  # exit codes
PLAIN = (DataError, RegistryError, SpaceError, ExportError, ZooError, StorageError)


class SearchFailed(Exception):
    """A search or a model that did not end well; the message says why."""


def explain(error: BaseException, home: Path) -> tuple[str, int]:
    """Return the line for an error and the exit code; an unforeseen one is logged in ``home``."""
    if isinstance(error, typer.TyperException):
        return error.format_message(), error.exit_code
    if isinstance(error, SearchFailed):
        return str(error), OURS
    text = _of_user_error(error)
    if text is not None:
        return text, USER
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return f"{what}; this is a fault of nas itself, the details are in {_log(error, home)}", OURS


def _of_user_error(error: BaseException) -> str | None:
    if isinstance(error, ValidationError):
        return _of_validation(error)
    if isinstance(error, UserError):
        return _of_user(error)
    if isinstance(error, PLAIN):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return None


def one_line(text: str) -> str:
    """Return the text as one line."""
    return " ".join(text.split())


def _of_validation(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    option = option_of(".".join(str(part) for part in first["loc"]))
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    if first["type"] == "extra_forbidden":
        return f"{option}: there is no such setting{more}"
    message = first["msg"][0].lower() + first["msg"][1:]
    return f"{option}: {message}, got {first['input']!r}{more}"


def _of_user(error: UserError) -> str:
    text, option = str(error), option_of(error.field)
    last = option.rpartition(".")[2].lower()
    named = option in text if option.startswith("--") else last in text.lower()
    if not named:
        text = f"{option}: {text}"
    allowed = error.allowed
    shown = ", ".join(map(str, allowed)) if isinstance(allowed, list | tuple) else allowed
    if shown and not any(word in text for word in ("allowed", "known", "should", str(shown))):
        text += f" (allowed: {shown})"
    return text


def _log(error: BaseException, home: Path) -> Path:
    text = "".join(traceback.format_exception(error))
    entry = f"--- {datetime.now(UTC).isoformat()}\n{text}"
    try:
        (home / "logs").mkdir(parents=True, exist_ok=True)
        path = home / "logs" / "cli.log"
        with path.open("a", encoding="utf-8") as log:
            log.write(entry)
    except OSError:
        descriptor, name = tempfile.mkstemp(prefix="nas-", suffix=".log", text=True)
        os.close(descriptor)
        path = Path(name)
        path.write_text(entry, encoding="utf-8")
    return path
