"""Tokens beside the one of the first start: each with a name and a scope, kept as a hash alone."""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import datetime  # noqa: TC003 - read when the views are made
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import delete, func, insert, select

from service.clock import MICROS, moment, moment_or_none, now
from service.errors import Conflict, NotFound
from service.schemas import View
from service.tables import api_token

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Row

    from service.db import Database

    Seal = Callable[[str], str]  # `service.auth.Keyring.seal`

MOST = 200
SHAPE = re.compile(r"nas_([0-9a-f]{8})_[A-Za-z0-9_-]{43}")
COOKIE = re.compile(r"([0-9a-f]{8})\.[0-9a-f]{64}")
DAY = 86_400


class Scope(StrEnum):
    """What a token may do; each may what those before it may."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"

    def covers(self, needed: Scope) -> bool:
        """Say whether this is enough where ``needed`` is asked for."""
        order = list(Scope)
        return order.index(self) >= order.index(needed)


class Grant(NamedTuple):
    """What whoever asks may do, and by which token: its id, "" for that of the first start."""

    scope: Scope
    token: str = ""


class TokenView(View):
    """A token, without the token itself: nobody can read that again."""

    id: str
    name: str
    scope: Scope
    created_at: datetime
    expires_at: datetime | None


class TokenCreated(TokenView):
    """A new token; ``token`` is shown this once."""

    token: str


class TokenList(View):
    """All tokens but the one of the first start, the newest first; there is one page only."""

    items: list[TokenView]
    next: None = None


def create(database: Database, name: str, scope: Scope, days: float | None = None) -> TokenCreated:
    """Make a token that is valid for so many days, or until it is revoked.

    Raises Conflict where there are too many.
    """
    token_id = secrets.token_hex(4)
    token = f"nas_{token_id}_{secrets.token_urlsafe(32)}"
    at = now()
    with database.write() as connection:
        count = connection.execute(select(func.count()).select_from(api_token)).scalar_one()
        if count >= MOST:
            raise Conflict(f"there are {count} tokens already: revoke some first", field="tokens")
        connection.execute(
            insert(api_token).values(
                id=token_id,
                name=name,
                scope=scope,
                digest=_digest(token),
                created_at=at,
                expires_at=None if days is None else at + int(days * DAY * MICROS),
            )
        )
        row = connection.execute(select(api_token).where(api_token.c.id == token_id)).one()
    return TokenCreated(**_view(row).model_dump(), token=token)


def tokens(database: Database) -> TokenList:
    """Return all tokens, the newest first."""
    query = select(api_token).order_by(api_token.c.created_at.desc(), api_token.c.id)
    with database.read() as connection:
        return TokenList(items=[_view(row) for row in connection.execute(query)])


def revoke(database: Database, token_id: str) -> TokenView:
    """Make a token invalid from now on; raise NotFound if there is none of this id."""
    with database.write() as connection:
        row = connection.execute(select(api_token).where(api_token.c.id == token_id)).first()
        if row is None:
            text = f"no token has the id {token_id[:100]!r}"
            raise NotFound(text, field="token_id", value=token_id[:100])
        connection.execute(delete(api_token).where(api_token.c.id == token_id))
    return _view(row)


def grant_of(database: Database, text: str) -> Grant | None:
    """Return what a token may do, None if it is none of ours or its time is over."""
    row = _held(database, text)
    return None if row is None else Grant(Scope(row.scope), row.id)


def cookie_of(database: Database, text: str, seal: Seal) -> str | None:
    """Return the cookie of a browser that has signed in with a token, None if it is none of ours.

    It ends with the seal of the token's digest: who steals it does not have the token.
    """
    row = _held(database, text)
    return None if row is None else f"{row.id}.{seal(row.digest)}"


def grant_of_cookie(database: Database, text: str, seal: Seal) -> Grant | None:
    """Return what a browser with such a cookie may do; None once its token is valid no more."""
    row = _kept(database, COOKIE.fullmatch(text))
    if row is None or not secrets.compare_digest(text, f"{row.id}.{seal(row.digest)}"):
        return None
    return Grant(Scope(row.scope), row.id)


def _held(database: Database, text: str) -> Row[Any] | None:
    """Return the row of a token that is valid."""
    row = _kept(database, SHAPE.fullmatch(text))
    return row if row is not None and secrets.compare_digest(row.digest, _digest(text)) else None


def _kept(database: Database, shape: re.Match[str] | None) -> Row[Any] | None:
    """Return the row of the token that a text names, if it has not expired."""
    if shape is None:
        return None
    with database.read() as connection:
        row = connection.execute(select(api_token).where(api_token.c.id == shape[1])).first()
    over = row is None or (row.expires_at is not None and row.expires_at <= now())
    return None if over else row


def _digest(token: str) -> str:
    # A token has 256 random bits: a hash made slow on purpose would protect nothing more.
    return hashlib.sha256(token.encode()).hexdigest()


def _view(row: Row[Any]) -> TokenView:
    return TokenView(
        id=row.id,
        name=row.name,
        scope=Scope(row.scope),
        created_at=moment(row.created_at),
        expires_at=moment_or_none(row.expires_at),
    )
