"""How the service is: whether it answers, whether it is ready, and each part by itself."""

from fastapi import APIRouter, Response
from pydantic import BaseModel

from service import vitals
from service.deps import DatabaseDep, SettingsDep
from service.problems import documented
from service.vitals import Health

router = APIRouter(tags=["health"])


class Alive(BaseModel):
    """It answers."""

    status: str = "ok"


@router.get("/healthz")
async def healthz() -> Alive:
    """Say that the process answers."""
    return Alive()


@router.get("/readyz", responses=documented(503))
async def readyz(database: DatabaseDep) -> Alive:
    """Say that the database answers too."""
    vitals.check(database)
    return Alive()


@router.get("/api/v1/health")
async def health(database: DatabaseDep, settings: SettingsDep, response: Response) -> Health:
    """Say how database, supervisor, runners and Ray are, each by itself."""
    response.headers["Cache-Control"] = "no-store"
    return vitals.health(database, settings)
