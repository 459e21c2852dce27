"""What can be said of a source of images before anything is decoded or downloaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nas.data.source import check_memory, open_source
from nas.data.split import split
from nas.data.torchvision import expected, is_downloaded

if TYPE_CHECKING:
    from pathlib import Path

    from nas.data.spec import DataSpec


def summarise(spec: DataSpec, root: Path) -> dict[str, Any]:
    """Return JSON data about a source; raise DataError where a search could not use it."""
    known = spec.built_in and spec.source != "digits"
    source = expected(spec.source) if known else open_source(spec, root)
    parts = split(source, spec, 0)
    shape = source.shape(spec)
    if spec.train_images != "auto":  # else it is yet to be sized
        check_memory(max(len(parts.train) + len(parts.selection), len(parts.test)), shape)
    counts = np.bincount(source.train, minlength=len(source.classes)).tolist()
    return {
        "source": spec.resolved().source,
        "classes": list(source.classes),
        "counts": None if known else dict(zip(source.classes, counts, strict=True)),
        "train": len(parts.train),
        "selection": len(parts.selection),
        "test": len(parts.test),
        "held_out": source.test is None,
        "channels": shape.channels,
        "height": shape.height,
        "width": shape.width,
        "ignored": source.ignored,
        "downloaded": is_downloaded(spec.source, root) if known else True,
    }
