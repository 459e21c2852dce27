"""Idempotency keys: a request that is sent twice makes one thing."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import delete, select
from sqlalchemy.dialects.sqlite import insert as upsert

from service.clock import MICROS, now
from service.errors import Conflict, NotFound, UserError
from service.tables import idempotency as table

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from service.db import Database

KEEP_SECONDS = 24 * 3600
LONGEST = 200
FIELD = "Idempotency-Key"


class Key(NamedTuple):
    """An Idempotency-Key with the id of the token that sent it; "" is that of the first start."""

    text: str
    token: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """A request that makes something, once however often it is sent with its key.

    ``content`` is JSON data that tells it from others. ``look`` raises NotFound where what was
    made, named by what :meth:`once` returns, is there no more. Without a key each is a new one.
    """

    key: Key | None
    content: Any
    look: Callable[[Connection, str], object]

    def earlier(self, database: Database) -> str | None:
        """Return what an earlier request with this key has made, None if there was none.

        To be asked before the request is checked: what it named may be gone since. Raises
        UserError where the key was used for another request, or is no key, and Conflict where
        what was made is there no more.
        """
        if self.key is None:
            return None
        with database.read() as connection:
            return self._made(connection, self.key)

    def once(self, connection: Connection, make: Callable[[], str]) -> str:
        """Return what ``make`` makes, or what it has made before; raises as :meth:`earlier`."""
        if self.key is None:
            return make()
        made = self._made(connection, self.key)
        if made is None:
            made = make()
            self._keep(connection, self.key, made)
        return made

    def _made(self, connection: Connection, key: Key) -> str | None:
        text = key.text
        if not 1 <= len(text) <= LONGEST or not text.isprintable():
            raise UserError(
                f"Idempotency-Key must have 1 to {LONGEST} printable characters",
                field=FIELD,
                value=text[:LONGEST],
                allowed=f"1 to {LONGEST} printable characters",
            )
        row = connection.execute(
            select(table).where(
                table.c.token == key.token, table.c.key == text, table.c.expires_at >= now()
            )
        ).first()
        if row is None:
            return None
        if row.request_hash != self._digest():
            raise UserError(
                f"Idempotency-Key {text!r} was used with another request",
                field=FIELD,
                value=text,
                allowed="a new key for a new request",
            )
        made: str = row.resource
        try:
            self.look(connection, made)
        except NotFound as error:
            raise Conflict(
                f"what the first request with Idempotency-Key {text!r} made is gone: {error}",
                field=FIELD,
                value=text,
                allowed="a new key to make it again",
            ) from error
        return made

    def _keep(self, connection: Connection, key: Key, made: str) -> None:
        values = {
            "request_hash": self._digest(),
            "resource": made,
            "expires_at": now() + KEEP_SECONDS * MICROS,
        }
        statement = upsert(table).values(token=key.token, key=key.text, **values)
        connection.execute(statement.on_conflict_do_update(set_=values))

    def _digest(self) -> str:
        text = json.dumps(self.content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def remove_expired(connection: Connection) -> None:
    """Forget the keys whose time is over."""
    connection.execute(delete(table).where(table.c.expires_at < now()))
