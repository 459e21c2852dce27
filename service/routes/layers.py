"""The layers of trials."""

from fastapi import APIRouter

from service import layers
from service.deps import DatabaseDep, Identity, Number
from service.layers import TrialLayers
from service.problems import documented

router = APIRouter(prefix="/api/v1/searches/{search_id}", tags=["trials"])


@router.get("/trials/{number}/layers", responses=documented(404))
def of_trial(database: DatabaseDep, search_id: Identity, number: Number) -> TrialLayers:
    """Give the layers of a trial's network: output, parameters, multiply-adds, memory."""
    return layers.layers(database, search_id, number)
