"""Trials of a search: pages, one in full, drawings of its cells, the course of the search."""

from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Response

from nas.trial import State
from service import course, filters, trials
from service.deps import BIGGEST, Cursor, DatabaseDep, Identity, Limit, Number
from service.problems import documented
from service.schemas import History, TrialDetail, TrialPage

router = APIRouter(
    prefix="/api/v1/searches/{search_id}", tags=["trials"], responses=documented(404)
)
IMMUTABLE = {"Cache-Control": "private, max-age=31536000, immutable"}
VARIED = {"Vary": "Accept"}  # JSON or bytes


@router.get("/trials")
def page(
    database: DatabaseDep,
    search_id: Identity,
    after: Cursor = None,
    limit: Limit = 100,
    sort: Annotated[
        str,
        Query(
            min_length=1,
            max_length=trials.LONGEST_SORT,
            description="number, reward, seconds, attempt, budget or a metric; -number: falling",
        ),
    ] = "number",
    state: State | None = None,
    wanted: Annotated[
        str,
        Query(
            alias="filter",
            max_length=filters.LONGEST,
            description='Such as: accuracy>0.9 and "val/acc">0.8 and params<4e6 and state=done',
        ),
    ] = "",
) -> TrialPage:
    """List trials by number, reward or any metric, those that pass a filter.

    Filters compare a metric, number, reward, attempt, budget or seconds with a number, and state,
    failure or arm with a word; `and` joins them. A name with other signs than letters, digits, _
    and . is put in quotation marks.
    """
    return trials.trials(
        database, search_id, sort=sort, after=after, limit=limit, state=state, wanted=wanted
    )


@router.get("/trials/{number}")
def detail(database: DatabaseDep, search_id: Identity, number: Number) -> TrialDetail:
    """View one trial with its reports, its attempts and its architecture."""
    return trials.detail(database, search_id, number)


@router.get(
    "/trials/{number}/cells/{cell}.svg",
    response_class=Response,
    responses={200: {"content": {"image/svg+xml": {}}, "description": "The drawing"}},
)
def drawing(
    database: DatabaseDep,
    search_id: Identity,
    number: Number,
    cell: Annotated[str, Path(min_length=1, max_length=100, description="Name of the cell")],
) -> Response:
    """Draw a cell. An architecture never changes, so the drawing may be kept."""
    svg = trials.drawing(database, search_id, number, cell)
    return Response(svg, media_type="image/svg+xml", headers=IMMUTABLE)


@router.get(
    "/history",
    response_model=History,
    responses={
        200: {
            "content": {course.MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}},
            "description": "The columns; as bytes for who accepts application/octet-stream",
        }
    },
)
def history(
    database: DatabaseDep,
    search_id: Identity,
    after: Annotated[
        int, Query(ge=-1, lt=BIGGEST, description="Only trials that follow this number")
    ] = -1,
    since: Annotated[
        int, Query(ge=0, lt=BIGGEST, description="Only trials that changed after this event")
    ] = 0,
    limit: Annotated[int, Query(ge=1, le=course.MOST, description="Trials at most")] = course.MOST,
    accept: Annotated[str, Header(max_length=1000, include_in_schema=False)] = "",
) -> Response:
    """Give rewards, states and the controller's figures of all trials, one column a key.

    With `Accept: application/octet-stream` as bytes: `NAS1`, the length of the head as uint32, the
    head as JSON with spaces behind, and the columns that it names.
    """
    found = course.course(database, search_id, after=after, since=since, limit=limit)
    if course.MEDIA_TYPE in accept:
        return Response(found.packed(), media_type=course.MEDIA_TYPE, headers=VARIED)
    text = found.history().model_dump_json()
    return Response(text, media_type="application/json", headers=VARIED)
