"""What routes are given: the database, pages, and bodies checked without any conversion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from fastapi import Depends, Header, Path, Query, Request
from fastapi.dependencies.utils import get_flat_params
from fastapi.exceptions import RequestValidationError
from fastapi.params import ParamTypes
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError

from service.auth import Keyring
from service.db import Database
from service.guard import GRANTED
from service.idempotency import Key
from service.predicting import Serving
from service.settings import Settings
from service.stream import Broadcaster

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

Body = TypeVar("Body", bound=BaseModel)
BIGGEST = 2**63  # SQLite's integers


def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


def _broadcaster(request: Request) -> Broadcaster:
    broadcaster: Broadcaster = request.app.state.broadcaster
    return broadcaster


def _keyring(request: Request) -> Keyring:
    keyring: Keyring = request.app.state.keyring
    return keyring


def _serving(request: Request) -> Serving:
    serving: Serving = request.app.state.serving
    return serving


BroadcasterDep = Annotated[Broadcaster, Depends(_broadcaster)]
KeyringDep = Annotated[Keyring, Depends(_keyring)]
DatabaseDep = Annotated[Database, Depends(_database)]
SettingsDep = Annotated[Settings, Depends(_settings)]
ServingDep = Annotated[Serving, Depends(_serving)]

Identity = Annotated[str, Path(min_length=1, max_length=100, description="Opaque id")]
Number = Annotated[int, Path(ge=0, lt=BIGGEST, description="Number of the trial, from 0")]
Cursor = Annotated[
    str | None, Query(max_length=500, description="The last page's next; none: the first page")
]


async def _key(
    request: Request,
    idempotency_key: Annotated[
        str | None, Header(max_length=200, description="Makes a repeat harmless for 24 hours")
    ] = None,
) -> Key | None:
    if idempotency_key is None:
        return None
    return Key(idempotency_key, request.scope["state"][GRANTED].token)


IdempotencyKey = Annotated[Key | None, Depends(_key)]
Limit = Annotated[int, Query(ge=1, le=500, description="Items on a page")]


def refuse_unknown_query(request: Request) -> None:
    """Raise a 422 for a query parameter that the route does not have: it is a misspelling."""
    route = request.scope.get("route")
    if not isinstance(route, APIRoute) or not request.query_params:
        return
    known = {
        one.alias
        for one in get_flat_params(route.dependant)
        if getattr(one.field_info, "in_", None) is ParamTypes.query
    }
    for name in request.query_params:
        if name not in known:
            raise RequestValidationError(
                [
                    {
                        "loc": ("query", name),
                        "msg": "there is no such parameter",
                        "type": "extra_forbidden",
                        "input": request.query_params[name],
                        "ctx": {"expected": sorted(known) or "none"},
                    }
                ]
            )


def strict(model: type[Body]) -> Callable[..., Coroutine[Any, Any, Body]]:
    """Return a dependency that reads a JSON body without converting (``true`` is no number)."""

    async def read(request: Request, body: Body) -> Body:  # noqa: ARG001 - for OpenAPI
        try:
            return model.model_validate_json(await request.body(), strict=True)
        except ValidationError as error:
            wrong = [
                one | {"loc": ("body", *one["loc"])} for one in error.errors(include_url=False)
            ]
            raise RequestValidationError(wrong) from error

    read.__annotations__["body"] = model
    read.__annotations__["request"] = Request
    return read
