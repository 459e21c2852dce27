"""The model card: what an exported network is, where it comes from, and how good it is.

``card.json`` is complete: the network can be rebuilt from it and the weights. ``README.md`` says
the same to a person.
"""

from __future__ import annotations

import json
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, NamedTuple

from nas.export import ExportError
from nas.export.facts import Card, Format
from nas.export.readme import DATA, TEXT, readme
from searchspaces import Task
from searchspaces.arch import Arch
from searchspaces.scale import Scale

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from nas.export import Subject

FORMAT = 2  # of card.json; a reader refuses a higher one. 2: hand-built networks, formats
BEFORE = (("safetensors", "weights.safetensors"), ("source", "model.py"))  # all that 1 had


class Content(NamedTuple):
    """What a ``card.json`` says; ``arch`` and ``scale`` are None for a hand-built network."""

    card: Card
    arch: Arch | None
    task: Task
    scale: Scale | None
    formats: tuple[Format, ...]


def write_card(folder: Path, subject: Subject, formats: Sequence[Format] = ()) -> None:
    """Write ``card.json`` and ``README.md``."""
    arch, scale = subject.arch, subject.scale
    data = {
        "format": FORMAT,
        "card": subject.card.model_dump(mode="json"),
        "architecture": arch and arch.to_json(),
        "key": arch and arch.key(),
        "task": {name: getattr(subject.task, name) for name in Task.__slots__},
        "scale": scale and scale.model_dump(mode="json"),
        "formats": [one.model_dump(mode="json") for one in formats],
        "versions": versions(),
    }
    text = json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False)
    (folder / DATA).write_text(text + "\n", encoding="utf-8", errors="backslashreplace")
    sizes = {path.name: path.stat().st_size for path in folder.iterdir()}
    page = readme(subject, formats, sizes, versions())
    (folder / TEXT).write_text(page, encoding="utf-8", errors="backslashreplace")


def read_card(folder: Path) -> Content:
    """Return what ``card.json`` in a folder says; raise ExportError where it is none."""
    try:
        data = json.loads((folder / DATA).read_text(encoding="utf-8"))
        if data["format"] > FORMAT:
            raise ExportError(f"{DATA} has format {data['format']}, this version reads {FORMAT}")
        task, tree, size = Task(**data["task"]), data["architecture"], data["scale"]
        old = [{"name": name, "file": file, "tolerance": 1e-5} for name, file in BEFORE]
        return Content(
            Card.of(data["card"], task),
            None if tree is None else Arch.from_json(tree),
            task,
            None if size is None else Scale.model_validate(size),
            tuple(Format.model_validate(one) for one in data.get("formats", old)),
        )
    except (OSError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, ExportError):
            raise
        raise ExportError(f"{folder / DATA} is not a model card: {error}") from error


def versions() -> dict[str, str]:
    """Return the versions of Python, torch and this project that made the files."""
    found = {"python": platform.python_version()}
    for package in ("torch", "nasturtium"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "unknown"
    return found
