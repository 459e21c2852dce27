"""Models: ask for one, follow its training, download its files."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope, Send

from service import models
from service.conditional import has_it
from service.deps import BIGGEST, DatabaseDep, Identity, strict
from service.errors import NotFound
from service.problems import documented, problem
from service.schemas import ModelView

router = APIRouter(prefix="/api/v1", tags=["models"], responses=documented(404))


class ModelRequest(BaseModel):
    """Which model to make; by default of the best trial, with the search's own epochs.

    Of a model that is there, further formats are made from its weights.
    """

    model_config = ConfigDict(extra="forbid")

    trial: Annotated[int | None, Field(ge=0, lt=BIGGEST)] = None
    epochs: Annotated[int | None, Field(ge=1, le=models.MOST_EPOCHS)] = None
    formats: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=100)]],
        Field(max_length=50, description="Beside the usual ones: names of the catalog, or all"),
    ] = []


class ModelList(BaseModel):
    """All models of a search, the newest first; there is one page only."""

    items: list[ModelView]
    next: None = None


@router.post("/searches/{search_id}/models", status_code=202, responses=documented(409))
def make(
    database: DatabaseDep,
    search_id: Identity,
    wanted: Annotated[ModelRequest, Depends(strict(ModelRequest))],
) -> ModelView:
    """Train a trial's architecture from scratch, test it, and export it."""
    model_id = models.request(database, search_id, wanted.trial, wanted.epochs, wanted.formats)
    return models.view(database, model_id)


@router.get("/searches/{search_id}/models")
async def of_search(database: DatabaseDep, search_id: Identity) -> ModelList:
    """List the models of a search."""
    return ModelList(items=models.of_search(database, search_id))


@router.get("/models/{model_id}")
async def view(database: DatabaseDep, model_id: Identity) -> ModelView:
    """View a model."""
    return models.view(database, model_id)


REFUSED = (400, 416)  # a range that cannot be read, one beyond the end
FILE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/octet-stream": {}}, "description": "The file"},
    206: {"content": {"application/octet-stream": {}}, "description": "The range asked for"},
    304: {"description": "The file that the client has is this one"},
    **documented(416),
}


class Download(FileResponse):
    """A file, whole or in ranges; a range that it does not have is a problem in our one shape."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file, or say what is wrong with the range."""
        refused: Message | None = None

        async def passed_on(message: Message) -> None:
            nonlocal refused
            if message["type"] == "http.response.start" and message["status"] in REFUSED:
                refused = message
            elif refused is None:
                await send(message)

        await super().__call__(scope, receive, passed_on)
        if refused is not None:
            status, given = refused["status"], Headers(raw=refused["headers"])
            kept = {"Content-Range": given["content-range"]} if "content-range" in given else {}
            answer = problem(status, "the file has no such range", kept, field="Range")
            await answer(scope, receive, send)


FileName = Annotated[str, Path(min_length=1, max_length=200, description="A listed file")]


@router.head("/models/{model_id}/files/{name}", response_class=FileResponse, responses=FILE)
def describe(
    request: Request, database: DatabaseDep, model_id: Identity, name: FileName
) -> Response:
    """Tell of a file without sending it: its size, and its SHA-256 as the ETag."""
    return download(request, database, model_id, name)


@router.get("/models/{model_id}/files/{name}", response_class=FileResponse, responses=FILE)
def download(
    request: Request, database: DatabaseDep, model_id: Identity, name: FileName
) -> Response:
    """Download a file of a model, by its listed name only, whole or a range of its bytes.

    The ETag is its SHA-256: a client that has the file asks with If-None-Match, one that has a part
    of it with Range and If-Range.
    """
    path, listed = models.file(database, model_id, name)
    headers = {"ETag": f'"{listed.sha256}"', "Cache-Control": "private, no-cache"}
    if has_it(request.headers.get("if-none-match", ""), headers["ETag"]):
        return Response(status_code=304, headers=headers)
    root = models.folder(database, model_id).resolve()
    if path.is_symlink() or not path.resolve().is_relative_to(root) or not path.is_file():
        raise NotFound(f"the file {name!r} is gone from the disk", field="name", value=name)
    return Download(path, filename=name, media_type="application/octet-stream", headers=headers)
