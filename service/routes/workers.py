"""What runs where, and metrics for those who watch over many services."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from service import metering, workers
from service.deps import BroadcasterDep, DatabaseDep, SettingsDep
from service.metering import Meter
from service.workers import WorkersView

router = APIRouter(tags=["health"])
TEXT = "text/plain; version=0.0.4; charset=utf-8"


def _meter(request: Request) -> Meter:
    meter: Meter = request.app.state.meter
    return meter


@router.get("/api/v1/workers")
def view(database: DatabaseDep, settings: SettingsDep) -> WorkersView:
    """Say what runs where: each search's places, the trials in them with their epochs, Ray."""
    return workers.workers(database, settings)


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}, "description": "Metrics, one a line"}},
)
def metrics(
    database: DatabaseDep, broadcaster: BroadcasterDep, meter: Annotated[Meter, Depends(_meter)]
) -> Response:
    """Give figures in Prometheus' text format: searches, trials, requests, events, memory."""
    return Response(metering.exposition(database, broadcaster, meter), media_type=TEXT)
