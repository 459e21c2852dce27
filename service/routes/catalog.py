"""What the service offers: its version, search spaces, controllers, evaluators, executors, data."""

from importlib.metadata import version

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from service import catalog as offers
from service import datasets, eventlog
from service.catalog import Catalog
from service.deps import DatabaseDep, SettingsDep
from service.guard import GRANTED
from service.tokens import Scope

router = APIRouter(prefix="/api/v1", tags=["catalog"])


class Meta(BaseModel):
    """What answers, and what the token of the request may do there."""

    name: str
    version: str
    scope: Scope
    seq: int = Field(description="The last event so far: /events?after=SEQ has all that follow")


@router.get("/meta")
def meta(request: Request, database: DatabaseDep) -> Meta:
    """Say what answers, that the caller is signed in, and what it may do."""
    with database.read() as connection:
        seq = eventlog.last_seq(connection)
    scope = request.scope["state"][GRANTED].scope
    return Meta(name="nasturtium", version=version("nasturtium"), scope=scope, seq=seq)


@router.get("/catalog")
def catalog(settings: SettingsDep, database: DatabaseDep) -> Catalog:
    """List search spaces, controllers, evaluators, executors and data sets, with their options."""
    found = offers.catalog(settings.data_root)
    return {**found, "datasets": [*found["datasets"], *datasets.offered(database)]}
