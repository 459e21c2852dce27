"""The process that reads a data set to check it; it ends with the process that started it.

A hostile archive can claim a list of files, or arrays, that fill the memory: only this process
then meets its limit. It answers with one line of JSON.
"""

from __future__ import annotations

import json
import resource
import sys
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.data import DataError
from nas.data.archive import ZipSource
from nas.data.arrays import npz
from nas.data.inventory import inventory
from nas.data.source import reason
from service.processes import die_with_parent, parent_pid

if TYPE_CHECKING:
    from nas.data.source import Source

SPARE = 2**30  # bytes beside those of the images
COPIES = 4  # of arrays, while they are converted
ZIP_FACTOR = 4  # a .zip is never unpacked as a whole, so it may hold more than is read at once


def examine(path: Path, root: Path, most: int | None) -> dict[str, Any]:
    """Return kind and inventory of a path; of a file with ``most`` bytes its kind is looked up.

    Raises DataError.
    """
    if most is None:
        kind = "folder" if path.is_dir() else path.suffix.lower().removeprefix(".")
        return {"kind": kind, "about": asdict(inventory(path, root))}
    kind = _kind(path, most)
    source: Source = npz(path) if kind == "npz" else ZipSource(path, root)
    return {"kind": kind, "about": asdict(inventory(path, root, source))}


def _kind(path: Path, most: int) -> str:
    """Return "zip" or "npz", which is a .zip of arrays; raise DataError for anything else."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError) as error:
        text = f"{path}: neither a .zip of images nor a .npz: {reason(error)}"
        raise DataError(text) from error
    arrays = bool(entries) and all(entry.filename.endswith(".npy") for entry in entries)
    allowed = most if arrays else ZIP_FACTOR * most
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > allowed:
        raise DataError(f"{path}: {unpacked} bytes unpacked, allowed are {allowed}")
    return "npz" if arrays else "zip"


def _limit_memory(images: int) -> None:
    """Let this process take what it has and ``images`` bytes of arrays, and no more."""
    taken = int(Path("/proc/self/statm").read_text("ascii").split()[0]) * resource.getpagesize()
    limit = taken + SPARE + COPIES * images
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def main() -> int:
    """Answer the request on standard input."""
    die_with_parent(parent_pid())
    asked = json.loads(sys.stdin.read())
    if asked["most"] is not None and sys.platform == "linux":
        _limit_memory(asked["most"])
    try:
        answer = examine(Path(asked["path"]), Path(asked["root"]), asked["most"])
    except DataError as error:
        answer = {"error": str(error)}
    except MemoryError:
        answer = {"error": f"{asked['path']}: needs more memory than is allowed for it"}
    sys.stdout.write(json.dumps(answer) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
