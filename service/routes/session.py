"""Signing in: the token for a cookie that scripts cannot read."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from service import tokens
from service.auth import COOKIE_DAYS
from service.deps import DatabaseDep, KeyringDep, SettingsDep, strict
from service.problems import documented, problem

router = APIRouter(prefix="/api/v1", tags=["session"])


class Login(BaseModel):
    """The token that the service printed at its start, or one with a scope."""

    model_config = ConfigDict(extra="forbid")

    token: Annotated[SecretStr, Field(max_length=500)]


@router.post("/login", status_code=204, responses=documented(401))
def login(
    request: Request,
    settings: SettingsDep,
    keyring: KeyringDep,
    database: DatabaseDep,
    body: Annotated[Login, Depends(strict(Login))],
) -> Response:
    """Sign a browser in: the answer sets the session cookie. It may do what its token may."""
    token = body.token.get_secret_value().strip()
    cookie = keyring.cookie_value if keyring.accepts_token(token) else None
    if cookie is None:
        cookie = tokens.cookie_of(database, token, keyring.seal)
    if cookie is None:
        return problem(
            401,
            "that is neither the token that the service printed at its start nor one that it has "
            "given out and not revoked",
            field="token",
        )
    response = Response(status_code=204)
    response.set_cookie(
        keyring.cookie_name,
        cookie,
        max_age=COOKIE_DAYS * 86400,
        path=settings.root_path or "/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
    return response


@router.post("/logout", status_code=204)
async def logout(settings: SettingsDep, keyring: KeyringDep) -> Response:
    """Sign a browser out: the answer removes the session cookie."""
    response = Response(status_code=204)
    response.delete_cookie(
        keyring.cookie_name, path=settings.root_path or "/", httponly=True, samesite="strict"
    )
    return response
