"""A search like another: its description with some fields changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from nas.spec import SearchSpec
from service import searches
from service.searchrows import SearchRows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service import idempotency
    from service.db import Database

# A part under another name is taken whole: the options of the old one are not those of the new.
NAMES = {"space": "name", "controller": "name", "evaluator": "name", "data": "source"}
LONGEST_NAME = 100


def clone(
    database: Database,
    search_id: str,
    changes: Mapping[str, Any],
    key: idempotency.Key | None = None,
) -> str:
    """Keep a search like another; return its id. The same ``key`` again gives the same one.

    Raises what :func:`described` and :func:`service.searches.create` raise.
    """
    request = searches.repeatable(key, ["clone", search_id, changes])
    return searches.make(database, request, lambda: described(database, search_id, changes))


def described(database: Database, search_id: str, changes: Mapping[str, Any]) -> SearchSpec:
    """Return the description of a search with ``changes`` on top.

    Raises NotFound if there is no such search, pydantic's ValidationError where the result is no
    description. Its seed stays: the same trials again, unless it or anything else is changed.
    """
    with database.read() as connection:
        row = SearchRows(connection, search_id).search()
    spec = {**row.spec, "name": f"{row.name} again"[:LONGEST_NAME]}
    return SearchSpec.model_validate_json(json.dumps(changed(spec, changes)), strict=True)


def changed(spec: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``spec`` with the fields of ``changes``: objects field by field, all else whole."""
    result = dict(spec)
    for field, value in changes.items():
        before = result.get(field)
        name = NAMES.get(field)
        if name is not None and isinstance(before, dict):
            wanted = value.get(name, before[name]) if isinstance(value, dict) else value
            if isinstance(value, str) and wanted == before[name]:
                continue
            if wanted != before[name]:
                result[field] = value
                continue
        result[field] = _merged(before, value)
    return result


def _merged(before: Any, value: Any) -> Any:
    if not (isinstance(before, dict) and isinstance(value, dict)):
        return value
    return before | {key: _merged(before.get(key), one) for key, one in value.items()}
