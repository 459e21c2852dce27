"""The comparison of a search's cells with other networks: ask for it, follow it, stop it."""

from typing import Annotated

from fastapi import APIRouter, Depends

from service import comparisons
from service.contests import ComparisonRequest, ComparisonView
from service.deps import DatabaseDep, IdempotencyKey, Identity, strict
from service.problems import documented

router = APIRouter(prefix="/api/v1/searches/{search_id}/comparison", tags=["comparison"])


@router.get("", responses=documented(404))
def view(database: DatabaseDep, search_id: Identity) -> ComparisonView | None:
    """Give the newest comparison of the search as far as it is, or null before the first."""
    return comparisons.view(database, search_id)


@router.post("", status_code=202, responses=documented(404, 409))
def train(
    database: DatabaseDep,
    search_id: Identity,
    wanted: Annotated[ComparisonRequest, Depends(strict(ComparisonRequest))],
    idempotency_key: IdempotencyKey,
) -> ComparisonView:
    """Train the best cells, random cells and published networks alike, each with several seeds.

    One trainer, one budget, the images and the split of the search; what is known is not trained
    again. One at a time: 409 while another comparison of the search is being trained.
    """
    made = comparisons.request(database, search_id, wanted, idempotency_key)
    return comparisons.of_id(database, made)


@router.post("/stop", status_code=202, responses=documented(404, 409))
def stop(database: DatabaseDep, search_id: Identity) -> ComparisonView | None:
    """End the comparison that is being trained; what has been trained is kept."""
    comparisons.stop(database, search_id)
    return comparisons.view(database, search_id)
