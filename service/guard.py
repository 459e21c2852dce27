"""What stands before every route: host names, the token, its rate, the origin of writes, headers.

Deny by default: a path is open only if it is named here; everything else, found or not, needs the
token. Written as plain ASGI so that streams, files and mounts pass through it as well.
"""

from __future__ import annotations

import hashlib
import math
import re
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders

from service.errors import StorageError
from service.problems import problem
from service.rates import Rates
from service.tokens import Grant, grant_of, grant_of_cookie
from service.tokens import Scope as TokenScope

if TYPE_CHECKING:
    from collections.abc import Collection

    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from service.auth import Keyring
    from service.db import Database

LOGIN = "/api/v1/login"
OPEN = frozenset({"/", "/healthz", "/readyz", LOGIN})
STATIC = "/static/"
MOST_BODY_BYTES = 2**20
MOST_IMAGE_BYTES = 2**24  # of a request with images to be classified
PREDICT = re.compile(r"/api/v1/models/[^/]+/predict")
UPLOAD = re.compile(r"/api/v1/datasets/[^/]+/file")
TOKENS = "/api/v1/tokens"
# A POST that changes nothing, and one that changes only the browser that asks.
LOOKING = frozenset({"/api/v1/architectures/preview", "/api/v1/logout"})
BURST_SECONDS = 10  # of the allowed rate may come at once
WRONG_PER_SECOND, WRONG_BURST = 0.2, 20  # wrong tokens from one address
MOST_KNOWN = 1000  # credentials remembered as good
GRANTED = "granted"  # a Grant, what the request may do, among its state
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
HEADERS = {
    "content-security-policy": (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class Guard:
    """Lets through what is addressed to us by someone who has the token."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        keyring: Keyring,
        database: Database,
        hosts: Collection[str],
        root_path: str = "",
        requests_per_second: int = 0,
        upload_bytes: int = MOST_BODY_BYTES,
    ) -> None:
        """Protect ``app``; ``hosts`` are the names by which a browser may call it.

        Each credential may call ``requests_per_second`` times (0: as often as it likes).
        """
        self.app, self.keyring, self.root_path = app, keyring, root_path
        self.database, self.upload_bytes = database, upload_bytes
        self.hosts = frozenset(host.lower() for host in hosts)
        self._wrong = Rates(WRONG_PER_SECOND, WRONG_BURST)
        self._known: set[bytes] = set()
        self._calls = (
            Rates(requests_per_second, requests_per_second * BURST_SECONDS)
            if requests_per_second
            else None
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it with what is wrong with it."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        path = inner_path(scope["path"], self.root_path)
        # The routes and their links see the prefix whether or not a proxy has taken it away.
        scope.update(path=self.root_path + path, root_path=self.root_path)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                if message["status"] == 401 and (path == LOGIN or self._shown(scope)):
                    self._wrong.take(_address(scope))
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                caching = "no-cache" if path == "/" or path.startswith(STATIC) else "no-store"
                headers.setdefault("cache-control", caching)
            await send(message)

        refusal = self._refusal(scope, path) if scope["type"] == "http" else _no_websockets()
        if refusal is None:
            await self.app(scope, receive, send_with_headers)
        elif scope["type"] == "http":
            await refusal(scope, receive, send_with_headers)
        else:
            await send({"type": "websocket.close", "code": 1008})

    def _refusal(self, scope: Scope, path: str) -> Response | None:
        headers = Headers(scope=scope)
        if _name(headers.get("host", "")) not in self.hosts:
            return problem(
                400,
                "this service is not known by that host name; name it in NAS_HOSTS",
                field="Host",
                value=headers.get("host", ""),
            )
        length = headers.get("content-length", "0")
        most = self._most(path)
        if not length.isdigit() or int(length) > most:
            return problem(413, f"a request may have {most} bytes", field="body")
        if path == LOGIN and (seconds := self._wrong.wait(_address(scope))):
            return _guessing(seconds)
        if path in OPEN or path.startswith(STATIC):
            return None
        try:
            return self._stranger(scope, path, headers)
        except StorageError as error:
            return problem(503, str(error), {"Retry-After": "5"})

    def _most(self, path: str) -> int:
        """Return how many bytes a request may have."""
        if UPLOAD.fullmatch(path):
            return self.upload_bytes
        return MOST_IMAGE_BYTES if PREDICT.fullmatch(path) else MOST_BODY_BYTES

    def _stranger(self, scope: Scope, path: str, headers: Headers) -> Response | None:
        """Return a refusal unless the request carries a token, or our cookie from our page.

        Where many wrong ones came from, only what was good before is looked at.
        """
        shown = self._shown(scope)
        stranger = shown and self._known.isdisjoint(shown.values())
        if stranger and (seconds := self._wrong.wait(_address(scope))):
            return _guessing(seconds)
        granted = self._bearer(headers)
        by_cookie = granted is None
        if granted is None:
            granted = self._session(_cookie(headers, self.keyring.cookie_name))
        if granted is None:
            return problem(
                401,
                "sign in with the token that the service printed at its start",
                {"WWW-Authenticate": 'Bearer realm="nasturtium"'},
            )
        caller = shown["cookie" if by_cookie else "header"]
        if len(self._known) < MOST_KNOWN:
            self._known.add(caller)
        if by_cookie and scope["method"] not in SAFE and not _same_origin(headers):
            return problem(403, "a browser may change things from the service's own page only")
        scope.setdefault("state", {})[GRANTED] = granted
        return self._too_often(caller) or _too_little(granted.scope, scope["method"], path)

    def _shown(self, scope: Scope) -> dict[str, bytes]:
        """Return digests of what a request signs itself with: a token in the header, our cookie."""
        headers = Headers(scope=scope)
        found = {
            "header": headers.get("authorization", ""),
            "cookie": _cookie(headers, self.keyring.cookie_name),
        }
        return {kind: _digest(text) for kind, text in found.items() if text}

    def _too_often(self, caller: bytes) -> Response | None:
        """Count a call with what is good; return a refusal where there were too many."""
        if self._calls is None:
            return None
        if seconds := self._calls.wait(caller):
            text = (
                f"more than {self._calls.per_second:g} requests a second with this token; "
                "NAS_REQUESTS_PER_SECOND of the service allows more"
            )
            return problem(429, text, _after(seconds), field="token")
        self._calls.take(caller)
        return None

    def _bearer(self, headers: Headers) -> Grant | None:
        """Return what the token in the header may do, None without a valid one."""
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        if self.keyring.accepts_token(token.strip()):
            return Grant(TokenScope.ADMIN)
        return grant_of(self.database, token.strip())

    def _session(self, cookie: str) -> Grant | None:
        """Return what the browser with a cookie may do, None if it is none of ours."""
        if self.keyring.accepts_cookie(cookie):
            return Grant(TokenScope.ADMIN)
        return grant_of_cookie(self.database, cookie, self.keyring.seal)


def needed(method: str, path: str) -> TokenScope:
    """Return the scope that a request needs: to look, to change, or to give tokens away."""
    if path == TOKENS or path.startswith(TOKENS + "/"):
        return TokenScope.ADMIN
    return TokenScope.READ if method in SAFE or path in LOOKING else TokenScope.WRITE


def _too_little(granted: TokenScope, method: str, path: str) -> Response | None:
    wanted = needed(method, path)
    if granted.covers(wanted):
        return None
    text = f"this token has the scope {granted}; {method} {path[:200]} needs the scope {wanted}"
    return problem(403, text, field="scope", value=str(granted), allowed=str(wanted))


def inner_path(path: str, root_path: str) -> str:
    """Return the path as the routes know it, whether or not a proxy has taken the prefix away."""
    if root_path and (path == root_path or path.startswith(root_path + "/")):
        return path[len(root_path) :] or "/"
    return path


def _name(host: str) -> str:
    """Return the name of a Host header, without the port."""
    host = host.strip().lower()
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]


def _same_origin(headers: Headers) -> bool:
    """Say whether a write with a cookie is from our page: browsers always name the origin."""
    origin = urlsplit(headers.get("origin", ""))
    return bool(origin.netloc) and origin.netloc.lower() == headers.get("host", "").lower()


def _cookie(headers: Headers, name: str) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(name)
    except CookieError:
        return ""
    return found.value if found else ""


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return client[0] if client else ""


def _after(seconds: float) -> dict[str, str]:
    return {"Retry-After": str(math.ceil(seconds))}


def _guessing(seconds: float) -> Response:
    text = f"too many wrong tokens from this address; wait {math.ceil(seconds)} seconds"
    return problem(429, text, _after(seconds), field="token")


def _no_websockets() -> Response:
    return problem(404, "there are no web sockets here")
