"""The model card as a page for people: what the network is, how good, how to use each file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nas.export import Subject
    from nas.export.facts import Format

DATA, TEXT = "card.json", "README.md"
FIRST = ("test_accuracy", "selection_accuracy", "params", "madds", "epochs")
LONGEST = 500  # characters of data that the text repeats


def readme(
    subject: Subject,
    formats: Sequence[Format],
    sizes: Mapping[str, int],
    versions: Mapping[str, str],
) -> str:
    """Return the card as Markdown; ``sizes`` are the bytes of the files of the folder."""
    card, task = subject.card, subject.task
    images = f"{task.channels} x {task.height} x {task.width}"
    lines = [
        f"# {_plain(card.title)}",
        "",
        f"An image classifier with {task.classes} classes for images of {images} pixels. "
        f"{_origin(subject)}",
        "",
        *_table("Measured", _in_order(card.metrics)),
        _tested(card.metrics),
        "",
        "## How to use it",
        "",
        *_usage(subject, formats),
        f"Images: pixels divided by 255, minus {_numbers(card.mean)}, divided by "
        f"{_numbers(card.std)}, as (batch, channels, height, width).",
        "",
        f"Classes, in the order of the logits: {', '.join(_plain(c) for c in card.classes)}.",
        "",
        *_files(formats, sizes),
        *_cells(subject),
        *_table("Where it comes from", card.search),
        *_table("Data", card.data),
        *_table("Final training", card.training),
        *_table("Versions", versions),
        "## Licence",
        "",
        "Code in these files comes from Nasturtium and is under the Apache License 2.0. The "
        "weights belong to whoever trained them; the terms of the training images apply to them.",
    ]
    return "\n".join(lines) + "\n"


def drawing(cell: str) -> str:
    """Return the name of the file with the drawing of a cell."""
    return f"cell-{cell}.svg"


def _origin(subject: Subject) -> str:
    if subject.card.zoo is not None:
        return f"Its architecture is `{subject.card.zoo}` of Nasturtium's zoo."
    if subject.arch is None:
        return ""
    space = subject.arch.space
    return (
        f"Its architecture (`{subject.arch.key()}`, space `{space}`) was found by a search with "
        "Nasturtium."
    )


def _tested(metrics: Mapping[str, float]) -> str:
    if "test_accuracy" not in metrics:
        return "No accuracy on test images was measured."
    return (
        "The test images were looked at once, after the last epoch of the final training. The "
        "selection images chose the architecture, so the selection accuracy flatters it."
    )


def _usage(subject: Subject, formats: Sequence[Format]) -> list[str]:
    from nas.export.catalog import EXPORTERS

    task, known = subject.task, EXPORTERS.names()
    sizes = {"channels": task.channels, "height": task.height, "width": task.width}
    lines = []
    for one in formats:
        if one.name not in known:
            continue
        exporter = EXPORTERS.create(one.name)
        text = exporter.usage()
        for field, value in sizes.items():
            text = text.replace("{" + field + "}", str(value))
        lines += [line for part in (text, exporter.remark(subject)) if part for line in (part, "")]
    return lines


def _files(formats: Sequence[Format], sizes: Mapping[str, int]) -> list[str]:
    if not formats:
        return []
    rows = [
        f"| `{one.file}` | {one.name} | {sizes.get(one.file, 0):,} | {one.tolerance:g} | "
        f"{one.agreement.text() if one.agreement else 'nothing'} |"
        for one in formats
    ]
    return [
        "## Files",
        "",
        "Each file was loaded back and run on batches of 1 and 7 images before it was handed out.",
        "",
        "| file | format | bytes | logits within | lost against float32 |",
        "|---|---|---|---|---|",
        *rows,
        "",
        *_compared(formats),
    ]


def _compared(formats: Sequence[Format]) -> list[str]:
    if not any(one.agreement and not one.agreement.noise for one in formats):
        return []
    return [
        "Rounded weights were compared with the network on the test images; nothing was chosen by "
        "it.",
        "",
    ]


def _cells(subject: Subject) -> list[str]:
    if subject.arch is None:
        return []
    lines = ["## The cells", ""]
    for cell in subject.arch.cells:
        lines += [f"![The {cell.name} cell]({drawing(cell.name)})", ""]
    return lines


def _table(title: str, values: Mapping[str, Any]) -> list[str]:
    if not values:
        return []
    rows = [f"| {_plain(str(name))} | {_value(value)} |" for name, value in values.items()]
    return [f"## {title}", "", "| | |", "|---|---|", *rows, ""]


def _in_order(metrics: dict[str, float]) -> dict[str, float]:
    """Return the metrics with what a reader looks for first in front."""
    return {name: metrics[name] for name in FIRST if name in metrics} | metrics


def _numbers(values: Sequence[float]) -> str:
    return f"({', '.join(f'{value:.4g}' for value in values)})"


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
