"""Data sets: list, view, register a folder or file of the server, upload one, remove."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from service import datasets
from service.datasets import DatasetList, DatasetView
from service.deps import DatabaseDep, IdempotencyKey, SettingsDep, strict
from service.errors import StorageError, UserError
from service.problems import documented
from service.registered import NAME
from service.uploads import CHUNK, Upload

router = APIRouter(prefix="/api/v1/datasets", tags=["datasets"])

IDLE_SECONDS = 60  # without a byte, after which an upload is given up
NO_LIMIT = 2**62  # of the framework: the setting counts, which it does not know
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
Name = Annotated[str, Path(pattern=f"^{NAME}$", description="Name of the data set")]


class DatasetRequest(BaseModel):
    """A name for images on the server's disk."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"name": "flowers", "path": "/photos/flowers"}]},
    )

    name: Annotated[str, Field(pattern=f"^{NAME}$", description="What searches call it")]
    path: Annotated[
        str,
        Field(
            min_length=1,
            max_length=4000,
            pattern=r"^[^\x00-\x1f]+$",
            description="A folder, a .zip or a .npz on the machine of the service",
        ),
    ]


@router.get("")
def page(database: DatabaseDep) -> DatasetList:
    """List the data sets: the built-in ones, then those of this service by name."""
    return datasets.datasets(database)


@router.post("", status_code=201, responses=documented(409))
def add(
    database: DatabaseDep,
    settings: SettingsDep,
    response: Response,
    wanted: Annotated[DatasetRequest, Depends(strict(DatasetRequest))],
    idempotency_key: IdempotencyKey,
) -> DatasetView:
    """Give a folder, a .zip or a .npz of the server's disk a name; it is read once to check it."""
    made = datasets.add(database, wanted.name, wanted.path, idempotency_key)
    response.headers["Location"] = f"{settings.root_path}/api/v1/datasets/{made.name}"
    return made


@router.get("/{name}", responses=documented(404))
def view(database: DatabaseDep, name: Name) -> DatasetView:
    """View a data set."""
    return datasets.view(database, name)


@router.put(
    "/{name}/file",
    status_code=201,
    openapi_extra=BODY,
    max_body_size=NO_LIMIT,
    responses=documented(408, 409),
)
async def upload(
    request: Request,
    database: DatabaseDep,
    settings: SettingsDep,
    response: Response,
    name: Name,
) -> DatasetView:
    """Upload a .zip of images or a .npz, as the body itself, and keep it by this name.

    ``curl -T flowers.zip URL``. What it is shows in the file, not in its name. A name that is
    taken is refused: remove it first.
    """
    datasets.check_name(name)
    length = request.headers.get("content-length")
    given = int(length) if length is not None else None
    coming = await run_in_threadpool(Upload, database, name, given)
    try:
        await _received(request, coming)
        await run_in_threadpool(coming.finish)
    except (UserError, StorageError) as error:
        await run_in_threadpool(coming.abort, str(error))
        raise
    except HTTPException as error:
        await run_in_threadpool(coming.abort, error.detail)
        raise
    except Exception:
        await run_in_threadpool(coming.abort)
        raise
    finally:
        coming.abort()  # where the server ends nothing can be awaited; else this does nothing
    response.headers["Location"] = f"{settings.root_path}/api/v1/datasets/{name}"
    return await run_in_threadpool(datasets.view, database, name)


async def _received(request: Request, coming: Upload) -> None:
    """Write the body to the disk, a mebibyte at a time."""
    stream = aiter(request.stream())
    waiting = bytearray()
    while True:
        try:
            content = await asyncio.wait_for(anext(stream), IDLE_SECONDS)
        except StopAsyncIteration:
            break
        except TimeoutError:
            text = f"nothing came for {IDLE_SECONDS} seconds: the upload was given up"
            raise HTTPException(408, text, {"Connection": "close"}) from None
        waiting += content
        if len(waiting) >= CHUNK:
            await run_in_threadpool(coming.write, bytes(waiting))
            waiting.clear()
    if waiting:
        await run_in_threadpool(coming.write, bytes(waiting))


@router.delete("/{name}", responses=documented(404, 409))
def remove(database: DatabaseDep, name: Name) -> DatasetView:
    """Forget a data set; an uploaded file is deleted, a folder or file of the disk is not."""
    return datasets.remove(database, name)
