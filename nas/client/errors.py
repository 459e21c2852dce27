"""What goes wrong between a client and the service, as one clear line with its parts."""

from __future__ import annotations

from typing import Any


class ClientError(Exception):
    """The service refused something or did not answer; ``str`` is one line that says why.

    ``status`` is that of HTTP, 0 where there was no answer. ``field``, ``value`` and ``allowed``
    are what the service names, ``errors`` has all wrong fields with a message each. ``retry_after``
    is not None where the same request may work after so many seconds.
    """

    retry_after: float | None = None

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        field: str = "",
        value: Any = None,
        allowed: Any = None,
        errors: list[dict[str, str]] | None = None,
    ) -> None:
        """Keep the parts beside the message."""
        super().__init__(message)
        self.status, self.field, self.value, self.allowed = status, field, value, allowed
        self.errors = errors or []


class NoConnection(ClientError):
    """The connection could not be made, or broke; the same request may work later."""


def from_problem(status: int, problem: dict[str, Any]) -> ClientError:
    """Return the error that a problem+json document tells of."""
    text = str(problem.get("detail") or problem.get("title") or f"status {status}")
    allowed = problem.get("allowed")
    shown = ", ".join(map(str, allowed)) if isinstance(allowed, list) else allowed
    if shown and not any(word in text for word in ("allowed", "known", "should", str(shown))):
        text += f" (allowed: {shown})"
    return ClientError(
        " ".join(text.split()),
        status=status,
        field=str(problem.get("field") or ""),
        value=problem.get("value"),
        allowed=allowed,
        errors=problem.get("errors"),
    )
