"""Writes a folder of exported files whole or not at all, after running every file in it."""

from __future__ import annotations

import copy
import hashlib
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from nas.export import ExportedFile, Exporter, ExportError, Subject
from nas.export.agreement import agreement
from nas.export.card import read_card, write_card
from nas.export.choice import chosen
from nas.export.compare import compare, exactly, outputs, random_batches
from nas.export.facts import Format
from nas.export.readme import DATA, drawing
from nas.export.restore import load
from searchspaces.draw import cell_svg

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor, nn

    from nas.data.images import Images
    from searchspaces.arch import Arch


def _still(model: nn.Module) -> nn.Module:
    """Return a copy of a network on the CPU, in float32 and in evaluation mode.

    Its weights lie in rows: of those that training has put channels last, torch.export warns.
    """
    still = copy.deepcopy(model).to("cpu", torch.float32)
    return still.to(memory_format=torch.contiguous_format).eval()


def export_folder(
    folder: Path, subject: Subject, formats: Sequence[str], images: Images | None
) -> list[ExportedFile]:
    """Do what :func:`nas.export.export` promises, for any network."""
    exporters = chosen(formats, subject)
    subject = replace(subject, model=_still(subject.model))
    folder = folder.absolute()
    _refuse_foreign(folder)
    with _beside(folder) as partial:
        _draw(partial, subject.arch)
        _fill(partial, subject, exporters, (), images)
        return _hand_out(partial, folder)


def add_formats(folder: Path, formats: Sequence[str], images: Images | None) -> list[ExportedFile]:
    """Do what :func:`nas.export.add` promises."""
    folder = folder.absolute()
    before = read_card(folder).formats
    subject = load(folder)
    there = {one.name for one in before}
    exporters = [one for one in chosen(formats, subject) if one.name not in there]
    if not exporters:
        return described(folder)
    with _beside(folder) as partial:
        shutil.copytree(folder, partial, dirs_exist_ok=True)
        _fill(partial, subject, exporters, before, images)
        return _hand_out(partial, folder)


def described(folder: Path) -> list[ExportedFile]:
    """Return the files of a folder with their sizes and hashes."""
    return [_described(path) for path in sorted(folder.iterdir()) if path.is_file()]


def _fill(
    partial: Path,
    subject: Subject,
    exporters: Sequence[Exporter],
    before: Sequence[Format],
    images: Images | None,
) -> None:
    """Write files, run and compare each, and say of all of them in the card."""
    write_card(partial, subject, before)
    for exporter in exporters:
        exporter.write(partial, subject)
    batches = random_batches(subject.task)
    written = list(before)
    for exporter in exporters:
        kept = exporter.kept(subject.model)
        _check(exporter, kept, batches, exporter.run(partial, batches))
        lost = agreement(subject, kept, images) if exporter.lossy else None
        written.append(
            Format(
                name=exporter.name,
                file=exporter.file,
                tolerance=exporter.tolerance,
                agreement=lost,
            )
        )
    write_card(partial, subject, written)


def _check(
    exporter: Exporter, kept: nn.Module, batches: Sequence[Tensor], given: list[Tensor]
) -> None:
    """Raise ExportError unless the file gave the logits of the network that it must equal."""
    wanted = outputs(kept, batches)
    compare(exporter.file, wanted, given, exporter.tolerance, lambda: exactly(kept, batches))


def _draw(folder: Path, arch: Arch | None) -> None:
    if arch is None:
        return
    for cell in arch.cells:
        svg = cell_svg(arch, cell.name, standalone=True)
        (folder / drawing(cell.name)).write_text(svg, encoding="utf-8")


@contextmanager
def _beside(folder: Path) -> Iterator[Path]:
    """Give a new folder beside one; it is gone afterwards, or renamed."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        yield partial
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _hand_out(partial: Path, folder: Path) -> list[ExportedFile]:
    files = described(partial)
    _replace(partial, folder)
    return files


def _described(path: Path) -> ExportedFile:
    digest = hashlib.sha256()
    with path.open("rb") as content:
        while piece := content.read(2**20):
            digest.update(piece)
    return ExportedFile(path.name, path.stat().st_size, digest.hexdigest())


def _refuse_foreign(folder: Path) -> None:
    """Raise ExportError where something stands that an export did not write."""
    if not folder.exists():
        return
    if not folder.is_dir() or (any(folder.iterdir()) and not (folder / DATA).exists()):
        raise ExportError(f"{folder} exists and is not a folder of an exported model")


def _replace(partial: Path, folder: Path) -> None:
    """Put the finished folder in its place; what stood there goes only once it stands."""
    partial.chmod(0o755)
    if not folder.exists():
        partial.rename(folder)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{folder.name}-old-", dir=folder.parent))
    folder.rename(old / folder.name)
    partial.rename(folder)
    shutil.rmtree(old)
