"""The command line ``nas``: one file a command, errors as one line, fast to start."""

from __future__ import annotations

from service.cli.program import app

__all__ = ["app"]
