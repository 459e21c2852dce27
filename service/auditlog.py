"""The audits that were made: kept with what they trained, found by the searches that train it."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select

from nas.honesty.audit import Audit, Audited
from service import specs
from service.clock import moment, now
from service.db import dump_json
from service.schemas import AuditedView, AuditView
from service.searchrows import SearchRows
from service.tables import audit

if TYPE_CHECKING:
    from nas.spec import SearchSpec
    from service.db import Database


def subject(spec: SearchSpec) -> str:
    """Return a hash of what gives a search its scores: the space, the evaluator, the images."""
    data = spec.model_dump(mode="json", include={"space", "evaluator", "data"})
    return hashlib.sha256(dump_json(dict(sorted(data.items()))).encode()).hexdigest()


def keep(database: Database, spec: SearchSpec, found: Audit, short: int, long: int) -> AuditView:
    """Keep an audit of a completed spec, and return it."""
    row = {
        "id": secrets.token_hex(5),
        "subject": subject(spec),
        "spec": spec.model_dump(mode="json"),
        "short_epochs": short,
        "long_epochs": long,
        **asdict(found),
        "created_at": now(),
    }
    with database.write() as connection:
        connection.execute(insert(audit).values(**row))
    return _view(row)


def latest(database: Database, search_id: str) -> AuditView | None:
    """Return the newest audit of the score that a search goes by, None if there is none."""
    wanted = subject(spec_of(database, search_id))
    with database.read() as connection:
        row = (
            connection.execute(
                select(audit)
                .where(audit.c.subject == wanted)
                .order_by(audit.c.created_at.desc(), audit.c.id)
                .limit(1)
            )
            .mappings()
            .first()
        )
    return None if row is None else _view(dict(row))


def spec_of(database: Database, search_id: str) -> SearchSpec:
    """Return the description of a search, to audit what it goes by."""
    with database.read() as connection:
        return specs.stored(SearchRows(connection, search_id).search().spec)


def _view(row: dict[str, Any]) -> AuditView:
    rows = [Audited(**one) for one in row["rows"]]
    figures = {name: row[name] for name in ("tau", "low", "high", "noise", "spread")}
    found = Audit(tuple(rows), **figures)
    return AuditView(
        id=row["id"],
        short_epochs=row["short_epochs"],
        long_epochs=row["long_epochs"],
        seeds=len(rows[0].short),
        **figures,
        warning=found.warning,
        rows=[AuditedView(**one) for one in row["rows"]],
        created_at=moment(row["created_at"]),
    )
