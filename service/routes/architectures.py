"""Architectures without a search."""

from typing import Annotated

from fastapi import APIRouter, Depends

from service import previews
from service.deps import strict
from service.previews import PreviewRequest, PreviewView

router = APIRouter(prefix="/api/v1/architectures", tags=["architectures"])


@router.post("/preview")
def preview(
    request: Annotated[PreviewRequest, Depends(strict(PreviewRequest))],
) -> PreviewView:
    """Say what some decisions amount to: drawings, layers, parameters, multiply-adds.

    Nothing is kept and nothing is trained. A wrong decision is refused by its place.
    """
    return previews.preview(request)
