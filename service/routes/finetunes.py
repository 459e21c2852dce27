"""Fine-tunings: ask for one, follow it, stop it; its result is a model."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from service import finetunes
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
from service.tuning import FinetunePage, FinetuneRequest, FinetuneView

router = APIRouter(prefix="/api/v1/finetunes", tags=["finetunes"])


@router.get("")
def page(database: DatabaseDep, after: Cursor = None, limit: Limit = 50) -> FinetunePage:
    """List fine-tunings, the newest first."""
    return finetunes.page(database, after=after, limit=limit)


@router.post("", status_code=202, responses=documented(404, 409))
def start(
    database: DatabaseDep,
    settings: SettingsDep,
    response: Response,
    wanted: Annotated[FinetuneRequest, Depends(strict(FinetuneRequest))],
    idempotency_key: IdempotencyKey,
) -> FinetuneView:
    """Adapt a trained network to other images: measure, advise, train, test once, export."""
    made = finetunes.request(database, wanted, idempotency_key)
    response.headers["Location"] = f"{settings.root_path}/api/v1/finetunes/{made}"
    return finetunes.view(database, made)


@router.get("/{finetune_id}", responses=documented(404))
def view(database: DatabaseDep, finetune_id: Identity) -> FinetuneView:
    """View a fine-tuning: its advice, how far it is, its model."""
    return finetunes.view(database, finetune_id)


@router.post("/{finetune_id}/stop", status_code=202, responses=documented(404, 409))
def stop(database: DatabaseDep, finetune_id: Identity) -> FinetuneView:
    """End a fine-tuning; its checkpoint is not gone on with."""
    return finetunes.stop(database, finetune_id)
