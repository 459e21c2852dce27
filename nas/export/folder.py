"""Writes a folder of exported files whole or not at all, after running every file in it."""

from __future__ import annotations

import copy
import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from nas.export import ExportedFile, ExportError, Subject
from nas.export.card import DATA, drawing, write_card
from nas.export.catalog import EXPORTERS
from nas.export.compare import compare, outputs, random_batches
from nas.export.facts import Card
from searchspaces.draw import cell_svg

if TYPE_CHECKING:
    from torch import nn

    from searchspaces import Task
    from searchspaces.arch import Arch
    from searchspaces.scale import Scale

STANDARD = ("safetensors", "source")


def export_folder(
    folder: Path,
    model: nn.Module,
    arch: Arch,
    task: Task,
    scale: Scale,
    *,
    card: dict[str, Any],
    formats: tuple[str, ...] = STANDARD,
) -> list[ExportedFile]:
    """Do what :func:`nas.export.export` promises, in the given formats."""
    exporters = [EXPORTERS.create(name) for name in formats]
    still = copy.deepcopy(model).to("cpu", torch.float32).eval()
    subject = Subject(still, arch, task, scale, Card.of(card, task))
    folder = folder.absolute()
    _refuse_foreign(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        write_card(partial, subject)
        for cell in arch.cells:
            svg = cell_svg(arch, cell.name, standalone=True)
            (partial / drawing(cell.name)).write_text(svg, encoding="utf-8")
        for exporter in exporters:
            exporter.write(partial, subject)
        batches = random_batches(task)
        wanted = outputs(still, batches)
        for exporter in exporters:
            compare(exporter.file, wanted, exporter.run(partial, batches))
        files = [_described(path) for path in sorted(partial.iterdir()) if path.is_file()]
        _replace(partial, folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return files


def _described(path: Path) -> ExportedFile:
    content = path.read_bytes()
    return ExportedFile(path.name, len(content), hashlib.sha256(content).hexdigest())


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
