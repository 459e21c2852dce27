"""The Pareto front of a search."""

from typing import Annotated

from fastapi import APIRouter, Query

from service import fronts
from service.deps import DatabaseDep, Identity
from service.problems import documented
from service.schemas import ParetoView

router = APIRouter(prefix="/api/v1/searches/{search_id}", tags=["trials"])


@router.get("/pareto", responses=documented(404))
def pareto(
    database: DatabaseDep,
    search_id: Identity,
    objectives: Annotated[
        str,
        Query(
            max_length=500,
            description="Metrics with commas, -name where less is better; empty: the search's own",
        ),
    ] = "",
) -> ParetoView:
    """Give the trials that no other beats in all objectives, and the hypervolume below them."""
    names = [name.strip() for name in objectives.split(",")] if objectives else []
    return fronts.pareto(database, search_id, names)
