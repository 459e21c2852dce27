"""What the trials of a search have in common."""

from typing import Annotated

from fastapi import APIRouter, Query

from service import insights
from service.deps import DatabaseDep, Identity
from service.insights import FailureGroups, OperationShares
from service.problems import documented

router = APIRouter(prefix="/api/v1/searches/{search_id}", tags=["trials"])


@router.get("/failures", responses=documented(404))
def failures(database: DatabaseDep, search_id: Identity) -> FailureGroups:
    """Give the failed trials grouped by cause: kind, and message without its particulars."""
    return insights.failures(database, search_id)


@router.get("/operations", responses=documented(404))
def operations(
    database: DatabaseDep,
    search_id: Identity,
    top: Annotated[int, Query(ge=1, le=1000, description="How many of the best trials")] = 10,
) -> OperationShares:
    """Give how often each operation stands in the cells of the best trials, and of all."""
    return insights.operations(database, search_id, top)
