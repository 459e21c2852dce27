"""Published networks by name."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from service import zoo
from service.problems import documented
from service.zoo import NetworkDetail, NetworkList

router = APIRouter(prefix="/api/v1/zoo", tags=["zoo"])


@router.get("")
def networks(
    pattern: Annotated[
        str, Query(max_length=100, description="Names to give, such as resnet*")
    ] = "*",
) -> NetworkList:
    """Give the published networks, what they cost as built here and what their papers print."""
    return zoo.networks(pattern)


@router.get("/{name}", responses=documented(404))
def network(
    name: Annotated[str, Path(min_length=1, max_length=100, description="Name of the network")],
    size: Annotated[
        int | None, Query(ge=1, le=1024, description="Side of the images; null: the paper's")
    ] = None,
) -> NetworkDetail:
    """Give one network with its layers: output, parameters, multiply-adds, memory."""
    return zoo.network(name, size)
