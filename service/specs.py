"""Checks the description of a search before it is kept: names, options, and its data."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from nas.catalog import REGISTRIES
from nas.data import DataError, describe
from nas.data.sizing import sized
from nas.spec import SearchSpec
from searchspaces.registry import RegistryError
from service.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nas.data import DataSpec

    Look = Callable[[DataSpec, Path], dict[str, Any]]


def complete(spec: SearchSpec, data_root: Path, look: Look = describe) -> SearchSpec:
    """Return the spec with all options filled in; raise UserError that names the wrong field.

    ``look`` tells of the images what :func:`nas.data.describe` does.
    """
    try:
        checked = spec.checked()
    except RegistryError as error:
        value = _value(spec, error.field)
        allowed = list(error.known) or None
        raise UserError(str(error), field=error.field, value=value, allowed=allowed) from error
    if checked.data is None:
        return checked
    return checked.model_copy(update={"data": _sized(checked, checked.data, data_root, look)})


def stored(data: dict[str, Any]) -> SearchSpec:
    """Return a spec as it was kept; raise UserError where this version cannot read it."""
    try:
        return SearchSpec.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        text = f"the search was made by another version of Nasturtium: {field}: {first['msg']}"
        raise UserError(text, field=field, value=first["input"]) from error


def check_workers(executor: str, workers: int, field: str) -> None:
    """Raise UserError at a field where an executor has no room for so many workers."""
    most = REGISTRIES["executor"].get(executor).most_workers()
    if workers > most:
        text = f"{field} is {workers}, but executor {executor!r} has room for {most} here"
        raise UserError(text, field=field, value=workers, allowed=f"1 to {most}")


def digest(spec: SearchSpec) -> str:
    """Return the SHA-256 of a spec, the same for equal specs."""
    text = json.dumps(spec.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _sized(spec: SearchSpec, data: DataSpec, data_root: Path, look: Look) -> DataSpec:
    """Return the data with absolute paths and the number of images; raise UserError."""
    data = data.resolved()
    try:
        wanted = sized(data, look(data, data_root), spec.execution.gpus_per_trial)
        if wanted != data:
            data = wanted
            look(data, data_root)
    except DataError as error:
        raise UserError(str(error), field=f"data.{error.field}", value=data.source) from error
    return data


def _value(spec: SearchSpec, path: str) -> Any:
    """Return what stands at a dotted path of a spec, None where nothing does."""
    found: Any = spec.model_dump(mode="json")
    for step in path.split("."):
        if isinstance(found, dict):
            found = found.get(step)
        elif isinstance(found, list) and step.isdecimal() and int(step) < len(found):
            found = found[int(step)]
        else:
            return None
    return found
