"""Assembles the API and the page: routes, guard, errors, the live stream."""

from __future__ import annotations

import asyncio
import threading
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import Depends, FastAPI, Request
from fastapi.responses import FileResponse

from service import examples
from service.auth import Keyring, token_of
from service.compression import Compressed
from service.conditional import Conditional
from service.db import Database
from service.deps import refuse_unknown_query
from service.guard import LOOPBACK, MOST_BODY_BYTES, Guard
from service.metering import Meter, Metered
from service.page import PageFiles
from service.predicting import Serving
from service.problems import Problem, documented, install
from service.routes import routers
from service.stream import Broadcaster

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from typing import Any

    from starlette.types import ASGIApp

    from service.settings import Settings

DASHBOARD = Path(__file__).parent / "dashboard"
COMMON = documented(400, 401, 403, 405, 413, 422, 429, 500, 503, 507)


def create_app(settings: Settings) -> FastAPI:
    """Return the application over the database of ``settings``; raise UserError if it is unusable.

    Importing and making it loads neither torch nor Ray.
    """
    database = Database.open(settings)
    keyring = Keyring(token_of(settings), settings.port)
    app = FastAPI(
        title="Nasturtium",
        summary="A self-hosted neural architecture search service",
        version=version("nasturtium"),
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        root_path_in_servers=False,
        lifespan=_lifespan,
        dependencies=[Depends(refuse_unknown_query)],
        responses=COMMON,
        redirect_slashes=False,
        max_body_size=MOST_BODY_BYTES,
    )
    app.state.database, app.state.settings, app.state.keyring = database, settings, keyring
    app.state.meter, app.state.visited = Meter(), threading.Event()
    app.state.broadcaster, app.state.serving = Broadcaster(database), Serving(database)
    for router in routers():
        app.include_router(router)
    app.add_api_route("/", _page, include_in_schema=False, methods=["GET", "HEAD"])
    app.mount("/static", PageFiles(DASHBOARD), name="static")
    install(app)
    _guard(app, keyring, database, settings)
    _document(app)
    return app


async def _page(request: Request) -> FileResponse:
    request.app.state.visited.set()
    return FileResponse(DASHBOARD / "index.html")


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    broadcaster: Broadcaster = app.state.broadcaster
    task = asyncio.create_task(broadcaster.run())
    try:
        yield
    finally:
        broadcaster.close()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        app.state.serving.close()
        app.state.database.close()


def _hosts(settings: Settings) -> list[str]:
    further = [host.strip() for host in settings.hosts.split(",") if host.strip()]
    own = [] if settings.host in {"0.0.0.0", "::"} else [settings.host]
    return [*LOOPBACK, *own, *further]


def _guard(app: FastAPI, keyring: Keyring, database: Database, settings: Settings) -> None:
    """Put the guard around everything, also around what answers 413 and 500."""
    build = app.build_middleware_stack

    def guarded() -> ASGIApp:
        inner = Guard(
            Compressed(Conditional(build())),
            keyring=keyring,
            database=database,
            hosts=_hosts(settings),
            root_path=settings.root_path,
            requests_per_second=settings.requests_per_second,
            upload_bytes=settings.upload_bytes,
        )
        return Metered(inner, app.state.meter)

    app.build_middleware_stack = guarded  # type: ignore[method-assign]


def _document(app: FastAPI) -> None:
    """Add to OpenAPI what FastAPI does not know: the shape of errors and how to sign in."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = generate()
            parts = schema.setdefault("components", {})
            parts.setdefault("schemas", {})["Problem"] = Problem.model_json_schema(
                ref_template="#/components/schemas/{model}"
            )
            parts["schemas"].update(parts["schemas"]["Problem"].pop("$defs", {}))
            parts["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
            schema["security"] = [{"token": []}]
            examples.add(schema)
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
