"""Opaque cursors of pages: where the last page ended, as text that only we read."""

from __future__ import annotations

import base64
import binascii
import json
import math
from typing import Any

from service.errors import UserError

LONGEST = 500


def pack(*values: Any) -> str:
    """Return a cursor of JSON values."""
    text = json.dumps(values, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def unpack(cursor: str, *kinds: type | tuple[type, ...]) -> list[Any]:
    """Return the values of a cursor, of the kinds given; raise UserError if it is not ours."""
    try:
        if len(cursor) > LONGEST:
            raise ValueError("too long")
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        values = json.loads(raw)
        if not isinstance(values, list) or len(values) != len(kinds):
            raise ValueError("other values")
        if not all(_fits(value, kind) for value, kind in zip(values, kinds, strict=True)):
            raise ValueError("other kinds")
    except (ValueError, binascii.Error, RecursionError) as error:
        raise UserError(
            "after is not a cursor of this list: take it from the answer's next",
            field="after",
            value=cursor[:100],
            allowed="the next of an answer of this list",
        ) from error
    return values


def _fits(value: Any, kind: type | tuple[type, ...]) -> bool:
    if isinstance(value, bool) or not isinstance(value, kind):
        return False
    if isinstance(value, str):
        value.encode()  # raises ValueError where it is no text that SQLite could look for
    if isinstance(value, float):
        return math.isfinite(value)
    return not isinstance(value, int) or abs(value) < 2**63
