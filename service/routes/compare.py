"""Searches side by side."""

from typing import Annotated

from fastapi import APIRouter, Query

from service import compared
from service.compared import ComparedView
from service.deps import DatabaseDep
from service.problems import documented

router = APIRouter(prefix="/api/v1", tags=["searches"])


@router.get("/compare", responses=documented(404))
def compare(
    database: DatabaseDep,
    searches: Annotated[
        str, Query(max_length=1000, description="2 to 6 ids of searches, with commas")
    ],
) -> ComparedView:
    """Give searches side by side: how far each is, its best, and the course of its best reward.

    Rewards can be compared where the searches measure the same; else ``differs`` says in what.
    """
    return compared.compared(database, [one.strip() for one in searches.split(",")])
