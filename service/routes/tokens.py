"""Tokens with scopes: for programs that may read, or start searches, and no more."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field

from service import tokens
from service.deps import DatabaseDep, strict
from service.problems import documented
from service.tokens import Scope, TokenCreated, TokenList, TokenView

router = APIRouter(prefix="/api/v1/tokens", tags=["tokens"])


class TokenRequest(BaseModel):
    """A token that is wanted."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"name": "grafana", "scope": "read", "days": 90}]},
    )

    name: Annotated[
        str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f]+$", description="Whose")
    ]
    scope: Annotated[Scope, Field(description="read, write (which may read), admin")] = Scope.READ
    days: Annotated[
        float | None,
        Field(gt=0, le=3650, allow_inf_nan=False, description="Valid for so long; null: for ever"),
    ] = None


@router.get("")
def page(database: DatabaseDep) -> TokenList:
    """List the tokens, without what nobody can read again."""
    return tokens.tokens(database)


@router.post("", status_code=201, responses=documented(409))
def create(
    database: DatabaseDep, wanted: Annotated[TokenRequest, Depends(strict(TokenRequest))]
) -> TokenCreated:
    """Make a token; the answer is the only place where it can be read."""
    return tokens.create(database, wanted.name, wanted.scope, wanted.days)


@router.delete("/{token_id}", responses=documented(404))
def revoke(
    database: DatabaseDep,
    token_id: Annotated[str, Path(min_length=1, max_length=100, description="Id of the token")],
) -> TokenView:
    """Make a token invalid from now on."""
    return tokens.revoke(database, token_id)
