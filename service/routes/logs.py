"""The log of a search."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import PlainTextResponse

from service import logs
from service.conditional import has_it
from service.deps import BIGGEST, DatabaseDep, Identity
from service.problems import documented

router = APIRouter(prefix="/api/v1/searches/{search_id}", tags=["searches"])


@router.get(
    "/logs",
    response_class=PlainTextResponse,
    responses=documented(404) | {304: {"description": "If-None-Match names what there is"}},
)
def log(
    request: Request,
    database: DatabaseDep,
    search_id: Identity,
    tail: Annotated[int, Query(ge=1, le=logs.MOST_LINES, description="Lines at most")] = 500,
    trial: Annotated[
        int | None,
        Query(ge=0, lt=BIGGEST, description="Up to the line that says how this trial ended"),
    ] = None,
) -> Response:
    """Give the last lines that the processes of a search have printed, as text.

    The ETag changes when there is more: a client that follows sends it as If-None-Match.
    """
    found = logs.read(database, search_id, tail, trial)
    headers = {"ETag": f'"{found.version}"', "Cache-Control": "private, no-cache"}
    if has_it(request.headers.get("if-none-match", ""), headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return PlainTextResponse(found.text, headers=headers)
