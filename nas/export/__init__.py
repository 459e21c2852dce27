"""The contract of an export format: write a trained network to files, run the files, compare.

To add a format, put a file beside this one with a subclass of :class:`Exporter` that sets ``name``
and ``file``. :func:`export` writes formats into one folder and hands it out only
when every file, run by itself, gives the outputs of the network in memory.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from nas.export.errors import ExportError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from torch import Tensor, nn

    from nas.export.facts import Card
    from searchspaces import Task
    from searchspaces.arch import Arch
    from searchspaces.scale import Scale


__all__ = ["ExportError", "ExportedFile", "Exporter", "Subject", "export"]


@dataclass(frozen=True, slots=True)
class Subject:
    """What is exported: the trained network on the CPU in evaluation mode, and what it is."""

    model: nn.Module
    arch: Arch
    task: Task
    scale: Scale
    card: Card


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """One file of an exported folder: its name there, its size, its SHA-256 in hex."""

    name: str
    size_bytes: int
    sha256: str


class Exporter(ABC):
    """Writes one file, ``file``, into a folder, and can run it from there."""

    name: ClassVar[str]
    file: ClassVar[str]

    @abstractmethod
    def write(self, folder: Path, subject: Subject) -> None:
        """Write ``folder / self.file``; raise ExportError where the format cannot hold it."""

    @abstractmethod
    def run(self, folder: Path, batches: Sequence[Tensor]) -> list[Tensor]:
        """Return the logits that the written files give for each batch of normalised images.

        Reads nothing but ``folder``: neither the network in memory nor the search. Batches are
        (batch, channels, height, width) float32. Raises ExportError where the files do not run.
        """


def export(
    folder: Path,
    model: nn.Module,
    arch: Arch,
    task: Task,
    scale: Scale,
    *,
    card: dict[str, Any],
) -> list[ExportedFile]:
    """Write all standard formats, the model card and the cells' drawings to ``folder``.

    ``card`` holds the fields of :class:`nas.export.facts.Card`. Every file is loaded back and
    compared first; ``folder`` appears (or is replaced) whole or not at all. Raises ExportError.
    """
    from nas.export.folder import export_folder

    return export_folder(folder, model, arch, task, scale, card=card)
