"""Which trial each was changed from."""

from fastapi import APIRouter

from service import lineage
from service.deps import DatabaseDep, Identity
from service.problems import documented
from service.schemas import LineageView

router = APIRouter(prefix="/api/v1/searches/{search_id}", tags=["trials"])


@router.get("/lineage", responses=documented(404))
def view(database: DatabaseDep, search_id: Identity) -> LineageView:
    """Give for each trial that was changed from another its parent and the decision changed."""
    return lineage.lineage(database, search_id)
