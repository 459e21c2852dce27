"""Fine-tunings: trained weights adapted to other images, asked for here, the result a model.

They are trained by :mod:`service.finetuning`.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from sqlalchemy import insert, select, tuple_

from nas.data import DataError, describe
from nas.events import EventKind
from nas.recipe import Recipe
from service import asked, cursors, idempotency, models, registered
from service.clock import moment, moment_or_none, now
from service.errors import Conflict, UserError
from service.searchrows import finite
from service.states import JOB_ACTIVE, JobState, ModelState
from service.tables import finetune, model
from service.tuning import FinetunePage, FinetuneRequest, FinetuneView

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from nas.trial import Metrics
    from service.db import Database
    from service.tuning import PlanView


class Fence(asked.Fence):
    """The right to write what comes of a fine-tuning."""

    def plan(self, plan: PlanView) -> None:
        """Keep what was measured and is going to be done."""
        with self.writing() as (connection, row):
            FINETUNE.change(connection, row.id, plan=plan.model_dump(mode="json"))

    def note(self, step: int, metrics: Metrics) -> None:
        """Note how far the training is: ``step`` epochs are done."""
        self.progress(step=step, metrics=finite(metrics))

    def done(
        self, model_id: str, files: list[dict[str, Any]], epochs: int, metrics: Metrics
    ) -> None:
        """Keep the model, whose files are in its folder."""
        with self.writing() as (connection, row):
            connection.execute(
                insert(model).values(
                    id=model_id,
                    state=ModelState.DONE,
                    epochs=epochs,
                    progress={},
                    metrics=finite(metrics),
                    error="",
                    folder=f"models/{model_id}",
                    files=files,
                    formats=[],
                    created_at=now(),
                    started_at=row.started_at,
                    ended_at=now(),
                )
            )
            FINETUNE.end(connection, row.id, JobState.DONE, model_id=model_id)


def request(database: Database, wanted: FinetuneRequest, key: idempotency.Key | None = None) -> str:
    """Ask for a fine-tuning; return its id. The same ``key`` again gives the same one.

    Raises UserError for what cannot be, Conflict where the model is not made yet.
    """
    content = ["finetune", wanted.model_dump(mode="json")]
    repeatable = idempotency.Request(key, content, FINETUNE.get)
    earlier = repeatable.earlier(database)
    if earlier is not None:
        return earlier
    settled = _checked(database, wanted)
    with database.write() as connection:
        return repeatable.once(connection, lambda: _insert(connection, settled))


def stop(database: Database, finetune_id: str) -> FinetuneView:
    """End a fine-tuning; raise Conflict where it has ended."""
    with database.write() as connection:
        row = FINETUNE.get(connection, finetune_id)
        if row.state not in JOB_ACTIVE:
            raise Conflict(
                f"fine-tuning {finetune_id} is {row.state}",
                field="state",
                value=row.state,
                allowed=sorted(JOB_ACTIVE),
            )
        FINETUNE.end(connection, finetune_id, JobState.STOPPED)
    return view(database, finetune_id)


def view(database: Database, finetune_id: str) -> FinetuneView:
    """Return a fine-tuning as it stands; raise NotFound if there is none."""
    with database.read() as connection:
        return _view(FINETUNE.get(connection, finetune_id))


def page(database: Database, *, after: str | None = None, limit: int = 50) -> FinetunePage:
    """Return fine-tunings, the newest first, those that follow a cursor."""
    order = tuple_(finetune.c.created_at, finetune.c.id)
    query = select(finetune).order_by(finetune.c.created_at.desc(), finetune.c.id.desc())
    if after is not None:
        query = query.where(order < tuple_(*cursors.unpack(after, int, str)))
    with database.read() as connection:
        rows = connection.execute(query.limit(limit + 1)).all()
    last = rows[limit - 1] if len(rows) > limit else None
    following = cursors.pack(last.created_at, last.id) if last else None
    return FinetunePage(items=[_view(row) for row in rows[:limit]], next=following)


def fresh_id() -> str:
    """Return an id for a model."""
    return secrets.token_hex(5)


def _checked(database: Database, wanted: FinetuneRequest) -> FinetuneRequest:
    """Return the wish with absolute paths; raise UserError that names the wrong field."""
    if (wanted.model is None) == (wanted.zoo is None):
        text = "give either a model of this service or a network of the zoo"
        raise UserError(
            text, field="model", value=wanted.model, allowed="model, or zoo and weights"
        )
    if wanted.model is not None:
        if wanted.weights is not None:
            raise UserError("a model has its own weights", field="weights", value=wanted.weights)
        start = models.view(database, wanted.model)
        if not start.files:
            raise Conflict(f"model {start.id} is {start.state}: it has no weights", field="model")
    try:
        Recipe.model_validate(wanted.recipe)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(["recipe", *(str(part) for part in first["loc"])])
        raise UserError(f"{field}: {first['msg']}", field=field, value=first["input"]) from error
    data = registered.located_data(database, wanted.data).resolved()
    if data.train_images == "auto":
        data = data.model_copy(update={"train_images": "all"})
    try:
        describe(data, database.settings.data_root)
    except DataError as error:
        raise UserError(str(error), field=f"data.{error.field}", value=data.source) from error
    weights = None if wanted.zoo is None else _weights(wanted.zoo, wanted.weights)
    return wanted.model_copy(update={"data": data, "weights": weights})


def _insert(connection: Connection, settled: FinetuneRequest) -> str:
    made = FINETUNE.add(connection, wish=settled.model_dump(mode="json"), plan={})
    FINETUNE.tell(connection, made)
    return made


def _weights(zoo: str, weights: str | None) -> str:
    """Return the path of the weights of a network of the zoo."""
    from nas.zoo import list_models

    if zoo not in list_models():
        text = f"the zoo has no network {zoo[:100]!r}"
        raise UserError(text, field="zoo", value=zoo[:100], allowed="names of GET /api/v1/zoo")
    path = Path(weights or "").expanduser()
    if weights is None or not path.is_file():
        text = "the weights of a network of the zoo are a file on the machine of the service"
        raise UserError(text, field="weights", value=weights, allowed="the path of a file")
    return str(path.absolute())


def _view(row: Row[Any]) -> FinetuneView:
    return FinetuneView(
        id=row.id,
        state=JobState(row.state),
        wish=FinetuneRequest.model_validate(row.wish),
        plan=row.plan or None,
        progress=row.progress or None,
        model=row.model_id,
        error=row.error,
        created_at=moment(row.created_at),
        started_at=moment_or_none(row.started_at),
        ended_at=moment_or_none(row.ended_at),
    )


def _told(_: Connection, row: Row[Any]) -> dict[str, Any]:
    shown = {"state", "progress", "model", "error"}
    return _view(row).model_dump(mode="json", include=shown)


def _kept(_: Connection, row: Row[Any]) -> int:
    """Return how many epochs are done: a checkpoint keeps each."""
    return int(row.progress.get("step", 0))


FINETUNE = asked.Kind(
    "finetune",
    finetune,
    EventKind.FINETUNE_STATE,
    _told,
    lambda row: f"finetune-{row.id}.lock",
    _kept,
)
