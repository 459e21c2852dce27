"""Where the service is, and the token that it asks for."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from nas.client.errors import ClientError

SCHEMES = ("http", "https")


@dataclass(frozen=True, slots=True)
class Address:
    """The root of a service, with what stands before its paths; ``token`` may come with a link."""

    url: str
    host: str
    token: str | None = None

    @property
    def loopback(self) -> bool:
        """Say whether it is this machine."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def read_address(text: str) -> Address:
    """Return the address in a text: http://127.0.0.1:8000, or the link that nas serve prints.

    Raises ClientError where it is none.
    """
    try:
        parts = urlsplit(text.strip())
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if parts.scheme not in SCHEMES or not host:
        raise ClientError(
            f"url is {text!r}, allowed are http://HOST:PORT and https://HOST",
            field="url",
            value=text,
            allowed="http://HOST:PORT, https://HOST",
        )
    given = parse_qs(parts.fragment).get("token", [])
    url = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}"
    return Address(url, host, given[0] if given else None)


def find_token(address: Address, given: str | None, home: Path | str | None = None) -> str:
    """Return the token: as given, of the link, of $NAS_TOKEN, or the file HOME/token.

    The file is the token of the service on this machine, so it is sent to this machine only.
    ``home`` is $NAS_HOME, else ./nasturtium-home. Raises ClientError where there is none.
    """
    found = given or address.token or os.environ.get("NAS_TOKEN")
    if found:
        return found.strip()
    if not address.loopback:
        raise _none(f"no token for {address.url}: give token=... or set NAS_TOKEN")
    file = Path(home or os.environ.get("NAS_HOME") or "nasturtium-home").expanduser() / "token"
    try:
        found = file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise _none(
            f"no token: {file.absolute()}: {error.strerror}; give token=..., or set NAS_TOKEN, or "
            "NAS_HOME to the folder of the service"
        ) from error
    if not found:
        raise _none(f"no token: {file.absolute()} is empty")
    return found


def _none(text: str) -> ClientError:
    return ClientError(text, field="token", allowed="token=, NAS_TOKEN or NAS_HOME/token")
