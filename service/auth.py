"""The access token: made once, compared in constant time, kept from everyone but its owner."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from typing import TYPE_CHECKING

from service.errors import UserError
from service.settings import prepare_home

if TYPE_CHECKING:
    from pathlib import Path

    from service.settings import Settings

COOKIE_DAYS = 30


def token_of(settings: Settings) -> str:
    """Return the token: of $NAS_TOKEN, else of HOME/token, which the first start makes.

    The file is readable by its owner alone. Raises UserError where it cannot be read or made.
    """
    if settings.token is not None:
        return settings.token.get_secret_value()
    prepare_home(settings)
    path = settings.home / "token"
    try:
        return _kept(path) or _made(path)
    except OSError as error:
        raise UserError(
            f"the token file {path} cannot be used: {error.strerror}", field="token"
        ) from error


class Keyring:
    """What the API knows of the token: its digest, and that of the cookie derived from it."""

    def __init__(self, token: str, port: int) -> None:
        """Derive the cookie: who steals one cannot sign in elsewhere, and a new token ends all."""
        self.cookie_name = f"nas_session_{port}"  # browsers share cookies between ports
        self.cookie_value = hashlib.sha256(b"nasturtium session\0" + token.encode()).hexdigest()
        self._token, self._cookie = _digest(token), _digest(self.cookie_value)
        self._secret = hashlib.sha256(b"nasturtium sessions of scopes\0" + token.encode()).digest()

    def accepts_token(self, text: str) -> bool:
        """Say whether ``text`` is the token; takes the same time for any wrong one."""
        return secrets.compare_digest(_digest(text), self._token)

    def accepts_cookie(self, text: str) -> bool:
        """Say whether ``text`` is the value of our cookie."""
        return secrets.compare_digest(_digest(text), self._cookie)

    def seal(self, digest: str) -> str:
        """Return what the cookie of a token with a scope ends with, from the token's digest.

        The database alone does not tell it: the token of the first start is needed too.
        """
        return hmac.new(self._secret, digest.encode(), hashlib.sha256).hexdigest()


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()


def _kept(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""


def _made(path: Path) -> str:
    token = f"nas_{secrets.token_hex(4)}_{secrets.token_urlsafe(32)}"
    draft = path.with_name(f".token-{os.getpid()}-{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(token + "\n")
    try:
        os.link(draft, path)  # whoever is first makes it; everyone reads the same
    except FileExistsError:
        if not _kept(path):
            draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return _kept(path)
