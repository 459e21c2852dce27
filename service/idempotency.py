"""Idempotency keys: a request that is sent twice makes one thing."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, select
from sqlalchemy.dialects.sqlite import insert as upsert

from service.clock import MICROS, now
from service.errors import UserError
from service.tables import idempotency as table

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

KEEP_SECONDS = 24 * 3600
LONGEST = 200


def once(connection: Connection, key: str | None, request: Any, make: Callable[[], str]) -> str:
    """Return what ``make`` makes, or what it has made of an earlier request with this key.

    ``request`` is JSON data that tells one request from another; without a key each is a new one.
    """
    if key is None:
        return make()
    text = json.dumps(request, sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()
    made = earlier(connection, key, digest)
    if made is None:
        made = make()
        keep(connection, key, digest, made)
    return made


def earlier(connection: Connection, key: str, request_hash: str) -> str | None:
    """Return what an earlier request with this key has made, None if there was none.

    Raises UserError where the key was used for another request, or is no key.
    """
    if not 1 <= len(key) <= LONGEST or not key.isprintable():
        raise UserError(
            f"Idempotency-Key must have 1 to {LONGEST} printable characters",
            field="Idempotency-Key",
            value=key[:LONGEST],
            allowed=f"1 to {LONGEST} printable characters",
        )
    row = connection.execute(
        select(table).where(table.c.key == key, table.c.expires_at >= now())
    ).first()
    if row is None:
        return None
    if row.request_hash != request_hash:
        raise UserError(
            f"Idempotency-Key {key!r} was used with another request",
            field="Idempotency-Key",
            value=key,
            allowed="a new key for a new request",
        )
    resource: str = row.resource
    return resource


def keep(connection: Connection, key: str, request_hash: str, resource: str) -> None:
    """Note what a request has made, in the same transaction."""
    values = {
        "request_hash": request_hash,
        "resource": resource,
        "expires_at": now() + KEEP_SECONDS * MICROS,
    }
    connection.execute(upsert(table).values(key=key, **values).on_conflict_do_update(set_=values))


def remove_expired(connection: Connection) -> None:
    """Forget the keys whose time is over."""
    connection.execute(delete(table).where(table.c.expires_at < now()))
