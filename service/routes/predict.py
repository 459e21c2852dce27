"""Predictions: classify images with a model, several in a request, many requests at once."""

import asyncio
import base64
import binascii
import io
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from nas.batching import Busy
from nas.data import DataError
from service.deps import Identity, ServingDep
from service.errors import UserError
from service.guard import MOST_IMAGE_BYTES
from service.predicting import Served, Serving
from service.problems import documented

if TYPE_CHECKING:
    from torch import Tensor

    from nas.predict import Predictor

router = APIRouter(prefix="/api/v1", tags=["models"], responses=documented(404, 409))

MOST_IMAGES = 256
MOST_PIXELS = 2**25  # of all images of a request together
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
JSON = "application/json"

Byte = Annotated[int, Field(ge=0, le=255)]
Array = Annotated[
    list[list[list[Byte]]], Field(description="1 or 3 channels of rows of bytes, 0 to 255")
]


class PredictRequest(BaseModel):
    """Images to classify: files in base64, or arrays of bytes that all have the same shape."""

    model_config = ConfigDict(extra="forbid")

    images: Annotated[
        list[str] | None,
        Field(min_length=1, max_length=MOST_IMAGES, description="PNG, JPEG, ... in base64"),
    ] = None
    arrays: Annotated[list[Array] | None, Field(min_length=1, max_length=MOST_IMAGES)] = None


class GuessView(BaseModel):
    """A class that an image may be of. ``number`` is its place among the logits."""

    name: str
    number: int
    probability: float


class Predictions(BaseModel):
    """The most probable classes of each image, in the order of the request."""

    model: str
    predictions: list[list[GuessView]]


async def _given(request: Request) -> PredictRequest | bytes:
    """Read the body: JSON, or one image file as it is."""
    body = await request.body()
    kind = request.headers.get("content-type", JSON).partition(";")[0].strip().lower()
    if kind.startswith("image/"):
        return body
    if kind != JSON:
        raise HTTPException(415, f"content type {kind[:100]!r} (allowed: {JSON}, image/...)")
    return await run_in_threadpool(_parsed, body)


def _parsed(body: bytes) -> PredictRequest:
    try:
        given = PredictRequest.model_validate_json(body, strict=True)
    except ValidationError as error:
        wrong = [one | {"loc": ("body", *one["loc"])} for one in error.errors(include_url=False)]
        raise RequestValidationError(wrong) from error
    if (given.images is None) == (given.arrays is None):
        raise UserError("give either images or arrays", field="images", allowed="one of the two")
    return given


BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": PredictRequest.model_json_schema()},
            "image/*": {"schema": {"type": "string", "format": "binary"}},
        },
    }
}


@router.post(
    "/models/{model_id}/predict",
    openapi_extra=BODY,
    max_body_size=MOST_IMAGE_BYTES,
    responses=documented(415),
)
async def predict(
    serving: ServingDep,
    model_id: Identity,
    given: Annotated[PredictRequest | bytes, Depends(_given)],
    top: Annotated[int, Query(ge=1, le=1000, description="Classes an image")] = 5,
) -> Predictions:
    """Classify images with a model.

    The body is JSON, or one image file (``curl --data-binary @cat.png -H 'Content-Type:
    image/png'``). Requests that arrive together are computed together.
    """
    served, images = await run_in_threadpool(_prepared, serving, model_id, given)
    try:
        answer = await asyncio.wrap_future(served.batcher.submit(images))
    except Busy as error:
        raise HTTPException(503, str(error), {"Retry-After": "1"}) from error
    rows = served.predictor.guesses(answer, top)
    return Predictions(
        model=model_id,
        predictions=[
            [GuessView(name=g.name, number=g.number, probability=g.probability) for g in row]
            for row in rows
        ],
    )


def _prepared(
    serving: Serving, model_id: str, given: PredictRequest | bytes
) -> tuple[Served, "Tensor"]:
    """Return the network, and the images as it wants them."""
    served = serving.get(model_id)
    count = 1 if isinstance(given, bytes) else len(given.images or given.arrays or ())
    if count > served.most:
        raise HTTPException(413, f"{count} images for this network (allowed: {served.most})")
    if isinstance(given, bytes):
        return served, _pictures(served.predictor, {"body": given})
    if given.images is not None:
        named = {f"images.{place}": text for place, text in enumerate(given.images)}
        return served, _pictures(served.predictor, {f: _bytes(f, t) for f, t in named.items()})
    return served, _arrays(served.predictor, given.arrays or [])


def _bytes(field: str, text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise UserError(
            f"{field}: not base64", field=field, value=text[:40], allowed="base64"
        ) from error


def _pictures(predictor: "Predictor", files: dict[str, bytes]) -> "Tensor":
    """Decode image files; a small file can claim a picture that fills the memory."""
    try:
        _limit(sum(_pixels(field, content) for field, content in files.items()))
        return predictor.pictures(files)
    except DataError as error:
        field = str(error).partition(":")[0]
        raise UserError(str(error), field=field, allowed=list(FORMATS)) from error


def _pixels(field: str, content: bytes) -> int:
    """Return how many pixels an image file claims to have.

    Raises DataError for what is none of our formats: some of Pillow's run other programs.
    """
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            return image.width * image.height
    except Exception as error:  # Pillow's readers raise a dozen types on broken files
        text = f"{field}: cannot be read as an image (allowed: {', '.join(FORMATS)})"
        raise DataError(text) from error


def _arrays(predictor: "Predictor", arrays: list[list[list[list[int]]]]) -> "Tensor":
    import torch

    try:
        pixels = torch.tensor(arrays, dtype=torch.uint8)
        if pixels.dim() == 4:
            _limit(pixels.shape[0] * pixels.shape[2] * pixels.shape[3])
        return predictor.prepared(pixels)
    except ValueError as error:
        text = "arrays: all must have one shape, (1 or 3 channels, height, width)"
        raise UserError(text, field="arrays", allowed="images of one shape") from error


def _limit(pixels: int) -> None:
    if pixels > MOST_PIXELS:
        raise HTTPException(413, f"{pixels:,} pixels in one request (allowed: {MOST_PIXELS:,})")
