"""What a search would take, before it is started."""

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query

from nas.spec import SearchSpec
from service import estimates, registered
from service.deps import DatabaseDep, strict
from service.estimates import EstimateView

router = APIRouter(prefix="/api/v1", tags=["searches"])


@router.post("/estimate")
def estimate(
    database: DatabaseDep,
    spec: Annotated[SearchSpec, Depends(strict(SearchSpec))],
    *,
    measure: Annotated[
        bool, Query(description="false: answer at once, from what was measured before")
    ] = True,
) -> EstimateView:
    """Say what a search would take: seconds, memory and disk as ranges, and on what they rest.

    The first time for a kind of network this trains a small and a large one for a few steps, which
    takes seconds; the body is that of POST /searches, and wrong ones are refused alike. Without
    ``measure`` nothing is trained: where nothing was measured yet, the ranges are null.
    """
    try:
        located = registered.located(database, spec)
        return estimates.estimate(database.settings, located, measure=measure)
    except estimates.Busy as error:
        raise HTTPException(503, str(error), {"Retry-After": "5"}) from error
