"""What can be searched, how, with what and where: all registries as one JSON document."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NotRequired

from typing_extensions import TypedDict

from nas.catalog import REGISTRIES
from nas.data import BUILT_IN, DataError, DataSpec, describe
from nas.export.catalog import EXPORTERS
from nas.spec import SearchSpec
from searchspaces.registry import first_line

if TYPE_CHECKING:
    from pathlib import Path


class Entry(TypedDict):
    """Something registered; ``schema`` describes its options.

    ``size`` is the number of architectures of a space, as text because it may have fifty digits.
    ``needs_data`` is of evaluators, and so is ``measures``: the metrics that an objective can name,
    none where any may come.
    """

    name: str
    summary: str
    schema: dict[str, Any]
    size: NotRequired[str]
    needs_data: NotRequired[bool]
    measures: NotRequired[list[str]]


class Dataset(TypedDict):
    """A built-in or registered data set."""

    name: str
    summary: str


class FormatEntry(TypedDict):
    """An export format. A ``lossy`` one changes the weights; ``missing`` says what to install."""

    name: str
    summary: str
    file: str
    lossy: bool
    missing: str


class Catalog(TypedDict):
    """All names and options, the default search, and the JSON schema of a search."""

    spaces: list[Entry]
    controllers: list[Entry]
    evaluators: list[Entry]
    executors: list[Entry]
    datasets: list[Dataset]
    formats: list[FormatEntry]
    defaults: dict[str, Any]
    spec_schema: dict[str, Any]


@lru_cache(maxsize=4)
def catalog(data_root: Path) -> Catalog:
    """Return the catalog; takes some seconds the first time, when everything is imported."""
    spaces = _entries("space")
    for entry in spaces:
        size = _size(entry["name"])
        if size is not None:
            entry["size"] = size
    evaluators = _entries("evaluator")
    for entry in evaluators:
        cls = REGISTRIES["evaluator"].get(entry["name"])
        entry["needs_data"], entry["measures"] = cls.needs_data, list(cls.measures)
    return {
        "spaces": spaces,
        "controllers": _entries("controller"),
        "evaluators": evaluators,
        "executors": _entries("executor"),
        "datasets": [{"name": name, "summary": _images(name, data_root)} for name in BUILT_IN],
        "formats": [
            {
                "name": name,
                "summary": first_line(cls),
                "file": cls.file,
                "lossy": cls.lossy,
                "missing": cls.missing(),
            }
            for name, cls in EXPORTERS.classes().items()
        ],
        "defaults": SearchSpec().checked().model_dump(mode="json"),
        "spec_schema": _spec_schema(),
    }


def _spec_schema() -> dict[str, Any]:
    """Return the schema of a search, without what only the service fills in."""
    schema = SearchSpec.model_json_schema()
    del schema["$defs"]["DataSpec"]["properties"]["path"]
    return schema


def _entries(field: str) -> list[Entry]:
    registry = REGISTRIES[field]
    return [
        {"name": name, "summary": first_line(cls), "schema": registry.schema(name)}
        for name, cls in registry.classes().items()
    ]


def _size(space: str) -> str | None:
    try:
        return str(REGISTRIES["space"].create(space).size)
    except (TypeError, ValueError):  # a plugin's space without usable defaults
        return None


def _images(name: str, data_root: Path) -> str:
    try:
        found = describe(DataSpec(source=name), data_root)
    except DataError as error:
        return str(error)
    count = found["train"] + found["selection"] + found["test"]
    kind = "grey" if found["channels"] == 1 else "colour"
    text = (
        f"{count:,} {kind} images of {found['height']}x{found['width']}, "
        f"{len(found['classes'])} classes"
    )
    return text if found["downloaded"] else f"{text}; downloaded on first use"
