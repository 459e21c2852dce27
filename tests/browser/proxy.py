"""A reverse proxy that serves a service below a prefix, as nginx or a notebook server does.

It can hold the event stream back, as a busy machine does.
"""

from __future__ import annotations

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DROPPED = {"connection", "keep-alive", "transfer-encoding"}


class Proxy:
    """Listens on ``port`` and hands PREFIX/x on to /x of the service at ``target``."""

    def __init__(self, prefix: str, target: int) -> None:
        """Start it. While ``stream`` is cleared, requests for events wait."""
        self.stream = threading.Event()
        self.stream.set()
        handler = _handler(prefix, target, self.stream)
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        self._server, self.port = server, server.server_address[1]
        self._thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        self._thread.start()

    def close(self) -> None:
        """Stop it."""
        self.stream.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(prefix: str, target: int, stream: threading.Event) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _forward(self) -> None:
            if not self.path.startswith(prefix + "/"):
                self.send_error(404)
                return
            if "/events" in self.path:
                stream.wait()
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            upstream = http.client.HTTPConnection("127.0.0.1", target)
            try:
                path = self.path.removeprefix(prefix)
                upstream.request(self.command, path, body, dict(self.headers))
                answer = upstream.getresponse()
                self.send_response_only(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in DROPPED:
                        self.send_header(name, value)
                self.end_headers()
                while chunk := answer.read1(65536):
                    self.wfile.write(chunk)
            except OSError:
                self.close_connection = True  # one side has gone: streams end like this
            finally:
                upstream.close()

        do_GET = _forward
        do_POST = _forward

        def log_message(self, format: str, *args: object) -> None:
            del format, args

    return Handler
