"""A folder of images in train/CLASS/* and test/CLASS/*, or in CLASS/*."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from nas.data.decode import MAX_FILE_BYTES
from nas.data.files import JUNK, FileSource
from nas.data.source import reason
from nas.data.spec import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_FILES = 2_000_000


class FolderSource(FileSource):
    """Images in folders. Links are not followed: they may lead out of the folder."""

    def __init__(self, path: Path, root: Path) -> None:
        """List the folder; raise DataError where it cannot be read or holds no images."""
        digest = hashlib.sha256()
        sizes: dict[str, int] = {}
        for name, entry in sorted(_walk(path, path)):
            if len(sizes) == MAX_FILES:
                raise DataError(f"{path}: more than {MAX_FILES} files, which is what is allowed")
            status = entry.stat(follow_symlinks=False)
            digest.update(
                f"{name}\0{status.st_size}\0{status.st_mtime_ns}\n".encode(errors="replace")
            )
            sizes[name] = status.st_size
        self.fingerprint = digest.hexdigest()
        super().__init__(path, root, sizes)
        self._refuse_empty()

    def _refuse_empty(self) -> None:
        """Raise DataError where a class was meant and has nothing: it would be left out unsaid."""
        with os.scandir(self.path / self.top) as entries:
            folders = [one for one in entries if one.is_dir(follow_symlinks=False)]
        for folder in sorted(folders, key=lambda one: one.name):
            if folder.name in self.classes or folder.name.startswith(".") or folder.name in JUNK:
                continue
            if next(_walk(self.path, Path(folder.path)), None) is None:
                name = Path(folder.path).relative_to(self.path).as_posix()
                raise DataError(
                    f"{self.path}: {name}: a class without images; allowed are folders with images"
                )

    def read(self, name: str) -> bytes:
        """Return the contents of a file."""
        try:
            with (self.path / name).open("rb") as file:
                content = file.read(MAX_FILE_BYTES + 1)
        except OSError as error:
            raise DataError(f"{self.path}: {name}: {reason(error)}") from error
        if len(content) > MAX_FILE_BYTES:
            raise DataError(f"{self.path}: {name}: larger than {MAX_FILE_BYTES >> 20} MiB")
        return content


def _walk(top: Path, folder: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Yield name and entry of every file below a folder, links aside."""
    try:
        with os.scandir(folder) as entries:
            listed = list(entries)
    except OSError as error:
        raise DataError(f"{folder}: cannot be read: {reason(error)}") from error
    for entry in listed:
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(top, Path(entry.path))
        elif entry.is_file(follow_symlinks=False):
            yield Path(entry.path).relative_to(top).as_posix(), entry
