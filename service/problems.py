"""Errors as answers: one shape, application/problem+json (RFC 9457), whatever went wrong."""

from __future__ import annotations

import json
import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match

from service.errors import Conflict, NotFound, StorageError, TooLarge, UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from fastapi import FastAPI
    from starlette.requests import Request
    from starlette.routing import BaseRoute
    from starlette.types import Scope

MEDIA_TYPE = "application/problem+json"
JSON, BODY = "application/json", "body"
NUMBERS = {"int_parsing": "a whole number", "float_parsing": "a number"}
LONGEST = 200  # characters of a wrong value that are repeated to its sender
_log = logging.getLogger(__name__)


class FieldError(BaseModel):
    """One wrong field of a request."""

    field: str
    message: str


class Problem(BaseModel):
    """An error; ``field``, ``value``, ``allowed`` and ``errors`` say what to put right."""

    type: str
    title: str
    status: int
    detail: str
    field: str | None = None
    value: Any = None
    allowed: Any = None
    errors: list[FieldError] | None = None


def problem(
    status: int, detail: str, headers: Mapping[str, str] | None = None, **extra: Any
) -> Response:
    """Return the answer that tells of an error."""
    title = HTTPStatus(status).phrase
    kept = {key: value for key, value in extra.items() if value not in (None, "")}
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail} | kept
    text = json.dumps(_plain(body))
    return Response(text, status, headers=headers, media_type=MEDIA_TYPE)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what OpenAPI says of the error answers of a route."""
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in statuses
    }


def install(app: FastAPI) -> None:
    """Answer every error of the app in this shape."""
    app.add_exception_handler(UserError, _user_error)
    app.add_exception_handler(StorageError, _storage_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _unexpected)


async def _user_error(_: Request, error: Exception) -> Response:
    status = 422
    if isinstance(error, NotFound):
        status = 404
    elif isinstance(error, Conflict):
        status = 409
    elif isinstance(error, TooLarge):
        status = 413
    extra = {name: getattr(error, name, None) for name in ("field", "value", "allowed")}
    return problem(status, str(error), **extra)


async def _storage_error(_: Request, error: Exception) -> Response:
    full = isinstance(error, StorageError) and error.full
    return problem(507 if full else 503, str(error), {"Retry-After": "5"})


async def _http_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    method, path = request.method, request.url.path
    if error.status_code == 405:
        allowed = _methods(request.app.routes, request.scope)
        text = f"{path[:LONGEST]} does not take {method}, but {', '.join(allowed)}"
        headers = {"Allow": ", ".join(allowed)}
        return problem(405, text, headers, field="method", value=method, allowed=allowed)
    if error.status_code == 404 and error.detail == HTTPStatus.NOT_FOUND.phrase:
        text = f"there is nothing at {path[:LONGEST]}"
        known = "the paths of /api/v1/openapi.json"
        return problem(404, text, field="path", value=path, allowed=known)
    return problem(error.status_code, str(error.detail), error.headers)


def _methods(routes: Iterable[BaseRoute], scope: Scope) -> list[str]:
    """Return the methods that the path of a request takes: each may be a route of its own.

    What takes GET takes HEAD (:mod:`service.conditional`). The files of the page are no routes.
    """
    found = [
        method
        for method in ("DELETE", "GET", "PATCH", "POST", "PUT")
        if any(route.matches({**scope, "method": method})[0] is Match.FULL for route in routes)
        and scope["method"] != method
    ]
    found = found or ["GET"]
    return sorted([*found, "HEAD"]) if "GET" in found else found


async def _invalid(_: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    found = [_field_error(one) for one in error.errors()]
    first, value = found[0], error.errors()[0].get("input")
    whole = first.field == BODY and isinstance(value, bytes)  # not even read as JSON
    return problem(
        422,
        f"{first.field}: {first.message}",
        field=first.field,
        value=None if whole else value,
        allowed=_allowed(first.field, found, error.errors()),
        errors=[one.model_dump() for one in found[:20]],
    )


async def _unexpected(request: Request, error: Exception) -> Response:
    _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return problem(500, "something went wrong here; the service's log says what")


def _field_error(error: dict[str, Any]) -> FieldError:
    where, *place = [str(part) for part in error["loc"]]
    if where == BODY and (not place or error["type"] == "json_invalid"):
        return FieldError(field=BODY, message=_whole(error))
    if where != BODY:
        place = place[:1]  # behind it stands which kind of several it was compared with
    return FieldError(field=".".join(place), message=str(error["msg"]))


def _whole(error: dict[str, Any]) -> str:
    """Return what is wrong with a body as a whole."""
    if error["type"] == "json_invalid":
        where = error["loc"][-1]
        at = f" at character {where}" if isinstance(where, int) else ""  # else the text says it
        return f"no JSON{at}: {(error.get('ctx') or {}).get('error')}"
    if isinstance(error.get("input"), bytes):
        return "must be JSON, sent with Content-Type: application/json"
    return "is missing" if error["type"] == "missing" else "must be a JSON object"


def _allowed(field: str, found: Sequence[FieldError], errors: Sequence[dict[str, Any]]) -> Any:
    """Return what is allowed in a field; of one that may be of several kinds, each of them."""
    if field == BODY:
        return JSON
    kinds = [_bounds(one) for one, told in zip(errors, found, strict=True) if told.field == field]
    named = [one for one in kinds if one is not None]
    return " or ".join(map(str, named)) if len(named) > 1 else next(iter(named), None)


def _bounds(error: dict[str, Any]) -> Any:
    context = error.get("ctx") or {}
    if error["type"] in NUMBERS:
        return NUMBERS[error["type"]]
    bounds = {key: context[key] for key in ("ge", "gt", "le", "lt") if key in context}
    return bounds or context.get("expected") or context.get("pattern")


def _plain(value: Any) -> Any:
    """Return JSON data, with long or strange values as short text."""
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in list(value.items())[:50]}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value[:100]]
    if isinstance(value, str):
        return value if len(value) <= 2000 else value[:LONGEST] + "..."
    finite = isinstance(value, int | float) and abs(value) < 2.0**63  # false for NaN too
    return value if value is None or finite else repr(value)[:LONGEST]
