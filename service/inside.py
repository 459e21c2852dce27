"""The API of a folder, asked in this process: the answers of its routes, without a server."""

from __future__ import annotations

import asyncio
import json
import secrets
from typing import TYPE_CHECKING, Any

import httpx
from pydantic import SecretStr

from service.app import create_app
from service.errors import NotFound, UserError

if TYPE_CHECKING:
    from service.settings import Settings

MISSING = 404


class Inside:
    """The routes of a folder. Close it, or use it in a ``with`` block."""

    def __init__(self, settings: Settings) -> None:
        """Assemble the API with a token of its own, which nobody else is told."""
        token = secrets.token_urlsafe(32)
        self._app = create_app(settings.model_copy(update={"token": SecretStr(token)}))
        self._runner = asyncio.Runner()
        self._http = httpx.AsyncClient(
            transport=httpx.ASGITransport(self._app),
            base_url=f"http://localhost{settings.root_path}/api/v1/",
            headers={"Authorization": f"Bearer {token}"},
        )

    def __enter__(self) -> Inside:
        """Use it for a block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self._runner.run(self._http.aclose())
        self._runner.close()
        self._app.state.serving.close()
        self._app.state.database.close()

    def get(self, path: str) -> Any:
        """Return the JSON of a GET; raise UserError or NotFound where it is refused."""
        return json.loads(self.text(path))

    def text(self, path: str) -> str:
        """Return the text of a GET."""
        answer = self._runner.run(self._http.get(path))
        if answer.is_success:
            return answer.text
        told = answer.json()["detail"]
        raise (NotFound if answer.status_code == MISSING else UserError)(told)
