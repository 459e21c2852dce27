"""``nas export``: a trained model of a trial as a folder of files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nas.export.choice import ALL
from service.cli.context import desk_of
from service.cli.failures import INTERRUPTED, SearchFailed
from service.cli.follow import make_model
from service.cli.formats import Formats, say_left_out
from service.cli.report import model_data
from service.cli.screen import say, say_json


def export(
    context: typer.Context,
    search: Annotated[str, typer.Argument(help="Its id, its name, or last")] = "last",
    *,
    trial: Annotated[
        int | None, typer.Option(help="Number of the trial (default: the best)", show_default=False)
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(help="Epochs of training (default: those of the search)", show_default=False),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Folder to write (default: NAME-trial-N)", show_default=False
        ),
    ] = None,
    formats: Formats = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document")] = False,
) -> None:
    """Write the model of the best trial, or of any, to a folder.

    nas export last --output best --format onnx --format pt2

    The folder has code, weights, a model card and drawings; its model.py needs torch and nothing
    else. A model that was made already is copied, else it is trained from scratch first. Further
    formats are made from its weights; every file is run and compared before it is handed out.
    """
    with desk_of(context) as desk:
        search_id = desk.resolve(search)
        model_id = desk.request_model(search_id, trial=trial, epochs=epochs, formats=formats or ())
        try:
            model = make_model(desk, model_id)
        except KeyboardInterrupt:
            say(f"\ninterrupted; again with: nas export {search_id}", error=True)
            raise typer.Exit(INTERRUPTED) from None
        name = desk.view(search_id).name
        target = (output or Path(f"{name}-trial-{model.trial}")).expanduser().absolute()
        if formats and model.error:  # the model is there, a format could not be written
            raise SearchFailed(f"--format: {model.error}")
        desk.copy_model(model_id, target)
    if formats and ALL in formats:
        from nas.export import load

        say_left_out(formats, load(target))
    if as_json:
        say_json(model_data(model, target))
        return
    accuracy = model.metrics.get("test_accuracy")
    tested = "" if accuracy is None else f", test accuracy {accuracy:.2%}"
    say(f"model of trial {model.trial}, {model.epochs} epochs{tested}")
    for file in model.files:
        say(f"  {target / file.name}  ({file.size_bytes:,} bytes)")
