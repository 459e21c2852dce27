"""Checks the description of a search before it is kept: names, options, and its data."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from nas.catalog import REGISTRIES
from nas.data import DataError, describe
from nas.data.sizing import sized
from nas.spec import Part, SearchSpec
from searchspaces import SpaceError
from searchspaces.registry import RegistryError
from service.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

    from nas.data import DataSpec


def complete(spec: SearchSpec, data_root: Path) -> SearchSpec:
    """Return the spec with all options filled in; raise UserError that names the wrong field."""
    space = _part("space", spec.space)
    controller = _part("controller", spec.controller)
    evaluator = _part("evaluator", spec.evaluator)
    _known("executor", spec.execution.executor, "execution.executor")
    measure = REGISTRIES["evaluator"].get(evaluator.name)
    try:
        measure.check_space(REGISTRIES["space"].create(space.name, space.options))
    except (RegistryError, SpaceError) as error:
        raise UserError(str(error), field="evaluator.name", value=evaluator.name) from error
    data = _data(spec, data_root) if measure.needs_data else None
    return spec.model_copy(
        update={"space": space, "controller": controller, "evaluator": evaluator, "data": data}
    )


def stored(data: dict[str, Any]) -> SearchSpec:
    """Return a spec as it was kept; raise UserError where this version cannot read it."""
    try:
        return SearchSpec.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        text = f"the search was made by another version of Nasturtium: {field}: {first['msg']}"
        raise UserError(text, field=field, value=first["input"]) from error


def digest(spec: SearchSpec) -> str:
    """Return the SHA-256 of a spec, the same for equal specs."""
    text = json.dumps(spec.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _data(spec: SearchSpec, data_root: Path) -> DataSpec:
    if spec.data is None:
        raise UserError(f"evaluator {spec.evaluator.name!r} needs data", field="data")
    data = spec.data.resolved()
    try:
        wanted = sized(data, describe(data, data_root), spec.execution.gpus_per_trial)
        if wanted != data:
            data = wanted
            describe(data, data_root)
    except DataError as error:
        raise UserError(str(error), field=f"data.{error.field}", value=data.source) from error
    return data


def _part(field: str, part: Part) -> Part:
    _known(field, part.name, f"{field}.name")
    try:
        options = REGISTRIES[field].check(part.name, part.options)
    except RegistryError as error:
        path = f"{field}.options.{error.field}".rstrip(".")
        raise UserError(str(error), field=path, allowed=list(error.known) or None) from error
    return Part(name=part.name, options=options)


def _known(registry: str, name: str, field: str) -> None:
    try:
        REGISTRIES[registry].get(name)
    except RegistryError as error:
        raise UserError(str(error), field=field, value=name, allowed=list(error.known)) from error
