"""The error of an export."""

from __future__ import annotations


class ExportError(ValueError):
    """A network that cannot be written in a format, or a file that does not give its outputs."""
