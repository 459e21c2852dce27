"""The model card: what an exported network is, where it comes from, and how good it is.

``card.json`` is complete: the network can be rebuilt from it and the weights. ``README.md`` says
the same to a person.
"""

from __future__ import annotations

import json
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from nas.export import ExportError
from nas.export.facts import Card
from searchspaces import Task
from searchspaces.arch import Arch
from searchspaces.scale import Scale

if TYPE_CHECKING:
    from pathlib import Path

    from nas.export import Subject

FORMAT = 1  # of card.json; a reader refuses a higher one
DATA, TEXT = "card.json", "README.md"
FIRST = ("test_accuracy", "selection_accuracy", "params", "madds", "epochs")
LONGEST = 500  # characters of data that the text repeats


def write_card(folder: Path, subject: Subject) -> None:
    """Write ``card.json`` and ``README.md``."""
    data = {
        "format": FORMAT,
        "card": subject.card.model_dump(mode="json"),
        "architecture": subject.arch.to_json(),
        "key": subject.arch.key(),
        "task": {name: getattr(subject.task, name) for name in Task.__slots__},
        "scale": subject.scale.model_dump(mode="json"),
        "versions": versions(),
    }
    text = json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False)
    (folder / DATA).write_text(text + "\n", encoding="utf-8", errors="backslashreplace")
    (folder / TEXT).write_text(readme(subject), encoding="utf-8", errors="backslashreplace")


def read_card(folder: Path) -> tuple[Card, Arch, Task, Scale]:
    """Return what ``card.json`` in a folder says; raise ExportError where it is none."""
    try:
        data = json.loads((folder / DATA).read_text(encoding="utf-8"))
        if data["format"] > FORMAT:
            raise ExportError(f"{DATA} has format {data['format']}, this version reads {FORMAT}")
        task = Task(**data["task"])
        scale = Scale.model_validate(data["scale"])
        return Card.of(data["card"], task), Arch.from_json(data["architecture"]), task, scale
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


def readme(subject: Subject) -> str:
    """Return the card as Markdown."""
    card, task = subject.card, subject.task
    images = f"{task.channels} x {task.height} x {task.width}"
    lines = [
        f"# {_plain(card.title)}",
        "",
        f"An image classifier with {task.classes} classes for images of {images} pixels. Its "
        f"architecture (`{subject.arch.key()}`, space `{subject.arch.space}`) was found by a "
        "search with Nasturtium.",
        "",
        *_table("Measured", _in_order(card.metrics)),
        "The test images were looked at once, after the last epoch of the final training. The "
        "selection images chose the architecture, so the selection accuracy flatters it."
        if "test_accuracy" in card.metrics
        else "No accuracy on test images was measured.",
        "",
        "## How to use it",
        "",
        "`model.py` needs torch and nothing else.",
        "",
        "```python",
        "import torch, model",
        "",
        "network = model.load()  # reads weights.safetensors beside model.py",
        f"images = torch.randint(256, (4, {images.replace(' x', ',')}), dtype=torch.uint8)",
        "logits = network(model.preprocess(images))",
        "print([model.CLASSES[i] for i in logits.argmax(1)])",
        "```",
        "",
        f"Classes, in the order of the logits: {', '.join(_plain(c) for c in card.classes)}.",
        "",
        *_cells(subject),
        *_table("Where it comes from", card.search),
        *_table("Data", card.data),
        *_table("Final training", card.training),
        *_table("Versions", versions()),
        "## Licence",
        "",
        "The code in `model.py` comes from Nasturtium and is under the Apache License 2.0. The "
        "weights belong to whoever trained them; the terms of the training images apply to them.",
    ]
    return "\n".join(lines) + "\n"


def _cells(subject: Subject) -> list[str]:
    lines = ["## The cells", ""]
    for cell in subject.arch.cells:
        lines += [f"![The {cell.name} cell]({drawing(cell.name)})", ""]
    return lines


def drawing(cell: str) -> str:
    """Return the name of the file with the drawing of a cell."""
    return f"cell-{cell}.svg"


def _table(title: str, values: dict[str, Any]) -> list[str]:
    if not values:
        return []
    rows = [f"| {_plain(str(name))} | {_value(value)} |" for name, value in values.items()]
    return [f"## {title}", "", "| | |", "|---|---|", *rows, ""]


def _in_order(metrics: dict[str, float]) -> dict[str, float]:
    """Return the metrics with what a reader looks for first in front."""
    return {name: metrics[name] for name in FIRST if name in metrics} | metrics


def _value(value: object) -> str:
    if isinstance(value, dict | list | tuple):
        text = json.dumps(value, ensure_ascii=False).replace("`", "'").replace("|", "\\|")
        return f"`{text}`" if len(text) <= LONGEST else f"in `{DATA}`"
    if isinstance(value, float):
        return f"{value:,.0f}" if value.is_integer() and abs(value) >= 10 else f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else _plain(str(value))


def _plain(text: str) -> str:
    """Escape what Markdown would read as more than text."""
    return "".join(f"\\{c}" if c in "\\`*_[]<>|#" else c for c in text)
