"""Where the service listens: the socket, and the address that a person types."""

from __future__ import annotations

import errno
import socket
from typing import TYPE_CHECKING

from service.errors import UserError

if TYPE_CHECKING:
    from service.settings import Settings

SOCKET_VARIABLE = "NAS_SOCKET"  # the number of the open socket that a parent hands to the API


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens there; raise UserError if it cannot."""
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(address[:2], family=family, backlog=512)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            text = f"port {port} on {host} is in use by another program; choose another: NAS_PORT"
            raise UserError(text, field="port", value=port) from error
        why = error.strerror or str(error)
        text = f"cannot listen on {host}, port {port}: {why}"
        raise UserError(text, field="host", value=host) from error


def address_of(settings: Settings) -> str:
    """Return the address of the page, for a browser on this machine."""
    host = "127.0.0.1" if settings.host in {"0.0.0.0", "::"} else settings.host
    if ":" in host:
        host = f"[{host}]"
    return f"http://{host}:{settings.port}{settings.root_path}/"
