"""``nas predict``: classify image files with a trained model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service import models, searches
from service.cli.context import opened
from service.cli.networks import folder_of
from service.cli.screen import meter, say, say_json
from service.errors import NotFound, UserError

if TYPE_CHECKING:
    from nas.predict import Guess
    from service.db import Database

CARD = "card.json"


def predict(
    context: typer.Context,
    model: Annotated[
        str,
        typer.Argument(help="An exported folder, the id of a model, or a search (or last)"),
    ],
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Files, or folders")],
    *,
    top: Annotated[int, typer.Option(min=1, help="Classes shown for each image")] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document")] = False,
) -> None:
    """Classify images with a trained model.

    nas predict best/ cat.png; nas predict last photos/ --top 1 --json

    Images are cropped, resized and normalised as they were for the training. Nothing in the folder
    is run: the model card and the weights are data.
    """
    files = _files(images)
    folder = _folder(context, model)
    answers: list[tuple[Path, list[Guess]]] = []
    from nas.predict import BATCH, Predictor

    predictor = Predictor(folder)
    with meter() as shown:
        for first in range(0, len(files), BATCH):
            some = files[first : first + BATCH]
            batch = predictor.pictures({str(file): file.read_bytes() for file in some})
            rows = predictor.guesses(predictor.probabilities(batch), top)
            answers += zip(some, rows, strict=True)
            if len(files) > BATCH:
                shown.show("images", len(answers), len(files), "")
    if as_json:
        say_json({"folder": str(folder), "predictions": [_data(*answer) for answer in answers]})
        return
    for file, row in answers:
        guesses = ", ".join(f"{guess.name} {guess.probability:.1%}" for guess in row)
        say(f"{file}: {guesses}")


def _data(file: Path, row: list[Guess]) -> dict[str, object]:
    top = [
        {"name": guess.name, "number": guess.number, "probability": guess.probability}
        for guess in row
    ]
    return {"file": str(file), "top": top}


def _files(given: list[Path]) -> list[Path]:
    """Return the files that are meant, each once; below folders, those with an image's ending."""
    from nas.data.decode import SUFFIXES

    found: list[Path] = []
    for path in given:
        if path.is_dir():
            below = (one for one in path.rglob("*") if one.suffix.lower() in SUFFIXES)
            found += sorted(one for one in below if one.is_file())
        else:
            found.append(path)
    if not found:
        raise UserError(
            f"{given[0]}: there is no image in the folder", field="image", value=str(given[0])
        )
    return list(dict.fromkeys(found))


def _folder(context: typer.Context, name: str) -> Path:
    """Return the folder that is meant: one that was exported, a model's, a search's newest."""
    folder = folder_of(name)
    if folder is not None:
        return folder
    if (path := Path(name).expanduser()).is_dir():
        return path  # without a card, which is then said
    with opened(context) as database:
        found = _of_model(database, name) or _of_search(database, name)
    if found is None:
        raise NotFound(
            f"model {name!r}: neither a folder with a {CARD}, nor a model, nor a search that has "
            "one",
            field="model",
            value=name,
        )
    return found


def _of_model(database: Database, name: str) -> Path | None:
    try:
        view = models.view(database, name)
    except NotFound:
        return None
    if not view.files:
        raise UserError(f"model {name} is {view.state}: it has no network yet", field="model")
    return models.folder(database, name)


def _of_search(database: Database, name: str) -> Path | None:
    try:
        made = models.of_search(database, searches.resolve(database, name))
    except NotFound:
        return None
    ready = [one.id for one in made if one.files]
    return models.folder(database, ready[0]) if ready else None
