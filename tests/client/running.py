"""A real API on a free port, in a thread of the test, and a proxy that does it harm on demand."""

from __future__ import annotations

import contextlib
import http.client
import threading
import time
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import uvicorn

from service.api import Server
from service.app import create_app
from service.listening import listen

if TYPE_CHECKING:
    from service.settings import Settings

HOP = {"connection", "keep-alive", "transfer-encoding"}


class Running:
    """The app as uvicorn serves it."""

    def __init__(self, settings: Settings) -> None:
        """Start it and wait until it answers."""
        listener = listen("127.0.0.1", 0)
        self.port = listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.app = create_app(settings)
        config = uvicorn.Config(self.app, ws="none", log_level="warning", access_log=False)
        self.server = Server(config, self.app.state.broadcaster)
        self.thread = threading.Thread(target=self.server.run, args=([listener],))
        self.thread.start()
        while not self.server.started:
            assert self.thread.is_alive()
            time.sleep(0.02)

    def close(self) -> None:
        """Stop it: streams first."""
        self.app.state.broadcaster.close()
        self.server.should_exit = True
        self.thread.join(20)
        assert not self.thread.is_alive()


class Harm:
    """Hands requests on to a service; what stands in ``faults`` happens to the next ones.

    ``busy``: a 503 instead, ``often``: a 429. ``lost``: the service does it, but the answer is
    lost. ``cut``: the body breaks off after 1,000 bytes. ``damage``: its last byte is another.
    ``moved``: a redirect. ``page``: something else answers. ``late``: two seconds pass first.
    """

    def __init__(self, port: int) -> None:
        """Start it in front of a port."""
        self.faults: deque[str] = deque()
        self.seen: list[str] = []
        self.target = port
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()

    def close(self) -> None:
        """Stop it."""
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def _handler(harm: Harm) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _forward(self) -> None:
            self.close_connection = True
            fault = harm.faults.popleft() if harm.faults else ""
            harm.seen.append(f"{self.command} {self.path}")
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            if fault == "busy":
                problem = b'{"status": 503, "detail": "the database is busy"}'
                self._answer(503, "application/problem+json", problem)
            elif fault == "often":
                problem = b'{"status": 429, "detail": "more than 100 requests a second"}'
                self._answer(429, "application/problem+json", problem)
            elif fault == "moved":
                self._answer(302, "text/plain", b"", Location="http://127.0.0.1:1/")
            elif fault == "page":
                self._answer(404, "text/html", b"<h1>nothing here</h1>")
            else:
                if fault == "late":
                    time.sleep(2)
                with contextlib.suppress(OSError):
                    self._pass_on(fault, body)

        def _pass_on(self, fault: str, body: bytes) -> None:
            upstream = http.client.HTTPConnection("127.0.0.1", harm.target)
            with contextlib.closing(upstream):
                upstream.request(self.command, self.path, body, dict(self.headers))
                answer = upstream.getresponse()
                if fault == "lost":
                    return
                self.send_response_only(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in HOP:
                        self.send_header(name, value)
                self.end_headers()
                self._pour(fault, answer)

        def _pour(self, fault: str, answer: http.client.HTTPResponse) -> None:
            left = 1000
            while chunk := answer.read1(min(left, 65536) if fault == "cut" else 65536):
                if fault == "damage":
                    chunk = chunk[:-1] + bytes([chunk[-1] ^ 1])
                self.wfile.write(chunk)
                left -= len(chunk)
                if fault == "cut" and left <= 0:
                    return

        def _answer(self, status: int, kind: str, body: bytes, **headers: str) -> None:
            self.send_response_only(status)
            for name, value in {"Content-Type": kind, **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PATCH = do_DELETE = _forward

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    return Handler
