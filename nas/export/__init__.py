"""The contract of an export format: write a trained network to files, run the files, compare.

To add a format, put a file beside this one with a subclass of :class:`Exporter` that sets ``name``
and ``file``. :func:`export` writes formats into one folder and hands it out only when every file,
run by itself, gives the outputs of the network in memory. :func:`load` gives the network of a
folder back, :func:`add` writes further formats of it; neither trains, and neither unpickles.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar

from nas.export.errors import ExportError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from torch import Tensor, nn

    from nas.data.images import Images
    from nas.export.facts import Card
    from searchspaces import Task
    from searchspaces.arch import Arch
    from searchspaces.scale import Scale


__all__ = [
    "ExportError",
    "ExportedFile",
    "Exporter",
    "Subject",
    "add",
    "export",
    "export_subject",
    "load",
]


@dataclass(frozen=True, slots=True)
class Subject:
    """What is exported: the trained network on the CPU in evaluation mode, and what it is.

    A network of a search space has ``arch`` and ``scale``; one that was written by hand has None
    for both, and is rebuilt by its name in the zoo, ``card.zoo``. A published cell has all three.
    """

    model: nn.Module
    arch: Arch | None
    task: Task
    scale: Scale | None
    card: Card

    def __post_init__(self) -> None:
        """Raise ExportError where nothing says how the network is built."""
        if (self.arch is None) != (self.scale is None) or not (self.arch or self.card.zoo):
            raise ExportError("a network needs an architecture and a scale, or a name in the zoo")


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """One file of an exported folder: its name there, its size, its SHA-256 in hex."""

    name: str
    size_bytes: int
    sha256: str


class Exporter(ABC):
    """Writes one file, ``file``, into a folder, and can run it from there.

    ``tolerance`` is the largest difference of a logit, as :func:`nas.export.compare.difference`
    measures it; beyond it there must be no more than rounding. ``packages``
    are imported to write or run the file; they come with the extra ``extra`` of this project.
    A ``lossy`` format gives the logits of :meth:`kept`, and the model card says what that costs.
    """

    name: ClassVar[str]
    file: ClassVar[str]
    tolerance: ClassVar[float] = 1e-5
    lossy: ClassVar[bool] = False
    packages: ClassVar[tuple[str, ...]] = ()
    extra: ClassVar[str] = ""

    @abstractmethod
    def write(self, folder: Path, subject: Subject) -> None:
        """Write ``folder / self.file``; raise ExportError where the format cannot hold it."""

    @abstractmethod
    def run(self, folder: Path, batches: Sequence[Tensor]) -> list[Tensor]:
        """Return the logits that the written files give for each batch of normalised images.

        Reads nothing but ``folder``: neither the network in memory nor the search. Batches are
        (batch, channels, height, width) float32. Raises ExportError where the files do not run.
        """

    def refusal(self, subject: Subject) -> str:  # noqa: ARG002
        """Return why this format is not offered for a network; empty where it is."""
        return ""

    def kept(self, model: nn.Module) -> nn.Module:
        """Return the network that the file must equal: the same one, unless the format is lossy."""
        return model

    def usage(self) -> str:
        """Return how to use the file, as Markdown, for the model card; empty where others say it.

        The text may name ``{channels}``, ``{height}`` and ``{width}``.
        """
        return ""

    def remark(self, subject: Subject) -> str:  # noqa: ARG002
        """Return what the model card has to say of the file of this network, if anything."""
        return ""

    @classmethod
    def missing(cls) -> str:
        """Return which packages are not installed and how to get them; empty where all are."""
        absent = [name for name in cls.packages if find_spec(name) is None]
        if not absent:
            return ""
        return f"{cls.name} needs {', '.join(absent)}: pip install 'nasturtium[{cls.extra}]'"


def export(
    folder: Path,
    model: nn.Module,
    arch: Arch | None,
    task: Task,
    scale: Scale | None,
    *,
    card: dict[str, Any],
    formats: Sequence[str] = (),
) -> list[ExportedFile]:
    """Write formats, the model card and the cells' drawings to ``folder``.

    ``card`` holds the fields of :class:`nas.export.facts.Card`. For a network that no space builds
    ``arch`` and ``scale`` are None and the card's ``zoo`` is its name. The rest is as of
    :func:`export_subject`.
    """
    from nas.export.facts import Card

    return export_subject(folder, Subject(model, arch, task, scale, Card.of(card, task)), formats)


def export_subject(
    folder: Path, subject: Subject, formats: Sequence[str] = (), images: Images | None = None
) -> list[ExportedFile]:
    """Write formats, the model card and the cells' drawings to ``folder``.

    ``formats`` are the weights and the standard ones by default, "all" is everything that is
    offered and installed; weights always come with them. What a lossy format costs is measured on
    ``images``, the test images, or else on noise. Every file is loaded back and compared first;
    ``folder`` appears (or is replaced) whole or not at all. The network in memory stays as it is.
    Raises ExportError, and RegistryError for an unknown format.
    """
    from nas.export.folder import export_folder

    return export_folder(folder, subject, formats, images)


def load(folder: Path) -> Subject:
    """Return the trained network of an exported folder; raise ExportError where it is none."""
    from nas.export.restore import load as read

    return read(folder)


def add(folder: Path, formats: Sequence[str], images: Images | None = None) -> list[ExportedFile]:
    """Write further formats to an exported folder, from its own weights; return all its files.

    As :func:`export`: checked, and whole or not at all. Formats that it has stay as they are.
    """
    from nas.export.folder import add_formats

    return add_formats(folder, formats, images)
