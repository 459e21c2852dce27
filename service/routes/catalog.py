"""What the service offers: its version, search spaces, controllers, evaluators, executors, data."""

from importlib.metadata import version

from fastapi import APIRouter, Request
from pydantic import BaseModel

from service import catalog as offers
from service.catalog import Catalog
from service.deps import SettingsDep
from service.guard import GRANTED
from service.tokens import Scope

router = APIRouter(prefix="/api/v1", tags=["catalog"])


class Meta(BaseModel):
    """What answers, and what the token of the request may do there."""

    name: str
    version: str
    scope: Scope


@router.get("/meta")
async def meta(request: Request) -> Meta:
    """Say what answers, that the caller is signed in, and what it may do."""
    return Meta(
        name="nasturtium", version=version("nasturtium"), scope=request.scope["state"][GRANTED]
    )


@router.get("/catalog")
def catalog(settings: SettingsDep) -> Catalog:
    """List search spaces, controllers, evaluators, executors and data sets, with their options."""
    return offers.catalog(settings.data_root)
