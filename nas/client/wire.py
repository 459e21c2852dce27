"""The way to the service: sends requests, tries again what may be tried again, explains errors.

By httpx: it keeps connections open, streams, and sends the token to no other host by a redirect;
urllib does none of the three. It brings two small pure packages beside those of Ray and FastAPI.
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

import httpx

from nas.client.errors import ClientError, NoConnection, from_problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from nas.client.address import Address

T = TypeVar("T")
API = "/api/v1/"
PAUSES = (0.25, 0.5, 1.0, 2.0)  # seconds before each further try
LONGEST_PAUSE = 10.0  # of those that the service asks for
CHECK_SECONDS = 660.0  # two times what the service may take to read a file, and a minute
PIECE = 2**18  # bytes of a file sent at a time
BUSY = 503
TOO_OFTEN = 429  # nothing was done: whatever it was may be sent again
BROKEN = (httpx.ReadError, httpx.WriteError, httpx.CloseError, httpx.RemoteProtocolError)


class Wire:
    """Requests to one service, with the token. May be used by several threads."""

    def __init__(self, address: Address, token: str, timeout: float) -> None:
        """Keep the address; nothing is sent yet."""
        self.url, self.timeout = address.url, timeout
        self._http = httpx.Client(
            headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
            timeout=timeout,
            trust_env=not address.loopback,  # a proxy cannot reach this machine
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def get(self, path: str, **query: str | int | None) -> Any:
        """Return the JSON of a GET; parameters that are None are left out."""
        return _json(self._send("GET", path, again=True, query=query))

    def text(self, path: str, **query: str | int | None) -> str:
        """Return the text of a GET; parameters that are None are left out."""
        return self._send("GET", path, again=True, query=query).text

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        again: bool = True,
        key: str | None = None,
        **query: str | int | None,
    ) -> Any:
        """Return the JSON of a request with a JSON body.

        ``again`` says that a repeat does no harm. ``key`` is an Idempotency-Key, which makes it so.
        """
        headers = {} if key is None else {"Idempotency-Key": key}
        answer = self._send(method, path, again=again, query=query, json=body, headers=headers)
        return _json(answer)

    def upload(
        self, path: str, file: Path, progress: Callable[[int, int], None] | None = None
    ) -> Any:
        """Return the JSON of a PUT whose body is a file, read from the disk as it is sent."""

        def once() -> httpx.Response:
            with _opened(file) as source:
                length = os.fstat(source.fileno()).st_size
                with self._explained():
                    answer = self._http.put(
                        self.url + API + path,
                        content=_pieces(source, length, progress),
                        headers={
                            "Content-Length": str(length),
                            "Content-Type": "application/octet-stream",
                        },
                        # The service reads the images before it answers.
                        timeout=httpx.Timeout(self.timeout, read=CHECK_SECONDS),
                    )
            if not answer.is_success:
                raise self._refusal(answer)
            return answer

        return _json(patiently(once, again=False))

    @contextmanager
    def stream(
        self,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        silence: float | None = None,
        **query: str | int | None,
    ) -> Iterator[httpx.Response]:
        """Give an answer whose body is read piece by piece; ``silence`` seconds are too many."""
        with (
            self._explained(),
            self._http.stream(
                "GET",
                self.url + API + path,
                params=_given(query),
                headers=headers,
                timeout=httpx.Timeout(self.timeout, read=silence or self.timeout),
            ) as answer,
        ):
            if not answer.is_success:
                answer.read()
                raise self._refusal(answer)
            yield answer

    def _send(
        self,
        method: str,
        path: str,
        *,
        again: bool,
        query: Mapping[str, str | int | None] | None = None,
        **more: Any,
    ) -> httpx.Response:
        def once() -> httpx.Response:
            with self._explained():
                answer = self._http.request(
                    method, self.url + API + path, params=_given(query or {}), **more
                )
            if not answer.is_success:
                raise self._refusal(answer)
            return answer

        return patiently(once, again=again)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn what goes wrong on the way into one line."""
        try:
            yield
        except httpx.TimeoutException as error:
            text = f"{self.url} did not answer within {self.timeout:g} seconds"
            raise NoConnection(text) from error
        except httpx.ConnectError as error:
            text = f"cannot connect to {self.url}: {_reason(error)}; is nas serve running there?"
            raise NoConnection(text) from error
        except httpx.HTTPError as error:
            text = f"the connection to {self.url} broke: {_reason(error)}"
            broken = NoConnection(text)
            if isinstance(error, BROKEN):
                broken.retry_after = 0.0
            raise broken from error
        except httpx.InvalidURL as error:
            raise ClientError(f"url {self.url}: {error}", field="url", value=self.url) from error

    def _refusal(self, answer: httpx.Response) -> ClientError:
        """Return the error that an answer tells of."""
        kind = answer.headers.get("content-type", "").partition(";")[0]
        if kind == "application/problem+json":
            refusal = from_problem(answer.status_code, answer.json())
        else:
            shown = f"status {answer.status_code}, {kind or 'no content'}"
            text = f"{self.url} does not answer as this service does: {shown}"
            refusal = ClientError(text, status=answer.status_code, field="url", value=self.url)
        if answer.status_code in (BUSY, TOO_OFTEN):
            refusal.retry_after = _asked_pause(answer)
        return refusal


def patiently(action: Callable[[], T], *, again: bool = True) -> T:
    """Do something again after a pause where the service is busy or breaks off.

    ``again`` says that it may be done twice; otherwise only what the service did not take up is.
    """
    for pause in PAUSES:
        try:
            return action()
        except ClientError as error:
            if error.retry_after is None or not (again or error.status == TOO_OFTEN):
                raise
            time.sleep(max(pause, error.retry_after))
    return action()


def _opened(file: Path) -> BinaryIO:
    try:
        return file.open("rb")
    except OSError as error:
        text = f"{file}: {_reason(error)}"
        raise ClientError(text, field="file", value=str(file)) from error


def _pieces(
    source: BinaryIO, length: int, progress: Callable[[int, int], None] | None
) -> Iterator[bytes]:
    """Yield a file in pieces, and tell how much of it has been sent."""
    sent = 0
    while content := source.read(PIECE):
        yield content
        sent += len(content)
        if progress is not None:
            progress(sent, length)


def _json(answer: httpx.Response) -> Any:
    try:
        return answer.json() if answer.content else None
    except ValueError as error:
        kind = answer.headers.get("content-type", "")
        text = f"{answer.url} does not answer as this service does: {kind or 'no JSON'}"
        raise ClientError(text, status=answer.status_code, field="url") from error


def _given(query: Mapping[str, str | int | None]) -> dict[str, str | int]:
    return {name: value for name, value in query.items() if value is not None}


def _asked_pause(answer: httpx.Response) -> float:
    asked = answer.headers.get("retry-after", "")
    return min(float(asked), LONGEST_PAUSE) if asked.isdecimal() else 0.0


def _reason(error: Exception) -> str:
    """Return what went wrong, without the number that the system gives it."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text.partition("] ")[2] or text
