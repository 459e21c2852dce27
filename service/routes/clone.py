"""A search like another one."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ConfigDict, RootModel, ValidationError

from service import cloning, searches
from service.deps import DatabaseDep, IdempotencyKey, Identity, SettingsDep, strict
from service.problems import documented
from service.schemas import SearchView

router = APIRouter(prefix="/api/v1/searches", tags=["searches"])


class Changes(RootModel[dict[str, Any]]):
    """Fields of a search, as in POST /searches; what is absent is as in the other search."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "longer", "limits": {"trials": 100}, "seed": 1}]}
    )


@router.post("/{search_id}/clone", status_code=201, responses=documented(404, 409))
def clone(
    database: DatabaseDep,
    settings: SettingsDep,
    response: Response,
    search_id: Identity,
    changes: Annotated[Changes, Depends(strict(Changes))],
    idempotency_key: IdempotencyKey,
) -> SearchView:
    """Start a search like this one, with some fields changed.

    Objects are changed field by field, except that a space, controller, evaluator or source of
    images under another name is taken whole.
    """
    try:
        made = cloning.clone(database, search_id, changes.root, idempotency_key)
    except ValidationError as error:
        wrong = [one | {"loc": ("body", *one["loc"])} for one in error.errors(include_url=False)]
        raise RequestValidationError(wrong) from error
    response.headers["Location"] = f"{settings.root_path}/api/v1/searches/{made}"
    return searches.view(database, made)
