"""What the service offers: its version, search spaces, controllers, evaluators, executors, data."""

from importlib.metadata import version

from fastapi import APIRouter
from pydantic import BaseModel

from service import catalog as offers
from service.catalog import Catalog
from service.deps import SettingsDep

router = APIRouter(prefix="/api/v1", tags=["catalog"])


class Meta(BaseModel):
    """What answers."""

    name: str
    version: str


@router.get("/meta")
async def meta() -> Meta:
    """Say what answers, and that the caller is signed in."""
    return Meta(name="nasturtium", version=version("nasturtium"))


@router.get("/catalog")
def catalog(settings: SettingsDep) -> Catalog:
    """List search spaces, controllers, evaluators, executors and data sets, with their options."""
    return offers.catalog(settings.data_root)
