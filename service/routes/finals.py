"""The finals of a search: ask for them, follow their training, stop it."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from service import finals
from service.deps import DatabaseDep, IdempotencyKey, Identity, SettingsDep, strict
from service.problems import documented
from service.schemas import FinalsView

router = APIRouter(prefix="/api/v1/searches/{search_id}/finals", tags=["finals"])


class FinalsRequest(BaseModel):
    """Which finals to train; ``epochs`` is by default that of the search's final training."""

    model_config = ConfigDict(extra="forbid")

    top: Annotated[int, Field(ge=1, le=finals.MOST_TOP, description="Different architectures")] = 3
    seeds: Annotated[int, Field(ge=1, le=finals.MOST_SEEDS, description="Trainings of each")] = 3
    epochs: Annotated[int | None, Field(ge=1, le=finals.MOST_EPOCHS)] = None


@router.get("", responses=documented(404, 409))
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


@router.post("", status_code=202, responses=documented(404, 409))
def train(
    database: DatabaseDep,
    settings: SettingsDep,
    response: Response,
    search_id: Identity,
    wanted: Annotated[FinalsRequest, Depends(strict(FinalsRequest))],
    idempotency_key: IdempotencyKey,
) -> FinalsView:
    """Train the best architectures from scratch with several seeds; what is known is not repeated.

    One asking at a time: 409 while others of the search are being trained.
    """
    options = wanted.model_dump()
    round_id = finals.request(database, search_id, **options, key=idempotency_key)
    found = finals.view(
        database, search_id, top=wanted.top, epochs=finals.of_round(database, round_id).epochs
    )
    response.headers["Location"] = (
        f"{settings.root_path}/api/v1/searches/{search_id}/finals"
        f"?top={wanted.top}&epochs={found.epochs}"
    )
    return found


@router.post("/stop", status_code=202, responses=documented(404, 409))
def stop(database: DatabaseDep, search_id: Identity) -> FinalsView:
    """End the training of finals; what has been trained is kept."""
    finals.stop(database, search_id)
    return finals.view(database, search_id)
