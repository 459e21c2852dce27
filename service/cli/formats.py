"""The option ``--format`` of the commands that write folders, and what "all" leaves out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from nas.export.choice import ALL, left_out
from service.cli.screen import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nas.export import Subject

Formats = Annotated[
    list[str] | None,
    typer.Option(
        "--format",
        metavar="NAME",
        help="Again and again: source, safetensors, pt2, onnx, folded, bf16, int8; or all",
        show_default=False,
    ),
]


def say_left_out(formats: Sequence[str] | None, subject: Subject) -> None:
    """Say on standard error which formats "all" has left out, and why."""
    if formats and ALL in formats:
        for name, why in left_out(subject).items():
            say(f"left out: {why if why.startswith(name) else f'{name}: {why}'}", error=True)
