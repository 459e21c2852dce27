"""What a user did wrong, as one clear line with the field, the value and what is allowed."""

from __future__ import annotations

from typing import Any


class UserError(ValueError):
    """An error that the user can put right; ``str`` is one line that says how."""

    def __init__(
        self,
        message: str,
        *,
        field: str = "",
        value: Any = None,
        allowed: Any = None,
    ) -> None:
        """Keep the parts beside the message, for the API's answer."""
        super().__init__(message)
        self.field, self.value, self.allowed = field, value, allowed


class NotFound(UserError):
    """There is nothing of that name or number."""


class Conflict(UserError):
    """The thing exists but is in a state that does not allow this."""


class TooLarge(UserError):
    """It is larger than what is allowed here."""


class StorageError(RuntimeError):
    """The database cannot take a write now: busy, full or read-only. Nothing was changed."""

    def __init__(self, message: str, *, full: bool = False) -> None:
        """``full`` says that there is no space left, rather than that it may work soon."""
        super().__init__(message)
        self.full = full
