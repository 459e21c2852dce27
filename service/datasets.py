"""The data sets that searches can name: embedded, downloadable, registered, uploaded."""

from __future__ import annotations

import re
from datetime import datetime  # noqa: TC003 - read when the views are made
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import delete as erase
from sqlalchemy import insert, or_, select

from nas.data import BUILT_IN, DataError, DataSpec, describe
from nas.data.source import reason
from nas.data.spec import expanded
from service import idempotency, uploads
from service.clock import moment, now
from service.errors import Conflict, NotFound, UserError
from service.examining import examined
from service.registered import NAME, PENDING, READY, REMOVED, note
from service.schemas import View
from service.states import ENDED, JOB_ACTIVE, MODEL_ENDED
from service.tables import comparison, dataset, final_round, finetune, model, search

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from nas.data import Progress
    from service.catalog import Dataset
    from service.db import Database

MOST_NAMES = 100  # classes whose names are listed
Kind = Literal["embedded", "download", "folder", "zip", "npz", "upload"]


class SizeView(View):
    """Height and width of an image in pixels."""

    height: int
    width: int


class DatasetView(View):
    """Images that a search can name as its ``data.source``.

    What is not known is null: of an upload that is still coming in, and of the bytes of what comes
    with the program or is yet to be downloaded. ``test`` 0 means that a search holds some of
    ``train`` out. ``height`` and ``width`` are what a search brings the images to unless it says
    otherwise; ``smallest`` and ``largest`` are what was found. ``reason`` says why it has failed:
    its folder or file is not there any more.
    """

    name: str
    kind: Kind
    state: Literal["ready", "pending", "failed"]
    reason: str = ""
    path: str | None = None
    classes: int | None = None
    class_names: list[str] | None = None
    train: int | None = None
    test: int | None = None
    ignored: int | None = None
    channels: int | None = None
    height: int | None = None
    width: int | None = None
    smallest: SizeView | None = None
    largest: SizeView | None = None
    size_bytes: int | None = None
    sha256: str | None = None
    created_at: datetime | None = None


class DatasetList(View):
    """The built-in ones, then those of this service by name; there is one page only."""

    items: list[DatasetView]
    next: None = None


def datasets(database: Database) -> DatasetList:
    """Return all data sets."""
    return DatasetList(items=[*_built_in(database), *registered(database)])


def registered(database: Database) -> list[DatasetView]:
    """Return the data sets of this service, by name."""
    with database.read() as connection:
        rows = connection.execute(select(dataset).order_by(dataset.c.name)).all()
    return [_view(row) for row in rows]


def offered(database: Database) -> list[Dataset]:
    """Return those of this service that a search can use now, for the catalog."""
    found = [one for one in registered(database) if one.state == READY]
    return [{"name": one.name, "summary": _summary(one)} for one in found]


def view(database: Database, name: str) -> DatasetView:
    """Return a data set; raise NotFound if there is none of this name."""
    if name in BUILT_IN:
        return next(one for one in _built_in(database) if one.name == name)
    with database.read() as connection:
        return _view(_row(connection, name))


def add(
    database: Database, name: str, path: str, key: idempotency.Key | None = None
) -> DatasetView:
    """Give a folder, a .zip or a .npz of this machine a name, after it was read once.

    Raises UserError where a search could not use it, Conflict where the name is taken, but not by
    an earlier request with the same ``key``.
    """
    check_name(name)
    request = idempotency.Request(key, ["dataset", name, path], _row)
    if request.earlier(database) is not None:
        return view(database, name)
    with database.read() as connection:
        uploads.check_free(connection, name)
    place = expanded(path)
    try:
        place = place.resolve(strict=True)
    except (OSError, RuntimeError, ValueError) as error:
        allowed = "a folder, a .zip or a .npz on the machine of the service"
        text = f"{path}: {reason(error)}"
        raise UserError(text, field="path", value=path, allowed=allowed) from error
    found = examined(database.settings, place, str(place), "path", upload=False)
    with database.write() as connection:
        request.once(connection, lambda: _insert(connection, name, place, found))
        return _view(_row(connection, name))


def take(database: Database, name: str, source: Path, progress: Progress) -> DatasetView:
    """Keep a copy of a .zip or .npz of this machine under a name, as an upload of it would."""
    check_name(name)
    uploads.take(database, name, source, progress)
    return view(database, name)


def remove(database: Database, name: str) -> DatasetView:
    """Forget a data set; the file of an upload goes, a folder or file of the user's stays.

    Raises Conflict while something uses it, NotFound if there is none of this name.
    """
    check_name(name)
    with database.write() as connection:
        row = _row(connection, name)
        gone = _view(row)
        if row.state == PENDING:
            raise Conflict(f"data set {name} is being uploaded", field="name", value=name)
        if what := _user(connection, row.path):
            raise Conflict(f"data set {name} is used by {what}", field="name", value=name)
        connection.execute(erase(dataset).where(dataset.c.name == name))
        note(connection, name, REMOVED)
    if row.kind == "upload":  # after the row: what a crash leaves between goes at the next start
        Path(row.path).unlink(missing_ok=True)
    return gone


def check_name(name: str) -> None:
    """Raise UserError for a name that no data set of this service can have."""
    if not re.fullmatch(NAME, name):
        text = f"{name[:100]!r} is no name of a data set"
        raise UserError(text, field="name", value=name[:100], allowed=NAME)
    if name in BUILT_IN:
        text = f"{name} is the name of a built-in data set"
        raise UserError(text, field="name", value=name, allowed="another name")


def _insert(connection: Connection, name: str, place: Path, found: dict[str, Any]) -> str:
    uploads.check_free(connection, name)
    connection.execute(
        insert(dataset).values(
            name=name,
            kind=found["kind"],
            path=str(place),
            state=READY,
            about=found["about"],
            sha256="",
            created_at=now(),
        )
    )
    note(connection, name, READY)
    return name


def _user(connection: Connection, path: str) -> str:
    """Return what uses the images at a path and has not ended, or nothing."""
    uses = search.c.spec["data"]["path"].as_string() == path
    jobs = (
        (model, model.c.state.not_in(MODEL_ENDED)),
        (final_round, final_round.c.state.in_(JOB_ACTIVE)),
        (comparison, comparison.c.state.in_(JOB_ACTIVE)),
    )
    busy = [search.c.id.in_(select(table.c.search_id).where(active)) for table, active in jobs]
    query = select(search.c.id, search.c.name).where(uses, or_(search.c.state.not_in(ENDED), *busy))
    if row := connection.execute(query.limit(1)).first():
        return f"search {row.id} ({row.name}), which has not ended"
    query = select(finetune.c.id, finetune.c.state).where(
        finetune.c.wish["data"]["path"].as_string() == path, finetune.c.state.in_(JOB_ACTIVE)
    )
    if row := connection.execute(query.limit(1)).first():
        return f"fine-tuning {row.id}, which is {row.state}"
    return ""


def _row(connection: Connection, name: str) -> Row[Any]:
    row = connection.execute(select(dataset).where(dataset.c.name == name)).first()
    if row is None:
        raise NotFound(f"no data set {name[:100]!r}", field="name", value=name[:100])
    return row


def _view(row: Row[Any]) -> DatasetView:
    about = dict(row.about)
    if about:
        names = about.pop("classes")
        about["size_bytes"] = about.pop("bytes")
        for which in ("smallest", "largest"):
            about[which] = SizeView(height=about[which][0], width=about[which][1])
        about |= {"classes": len(names), "class_names": _few(names)}
    lost = row.state == READY and not Path(row.path).exists()
    return DatasetView(
        name=row.name,
        kind=row.kind,
        state="failed" if lost else row.state,
        reason=f"{row.path} is not there any more" if lost else "",
        path=None if row.kind == "upload" else row.path,
        sha256=row.sha256 or None,
        created_at=moment(row.created_at),
        **about,
    )


def _summary(one: DatasetView) -> str:
    kind = "grey" if one.channels == 1 else "colour"
    images = f"{(one.train or 0) + (one.test or 0):,} {kind} images"
    size = f" of {one.height}x{one.width}" if one.smallest == one.largest else ""
    return f"{images}{size}, {one.classes} classes; {one.path or 'uploaded'}"


def _few(names: list[str]) -> list[str] | None:
    return names if len(names) <= MOST_NAMES else None


@lru_cache(maxsize=32)
def _figures(name: str, root: Path) -> dict[str, Any]:
    """Return what never changes of a built-in data set."""
    about = describe(DataSpec(source=name, train_images="all"), root)
    held_out = about["test"] if about["held_out"] else 0
    size = SizeView(height=about["height"], width=about["width"])
    return {
        "classes": len(about["classes"]),
        "class_names": _few(about["classes"]),
        "train": about["train"] + about["selection"] + held_out,
        "test": 0 if about["held_out"] else about["test"],
        "ignored": about["ignored"],
        "channels": about["channels"],
        "height": size.height,
        "width": size.width,
        "smallest": size,
        "largest": size,
    }


def _built_in(database: Database) -> list[DatasetView]:
    root, found = database.settings.data_root, []
    for name in BUILT_IN:
        kind: Kind = "embedded" if name == "digits" else "download"
        try:
            figures = _figures(name, root)
        except DataError as error:
            found.append(DatasetView(name=name, kind=kind, state="failed", reason=str(error)))
            continue
        found.append(
            DatasetView(
                name=name, kind=kind, state="ready", reason=_note(name, kind, root), **figures
            )
        )
    return found


def _note(name: str, kind: Kind, root: Path) -> str:
    there = kind == "embedded" or (root / name).is_dir()
    return "" if there else "downloaded on first use"
