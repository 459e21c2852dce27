"""Puts the commands together, with the options that all share and the one place for errors."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from service.cli.audit import audit
from service.cli.bench import bench
from service.cli.clone import clone
from service.cli.compare import compare
from service.cli.context import Place, check_server, home_of
from service.cli.data import data as data_commands
from service.cli.estimate import estimate
from service.cli.export import export
from service.cli.failures import INTERRUPTED, explain, one_line
from service.cli.finals import finals
from service.cli.finetune import finetune
from service.cli.list import list_searches
from service.cli.predict import predict
from service.cli.resume import resume
from service.cli.save_report import save_report
from service.cli.screen import say
from service.cli.search import search
from service.cli.serve import serve
from service.cli.show import show
from service.cli.token import token as token_commands
from service.cli.train import train
from service.cli.transfer import transfer
from service.cli.trash import delete, restore
from service.cli.tune import tune
from service.cli.wishes import pause, stop
from service.cli.zoo import zoo

HELP = """Neural architecture search on this machine: find a network for your images.

A first search, on images that come with it (two minutes):

    nas search --data digits --trials 8

On your own images, in folders or in a .zip (train/CLASS/*.png, test/CLASS/*.png):

    nas search --data photos.zip --trials 40 --workers 2

Then: nas list, nas show last, nas export last, and nas serve for the dashboard in a browser.
"""


class Program(TyperGroup):
    """The group of commands: turns every exception into a line and an exit code."""

    home: Path | None = None  # as given, for the log of a fault

    def invoke(self, ctx: Any) -> Any:
        """Remember the folder, then run the command."""
        self.home = ctx.params.get("home")
        return super().invoke(ctx)

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run a command line; exits with 0, 2 for the user's errors, 1 for others."""
        standalone = kwargs.pop("standalone_mode", True)
        kwargs["standalone_mode"] = False
        try:
            code = super().main(*args, **kwargs)
        except typer.Abort:
            code = INTERRUPTED
        except Exception as error:
            line, code = explain(error, home_of(self.home))
            say(f"error: {one_line(line)}", error=True)
        if not standalone:
            return code
        sys.exit(code if isinstance(code, int) else 0)


app = typer.Typer(
    cls=Program,
    name="nas",
    help=HELP,
    add_completion=False,
    pretty_exceptions_enable=False,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        say(f"nasturtium {version('nasturtium')}")
        raise typer.Exit


@app.callback()
def program(
    context: typer.Context,
    home: Annotated[
        Path | None,
        typer.Option(
            "--home",
            metavar="FOLDER",
            help="Folder of searches, models and decoded images (default: $NAS_HOME or "
            "./nasturtium-home)",
            show_default=False,
        ),
    ] = None,
    server: Annotated[
        str | None,
        typer.Option(
            "--server",
            metavar="URL",
            help="Work through a service, here or elsewhere, not on the folder; images are then "
            "names that it knows or paths there",
            show_default=False,
        ),
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(
            "--token",
            help="Its token (default: $NAS_TOKEN, which other users cannot see; on this machine "
            "the file token in the folder)",
            show_default=False,
        ),
    ] = None,
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version"),
    ] = False,
) -> None:
    """Keep where the command that follows works; without one, show the help."""
    context.obj = Place(home, server, token)
    check_server(context.obj, context.invoked_subcommand)
    if context.invoked_subcommand is None:
        say(context.get_help())


for name, command in (
    ("search", search),
    ("estimate", estimate),
    ("clone", clone),
    ("resume", resume),
    ("list", list_searches),
    ("show", show),
    ("report", save_report),
    ("export", export),
    ("predict", predict),
    ("transfer", transfer),
    ("train", train),
    ("finetune", finetune),
    ("compare", compare),
    ("tune", tune),
    ("finals", finals),
    ("audit", audit),
    ("pause", pause),
    ("stop", stop),
    ("delete", delete),
    ("restore", restore),
    ("serve", serve),
    ("bench", bench),
):
    app.command(name)(command)
app.add_typer(token_commands)
app.add_typer(data_commands)
app.add_typer(zoo)
