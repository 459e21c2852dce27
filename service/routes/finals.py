"""The finals of a search, as far as ``nas finals`` has trained them."""

from typing import Annotated

from fastapi import APIRouter, Query

from service import finals
from service.deps import DatabaseDep, Identity
from service.problems import documented
from service.schemas import FinalsView

router = APIRouter(prefix="/api/v1/searches/{search_id}", tags=["trials"])


@router.get("/finals", responses=documented(404, 409))
def view(
    database: DatabaseDep,
    search_id: Identity,
    top: Annotated[int, Query(ge=1, le=finals.MOST_TOP, description="Finalists")] = 3,
    epochs: Annotated[
        int | None,
        Query(ge=1, le=finals.MOST_EPOCHS, description="Of which finals; absent: the search's own"),
    ] = None,
) -> FinalsView:
    """Give the test accuracies of the best trials by seed, and what became of the winner's lead."""
    return finals.view(database, search_id, top=top, epochs=epochs)
