"""What holds for GETs: an ETag, a 304 for those who have the answer, and the same by HEAD.

The tag is a hash of the answer: it saves the way, not the work. Browsers may keep what is tagged,
but for the list of tokens, and ask each time whether it still holds; :mod:`service.guard` lets
nothing else be kept. Files and the log of a search have tags of their own; errors, ``/metrics``,
the stream of events and the page have none.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders

from service.guard import TOKENS, inner_path

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

API = "/api/v1/"
OTHERS = frozenset({"/healthz", "/readyz", "/metrics"})
STREAM = "/api/v1/events"
FILES = "/files/"
REVALIDATED = "private, no-cache"  # a browser may keep it, and asks each time if it still holds
TAGGED = frozenset({"application/json", "application/octet-stream", "image/svg+xml"})


class Conditional:
    """An application whose answers to GET can be asked for by HEAD and If-None-Match."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an application."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        if scope["type"] != "http" or scope["method"] not in {"GET", "HEAD"} or not _ours(scope):
            await self.app(scope, receive, send)
            return
        inner = {**scope, "method": "GET"}
        answer = _Answer(scope, inner, send)
        await self.app(inner, receive, answer.take)


class _Answer:
    """One answer on its way: held until it is whole, so that it can be tagged."""

    def __init__(self, scope: Scope, inner: Scope, send: Send) -> None:
        self.scope, self.inner, self.send = scope, inner, send
        self.start: Message = {}
        self.body = bytearray()
        self.held = False

    async def take(self, message: Message) -> None:
        """Take a message of the application, and pass on what is to be."""
        if message["type"] == "http.response.start":
            self.start = message
            self.scope["route"] = self.inner.get("route")  # by which requests are counted
            headers = Headers(raw=message["headers"])
            kind = headers.get("content-type", "").partition(";")[0]
            self.held = message["status"] == 200 and kind in TAGGED and "etag" not in headers
            if self.scope["method"] == "HEAD":  # how much it is depends on whether it is gzipped
                del MutableHeaders(raw=message["headers"])["content-length"]
            if not self.held:
                await self.send(message)
            return
        more = message.get("more_body", False)
        if self.held:
            self.body += message.get("body", b"")
            if not more:
                await self._send_tagged()
        elif self.scope["method"] == "HEAD":
            if not more:
                await self.send({"type": "http.response.body", "body": b""})
        else:
            await self.send(message)

    async def _send_tagged(self) -> None:
        digest = hashlib.blake2b(self.body, digest_size=12).hexdigest()
        tag = f'W/"{digest}"'  # weak: the same content may come gzipped
        body = bytes(self.body)
        headers = MutableHeaders(raw=self.start["headers"])
        headers["etag"] = tag
        if not _path(self.scope).startswith(TOKENS):
            headers.setdefault("cache-control", REVALIDATED)
        if has_it(Headers(scope=self.scope).get("if-none-match", ""), tag):
            del headers["content-length"], headers["content-type"]
            self.start["status"], body = 304, b""
        self.start["headers"] = headers.raw
        await self.send(self.start)
        body = b"" if self.scope["method"] == "HEAD" else body
        await self.send({"type": "http.response.body", "body": body})


def has_it(header: str, tag: str) -> bool:
    """Say whether an If-None-Match names a tag, weakly or not."""
    named = [one.strip().removeprefix("W/") for one in header.split(",")]
    return tag.removeprefix("W/") in named or named == ["*"]


def _path(scope: Scope) -> str:
    return inner_path(scope["path"], scope.get("root_path", ""))


def _ours(scope: Scope) -> bool:
    path = _path(scope)
    if path == STREAM or FILES in path:
        return False
    return path.startswith(API) or path in OTHERS
