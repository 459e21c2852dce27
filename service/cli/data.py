"""``nas data``: names for images, so that searches need no paths; of this folder, or a server."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.context import desk_of
from service.cli.screen import meter, say, say_json, say_table
from service.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.datasets import DatasetView

COLUMNS = (
    ("name", "left"),
    ("kind", "left"),
    ("classes", "right"),
    ("train", "right"),
    ("test", "right"),
    ("images", "left"),
    ("MB", "right"),
    ("state", "left"),
)
MIB = 2**20
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document")]
Name = Annotated[str, typer.Argument(help="What nas search --data calls it, such as flowers")]
data = typer.Typer(name="data", no_args_is_help=True)


@data.callback()
def data_program() -> None:
    """Give images a name: nas search --data flowers, in place of a path.

    add names what lies on the machine that trains; upload sends a file there first:

    nas --server http://trainer:8000 data upload flowers flowers.zip
    """


@data.command("list")
def list_datasets(context: typer.Context, *, as_json: Json = False) -> None:
    """List the data sets: those that are built in, then your own."""
    with _arguments(), desk_of(context) as desk:
        found = desk.datasets()
    if as_json:
        say_json(found.model_dump(mode="json"))
        return
    say_table(COLUMNS, [_cells(one) for one in found.items])


@data.command("add")
def add(
    context: typer.Context,
    name: Name,
    path: Annotated[str, typer.Argument(help="A folder, a .zip or a .npz; it stays where it is")],
    *,
    as_json: Json = False,
) -> None:
    """Give a folder, a .zip or a .npz a name; it is read once to check it.

    Through --server the path is one of the server's machine.
    """
    with _arguments(), desk_of(context) as desk:
        made = desk.add_dataset(name, path)
    _tell(made, as_json=as_json)


@data.command("upload")
def upload(
    context: typer.Context,
    name: Name,
    file: Annotated[Path, typer.Argument(help="A .zip of train/CLASS/*, or of CLASS/*; or a .npz")],
    *,
    as_json: Json = False,
) -> None:
    """Copy a .zip or a .npz to the folder of searches, or send it to a server, under a name."""
    with _arguments(), desk_of(context) as desk, meter() as shown:
        made = desk.upload_dataset(
            name,
            file,
            lambda done, total: shown.show(
                file.name, done // MIB, total // MIB, "MB" if done < total else "MB, being checked"
            ),
        )
    _tell(made, as_json=as_json)


@data.command("remove")
def remove(context: typer.Context, name: Name, *, as_json: Json = False) -> None:
    """Forget a data set. What was uploaded is deleted; a folder or file of yours never is."""
    with _arguments(), desk_of(context) as desk:
        gone = desk.remove_dataset(name)
    if as_json:
        say_json(gone.model_dump(mode="json"))
        return
    say(
        f"{gone.name} is gone"
        if gone.path is None
        else f"{gone.name} is forgotten; {gone.path} stays"
    )


@contextmanager
def _arguments() -> Iterator[None]:
    """Raise errors as they are, without a field: a field "name" is an option of nas search."""
    try:
        yield
    except UserError as error:
        if error.field.startswith("--"):
            raise
        raise type(error)(str(error)) from error


def _tell(made: DatasetView, *, as_json: bool) -> None:
    if as_json:
        say_json(made.model_dump(mode="json"))
        return
    say(f"{made.name}: {made.train} training and {made.test} test images, {made.classes} classes")
    say(f"a search on it: nas search --data {made.name}", error=True)


def _cells(one: DatasetView) -> list[str]:
    numbers = [one.classes, one.train, one.test]
    note = f"{one.state}: {one.reason}" if one.reason else one.state
    size = "" if one.size_bytes is None else f"{one.size_bytes / 1e6:,.1f}"
    cells = ["" if number is None else f"{number:,}" for number in numbers]
    return [one.name, one.kind, *cells, _images(one), size, note]


def _images(one: DatasetView) -> str:
    """Return colour and size, such as "grey 8x8" or "colour 10x8 to 400x300"."""
    if one.smallest is None or one.largest is None:
        return ""
    small = f"{one.smallest.height}x{one.smallest.width}"
    large = f"{one.largest.height}x{one.largest.width}"
    colour = "grey" if one.channels == 1 else "colour"
    return f"{colour} {small}" if small == large else f"{colour} {small} to {large}"
