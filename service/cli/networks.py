"""The network that a command is given: a name of the zoo, an exported folder, or a trial."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nas.spec import SearchSpec
from nas.training.blueprint import Blueprint
from nas.zoo import list_models
from searchspaces.scale import Scale
from service import searches
from service.cli.context import opened
from service.errors import NotFound, UserError

if TYPE_CHECKING:
    import typer

CARD, MODEL = "card.json", "model"
HELP = "A name of the zoo (nas zoo), an exported folder, or SEARCH[:TRIAL] (the best, or any)"


def folder_of(text: str) -> Path | None:
    """Return the exported folder that is meant, or that of a training's output; None if neither."""
    path = Path(text).expanduser()
    found = (one for one in (path, path / MODEL) if (one / CARD).is_file())
    return next(found, None)


def blueprint_of(context: typer.Context, text: str) -> Blueprint:
    """Return the network of a command line; raise UserError where nothing of that name is found."""
    folder = folder_of(text)
    if folder is not None:
        from nas.export import load

        return Blueprint.exported(load(folder))
    if text in list_models():
        return Blueprint.named(text)
    search, _, trial = text.rpartition(":") if ":" in text else (text, "", "")
    if trial and not trial.isdecimal():
        raise UserError(
            f"{text!r}: {trial!r} is no number of a trial", field="model", allowed="SEARCH:TRIAL"
        )
    try:
        return of_trial(context, search, int(trial) if trial else None)
    except NotFound as error:
        if trial and "trial" in str(error):
            raise
        raise NotFound(
            f"no model {text!r}: neither a folder with a {CARD}, nor a name of the zoo, nor a "
            "search", field="model", value=text, allowed="nas zoo and nas list show them",
        ) from error  # fmt: skip


def of_trial(context: typer.Context, search: str, trial: int | None) -> Blueprint:
    """Return the network of a trial, in the size in which the search trained it."""
    with opened(context) as database:
        search_id = searches.resolve(database, search)
        view = searches.view(database, search_id)
        if trial is None and view.best is None:
            raise UserError("the search has no finished trial yet", field="search", value=search)
        number = view.best.number if trial is None and view.best else trial
        detail = searches.detail(database, search_id, number or 0)
    spec = SearchSpec.model_validate(view.spec)
    if detail.arch is None:
        raise UserError(f"trial {detail.number} is no architecture", field="trial")
    return Blueprint(
        title=f"{view.name}, trial {detail.number}",
        architecture=detail.arch,
        scale=Scale.model_validate(spec.evaluator.options.get("scale", {})),
        space_options=spec.space.options,
    )
