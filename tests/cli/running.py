"""Runs a command of ``nas`` to its end, in this process: torch is loaded once for all tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typer.testing import CliRunner

from service.cli import app

if TYPE_CHECKING:
    from pathlib import Path


def nas(home: Path, *arguments: str, code: int = 0) -> str:
    """Return what it printed on standard output, or where it should fail, on standard error."""
    result = CliRunner().invoke(app, ["--home", str(home), *arguments])
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.stderr
    return result.stdout if code == 0 else result.stderr
