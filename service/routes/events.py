"""What happens, live: server-sent events that go on exactly where a lost connection ended."""

from typing import Annotated, Literal, NamedTuple

from fastapi import APIRouter, Depends, Header, Query, Response
from fastapi.responses import StreamingResponse
from starlette.exceptions import HTTPException

from service.deps import BIGGEST, BroadcasterDep
from service.problems import documented

router = APIRouter(prefix="/api/v1", tags=["events"])
Place = Annotated[int, Query(ge=0, lt=BIGGEST)]
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class Begin(NamedTuple):
    """Where a stream begins, behind a seq or (None) now, and of which search it tells."""

    place: int | None
    search: str | None


async def begin(
    search: Annotated[
        str | None, Query(max_length=100, description="Only events of this search")
    ] = None,
    after: Annotated[
        Place | Literal["now"],
        Query(description="Begin behind this seq; now: only what is to come"),
    ] = 0,
    last_event_id: Annotated[
        str | None, Header(max_length=30, description="What EventSource sends; wins over after")
    ] = None,
) -> Begin:
    """Read where a stream is to begin."""
    place = None if after == "now" else after
    if last_event_id is not None and last_event_id.isascii() and last_event_id.isdigit():
        place = min(int(last_event_id), BIGGEST - 1)
    return Begin(place, search)


@router.head("/events", include_in_schema=False, dependencies=[Depends(begin)])
def described() -> Response:
    """Tell of the stream without beginning it."""
    answer = Response(media_type="text/event-stream", headers=HEADERS)
    del answer.headers["content-length"]
    return answer


@router.get(
    "/events",
    response_class=StreamingResponse,
    responses=documented(429)
    | {200: {"content": {"text/event-stream": {}}, "description": "Events, for ever"}},
)
async def events(
    broadcaster: BroadcasterDep, wanted: Annotated[Begin, Depends(begin)]
) -> StreamingResponse:
    """Follow the events. The id of an event is its seq; seqs have no gaps over all searches."""
    if broadcaster.full:
        raise HTTPException(429, "too many streams are open", {"Retry-After": "10"})
    return StreamingResponse(
        broadcaster.stream(wanted.place, wanted.search),
        media_type="text/event-stream",
        headers=HEADERS,
    )
