"""Which formats are meant: names, the standard ones, or all that a network can be written in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nas.export import Exporter, ExportError, Subject
from nas.export.catalog import EXPORTERS

if TYPE_CHECKING:
    from collections.abc import Sequence

ALL = "all"
WEIGHTS = "safetensors"  # what other formats and every reader of a folder stand on
STANDARD = "source"
PROGRAM = "pt2"  # instead, for a network that cannot be written as source


def known(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names, each once, sorted; raise RegistryError for one that there is not."""
    for name in names:
        if name != ALL:
            EXPORTERS.get(name)
    return tuple(sorted(set(names)))


def chosen(names: Sequence[str], subject: Subject) -> list[Exporter]:
    """Return the exporters for some names: weights first, then by name.

    None means the standard ones; "all" leaves out what :func:`left_out` explains. Raises
    ExportError where a format that is named is not offered or its packages are missing.
    """
    wanted = set(known(names)) | {WEIGHTS}
    if ALL in wanted:
        wanted = (wanted - {ALL}) | (set(EXPORTERS.names()) - set(left_out(subject)))
    elif not names:
        wanted.add(PROGRAM if EXPORTERS.create(STANDARD).refusal(subject) else STANDARD)
    exporters = [EXPORTERS.create(name) for name in sorted(wanted)]
    for exporter in exporters:
        why = exporter.refusal(subject) or exporter.missing()
        if why:
            raise ExportError(why)
    return sorted(exporters, key=lambda one: one.name != WEIGHTS)


def any_lossy(names: Sequence[str]) -> bool:
    """Say whether one of the formats changes the weights, so that test images are worth loading."""
    wanted = EXPORTERS.names() if ALL in names else names
    return any(EXPORTERS.get(name).lossy for name in wanted)


def left_out(subject: Subject) -> dict[str, str]:
    """Return the formats that "all" leaves out for a network, each with the reason."""
    found = {}
    for name in EXPORTERS.names():
        exporter = EXPORTERS.create(name)
        why = exporter.refusal(subject) or exporter.missing()
        if why:
            found[name] = why
    return found
