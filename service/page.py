"""The files of the page as they are sent: script and style slim, known by what is in them.

``app.js`` is sent as one script with all that it imports (`service.bundle`); every other file as it
lies there, so that tests and the curious can load a module alone.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.staticfiles import NotModifiedResponse, StaticFiles

from service import slim
from service.bundle import VENDOR, bundle, order

if TYPE_CHECKING:
    import os

    from starlette.types import Scope

SCRIPT, STYLE = "text/javascript; charset=utf-8", "text/css; charset=utf-8"
KINDS = {".js": SCRIPT, ".mjs": SCRIPT, ".css": STYLE}
ENTRY = "app.js"


@dataclass(frozen=True, slots=True)
class Sent:
    """A file as it is sent. ``stamp``: the times and sizes of the files that it was made of."""

    body: bytes
    etag: str
    stamp: list[tuple[int, int]]


def body(path: Path) -> bytes:
    """Return what is sent for a file of script or style; libraries as they came (known hashes)."""
    if path.parent.name == VENDOR:
        return path.read_bytes()
    text = bundle(path) if path.name == ENTRY else path.read_text(encoding="utf-8")
    return (slim.style if path.suffix == ".css" else slim.script)(text).encode()


class PageFiles(StaticFiles):
    """Static files; script and style are made slim once, and again where the file has changed."""

    def __init__(self, directory: Path) -> None:
        """Serve a folder."""
        super().__init__(directory=directory)
        self._sent: dict[str, Sent] = {}

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        """Answer with a file, or with nothing where the client has what it would be sent."""
        path = Path(full_path)
        if path.suffix not in KINDS:
            return super().file_response(full_path, stat_result, scope, status_code)
        sent = self._made(path)
        response = Response(
            sent.body if scope["method"] == "GET" else b"",
            status_code,
            {"etag": sent.etag, "content-length": str(len(sent.body))},
            media_type=KINDS[path.suffix],
        )
        if self.is_not_modified(response.headers, Headers(scope=scope)):
            return NotModifiedResponse(response.headers)
        return response

    def _made(self, path: Path) -> Sent:
        looked = [one.stat() for one in (order(path) if path.name == ENTRY else [path])]
        stamp = [(one.st_mtime_ns, one.st_size) for one in looked]
        known = self._sent.get(str(path))
        if known is None or known.stamp != stamp:
            made = body(path)
            known = Sent(made, f'"{hashlib.sha256(made).hexdigest()[:32]}"', stamp)
            self._sent[str(path)] = known
        return known
