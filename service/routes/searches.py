"""Searches: start, list, view, change, pause, resume, stop."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from nas.spec import MOST_WORKERS, SearchSpec
from nas.store import Desired
from service import searches, trash
from service.deps import (
    Cursor,
    DatabaseDep,
    IdempotencyKey,
    Identity,
    Limit,
    SettingsDep,
    strict,
)
from service.problems import documented
from service.schemas import SearchPage, SearchView
from service.states import SearchState
from service.trash import DeletedView

router = APIRouter(prefix="/api/v1/searches", tags=["searches"])


def _without_defaults(schema: dict[str, Any]) -> None:
    for one in schema["properties"].values():
        one.pop("default", None)


class Change(BaseModel):
    """New limits; what is absent stays as it is."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=_without_defaults)

    trials: Annotated[int, Field(ge=1, le=searches.MOST_TRIALS, description="Trials in all")] = 1
    hours: Annotated[
        float | None,
        Field(gt=0, le=1e6, allow_inf_nan=False, description="Hours of running; null: no limit"),
    ] = None
    workers: Annotated[int, Field(ge=1, le=MOST_WORKERS, description="Trials at the same time")] = 1


@router.get("")
def page(
    database: DatabaseDep,
    after: Cursor = None,
    limit: Limit = 50,
    state: SearchState | None = None,
    name: Annotated[
        str | None, Query(max_length=100, description="Names to give, such as cifar*")
    ] = None,
    deleted: Annotated[bool, Query(description="Those that were thrown away instead")] = False,
) -> SearchPage:
    """List searches, the newest first."""
    return searches.list(
        database, after=after, limit=limit, state=state, name=name, deleted=deleted
    )


@router.post("", status_code=201, responses=documented(409))
def create(
    database: DatabaseDep,
    settings: SettingsDep,
    response: Response,
    spec: Annotated[SearchSpec, Depends(strict(SearchSpec))],
    idempotency_key: IdempotencyKey,
) -> SearchView:
    """Start a search. The same Idempotency-Key with the same body gives the same search."""
    search_id = searches.create(database, spec, idempotency_key)
    response.headers["Location"] = f"{settings.root_path}/api/v1/searches/{search_id}"
    return searches.view(database, search_id)


@router.get("/{search_id}", responses=documented(404))
async def view(database: DatabaseDep, search_id: Identity) -> SearchView:
    """View a search."""
    return searches.view(database, search_id)


@router.patch("/{search_id}", responses=documented(404))
def change(
    database: DatabaseDep,
    search_id: Identity,
    limits: Annotated[Change, Depends(strict(Change))],
) -> SearchView:
    """Change the limits of a search, also while it runs.

    With fewer ``workers`` running trials go on to their end; with more others start at once,
    as far as the cluster has room.
    """
    return searches.change_limits(database, search_id, **limits.model_dump(exclude_unset=True))


@router.post("/{search_id}/pause", status_code=202, responses=documented(404, 409))
def pause(database: DatabaseDep, search_id: Identity) -> SearchView:
    """Let running trials end, start no more."""
    return searches.request(database, search_id, Desired.PAUSE)


@router.post("/{search_id}/resume", status_code=202, responses=documented(404, 409))
def resume(database: DatabaseDep, search_id: Identity) -> SearchView:
    """Go on with a search that is paused, stopped or failed, or finished below its limit."""
    return searches.request(database, search_id, Desired.RUN)


@router.post("/{search_id}/stop", status_code=202, responses=documented(404, 409))
def stop(database: DatabaseDep, search_id: Identity) -> SearchView:
    """End a search now; finished trials stay, and the best one's model is made."""
    return searches.request(database, search_id, Desired.STOP)


@router.delete("/{search_id}", responses=documented(404, 409))
def delete(database: DatabaseDep, search_id: Identity) -> DeletedView:
    """Throw an ended search away, with its trials and models; it can be taken back for a week."""
    return trash.delete(database, search_id)


@router.post("/{search_id}/restore", responses=documented(404))
def restore(database: DatabaseDep, search_id: Identity) -> SearchView:
    """Take back a search that was thrown away."""
    return trash.restore(database, search_id)
