"""Models: the asking for one, how far it is, its files."""

from __future__ import annotations

import secrets
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, insert, select, update

from nas.events import EventKind
from nas.export.catalog import EXPORTERS
from nas.export.choice import ALL
from nas.trial import State
from service import eventlog
from service.clock import moment, moment_or_none, now
from service.errors import Conflict, NotFound, UserError
from service.schemas import FileView, ModelView
from service.searchrows import SearchRows
from service.states import MODEL_ENDED, ModelState
from service.tables import model

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from sqlalchemy import Row

    from nas.trial import Metrics
    from service.db import Database

MOST_EPOCHS = 10_000


def request(
    database: Database,
    search_id: str,
    trial: int | None = None,
    epochs: int | None = None,
    formats: Sequence[str] = (),
) -> str:
    """Ask for the model of a finished trial, the best by default; return the model's id.

    ``formats`` are export formats beside the usual ones. The same model is not made twice: a second
    request for it gives the first one's id, unless that has failed, and further formats are made
    from its weights. Raises Conflict if the trial has not finished.
    """
    wanted_formats = checked_formats(formats)
    if epochs is not None and not 1 <= epochs <= MOST_EPOCHS:
        text = f"epochs is {epochs}, allowed are 1 to {MOST_EPOCHS}"
        raise UserError(text, field="epochs", value=epochs, allowed=f"1 to {MOST_EPOCHS}")
    with database.write() as connection:
        rows = SearchRows(connection, search_id)
        row = rows.search()
        if row.spec["data"] is None:
            text = f"search {search_id} has no images: there is nothing to train a model on"
            raise Conflict(text, field="search", value=search_id)
        number = _chosen(rows, trial)
        wanted = epochs or row.spec["final"]["epochs"] or 1
        existing = connection.execute(
            select(model).where(
                model.c.search_id == search_id,
                model.c.trial == number,
                model.c.epochs == wanted,
                model.c.state != ModelState.FAILED,
            )
        ).first()
        if existing is None:
            return _insert(connection, search_id, number, wanted, wanted_formats)
        _extend(connection, existing, wanted_formats)
        found: str = existing.id
        return found


def checked_formats(names: Sequence[str]) -> list[str]:
    """Return the names of export formats, each once; raise UserError for one that cannot be had."""
    if not names:
        return []
    allowed = [*EXPORTERS.names(), ALL]
    for name in names:
        if name not in allowed:
            text = f"formats: there is no format {name[:100]!r} (allowed: {', '.join(allowed)})"
            raise UserError(text, field="formats", value=name[:100], allowed=allowed)
        why = "" if name == ALL else EXPORTERS.get(name).missing()
        if why:
            raise UserError(f"formats: {why}", field="formats", value=name)
    return sorted(set(names))


def view(database: Database, model_id: str) -> ModelView:
    """Return a model as it stands; raise NotFound if there is none."""
    with database.read() as connection:
        return _view(_row(connection, model_id), database.settings.root_path)


def of_search(database: Database, search_id: str) -> list[ModelView]:
    """Return the models of a search, the newest first."""
    with database.read() as connection:
        SearchRows(connection, search_id).search()
        return of_searches(connection, [search_id], database.settings.root_path)[search_id]


def of_searches(
    connection: Connection, ids: Sequence[str], prefix: str
) -> Mapping[str, list[ModelView]]:
    """Return the models of each search, the newest first."""
    found: dict[str, list[ModelView]] = defaultdict(list)
    rows = connection.execute(
        select(model)
        .where(model.c.search_id.in_(ids))
        .order_by(model.c.created_at.desc(), model.c.id)
    )
    for row in rows:
        found[row.search_id].append(_view(row, prefix))
    return found


def folder(database: Database, model_id: str) -> Path:
    """Return the folder of a model's files."""
    with database.read() as connection:
        below_home: str = _row(connection, model_id).folder
    return database.settings.home / below_home


def file(database: Database, model_id: str, name: str) -> tuple[Path, FileView]:
    """Return the path of a listed file of a model; raise NotFound for any other name."""
    for one in view(database, model_id).files:
        if one.name == name:
            return folder(database, model_id) / one.name, one
    raise NotFound(f"model {model_id} has no file {name[:100]!r}", field="name", value=name[:100])


def next_pending(database: Database, states: Iterable[ModelState]) -> str | None:
    """Return the oldest model in one of the states, None if there is none."""
    with database.read() as connection:
        found: str | None = connection.execute(
            select(model.c.id)
            .where(model.c.state.in_(list(states)))
            .order_by(model.c.created_at, model.c.id)
            .limit(1)
        ).scalar()
        return found


def begin(database: Database, model_id: str) -> None:
    """Note that the making of a model has begun, or begun again."""
    change(database, model_id, state=ModelState.RUNNING, started_at=now(), progress={}, error="")


def note_progress(database: Database, model_id: str, step: int, metrics: Metrics) -> None:
    """Note how far the training is: ``step`` epochs are done."""
    change(database, model_id, progress={"step": step, "metrics": metrics})


def change(database: Database, model_id: str, **values: Any) -> None:
    """Change columns of a model and tell of it in one transaction; an ended one stays as it is."""
    with database.write() as connection:
        row = _row(connection, model_id)
        if row.state in MODEL_ENDED:
            return
        connection.execute(update(model).where(model.c.id == model_id).values(**values))
        _note(connection, _row(connection, model_id))


def done(database: Database, model_id: str, formats: Sequence[str], **values: Any) -> bool:
    """Note that a model is made, with the formats asked for; False if more were asked for since."""
    with database.write() as connection:
        row = _row(connection, model_id)
        complete = set(row.formats) <= set(formats)
        if complete:
            values |= {"state": ModelState.DONE, "ended_at": now()}
        connection.execute(update(model).where(model.c.id == model_id).values(**values))
        _note(connection, _row(connection, model_id))
    return complete


def give_up(database: Database, model_id: str, why: str) -> None:
    """Note that a model cannot be made; one that has files keeps them, without further formats."""
    with database.write() as connection:
        row = _row(connection, model_id)
        if row.state in MODEL_ENDED:
            return
        values = {"error": why, "ended_at": now(), "state": ModelState.FAILED}
        if row.files:
            values |= {"state": ModelState.DONE, "formats": []}
        connection.execute(update(model).where(model.c.id == model_id).values(**values))
        _note(connection, _row(connection, model_id))


def _extend(connection: Connection, row: Row[Any], formats: Sequence[str]) -> None:
    """Ask for further formats of a model; one that was made is pending again.

    So it is when all are asked for, which may be more than there were the last time.
    """
    union = sorted({*row.formats, *formats})
    if union == row.formats and ALL not in formats:
        return
    values: dict[str, Any] = {"formats": union}
    if row.state == ModelState.DONE:
        values |= {"state": ModelState.PENDING, "ended_at": None}
    connection.execute(update(model).where(model.c.id == row.id).values(**values))
    _note(connection, _row(connection, row.id))


def _chosen(rows: SearchRows, number: int | None) -> int:
    if number is None:
        found = rows.best()
        if found is None:
            raise Conflict(f"search {rows.search_id} has no finished trial yet", field="trial")
        return int(found.number)
    row = rows.trial(number)
    if row.state != State.DONE:
        raise Conflict(
            f"trial {number} is {row.state}: a model can be made of a finished one",
            field="trial",
            value=number,
        )
    return number


def _insert(
    connection: Connection, search_id: str, number: int, epochs: int, formats: Sequence[str]
) -> str:
    model_id = secrets.token_hex(5)
    connection.execute(
        insert(model).values(
            id=model_id,
            search_id=search_id,
            trial=number,
            state=ModelState.PENDING,
            epochs=epochs,
            progress={},
            metrics={},
            error="",
            folder=f"models/{model_id}",
            files=[],
            formats=list(formats),
            created_at=now(),
        )
    )
    _note(connection, _row(connection, model_id))
    return model_id


def _row(connection: Connection, model_id: str) -> Row[Any]:
    row = connection.execute(select(model).where(model.c.id == model_id)).first()
    if row is None:
        raise NotFound(f"no model {model_id[:100]!r}", field="model", value=model_id[:100])
    return row


def _note(connection: Connection, row: Row[Any]) -> None:
    payload = {
        "model": row.id,
        "state": row.state,
        "progress": row.progress,
        "epochs": row.epochs,
        "error": row.error,
    }
    eventlog.append(connection, row.search_id, EventKind.MODEL_STATE, payload, row.trial)


def _view(row: Row[Any], prefix: str) -> ModelView:
    return ModelView(
        id=row.id,
        search=row.search_id,
        trial=row.trial,
        state=ModelState(row.state),
        epochs=row.epochs,
        progress=row.progress,
        metrics=row.metrics,
        error=row.error,
        files=[
            FileView(**one, url=f"{prefix}/api/v1/models/{row.id}/files/{one['name']}")
            for one in row.files
        ],
        formats=row.formats,
        created_at=moment(row.created_at),
        started_at=moment_or_none(row.started_at),
        ended_at=moment_or_none(row.ended_at),
    )
