"""Runs the command line as ``python -m service.cli``."""

from service.cli import app

app(prog_name="nas")
