"""A .zip of images in train/CLASS/* and test/CLASS/*, or in CLASS/*; nothing is ever unpacked."""

from __future__ import annotations

import stat
import zipfile
import zlib
from typing import TYPE_CHECKING

from nas.data.decode import MAX_FILE_BYTES
from nas.data.files import FileSource
from nas.data.folder import MAX_FILES
from nas.data.source import reason
from nas.data.spec import DataError

if TYPE_CHECKING:
    from pathlib import Path

ENCRYPTED = 0x1  # of an entry's flag bits


class ZipSource(FileSource):
    """Images in an archive, read one at a time and within limits of size."""

    def __init__(self, path: Path, root: Path) -> None:
        """List the archive; raise DataError where it is broken, hostile or holds no images."""
        try:
            status = path.stat()
            self._archive = zipfile.ZipFile(path)
        except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError) as error:
            raise DataError(f"{path}: cannot be read as .zip: {reason(error)}") from error
        entries = [entry for entry in self._archive.infolist() if not entry.is_dir()]
        if len(entries) > MAX_FILES:
            raise DataError(f"{path}: {len(entries)} files, allowed are {MAX_FILES}")
        for entry in entries:
            _check(path, entry)
        if sum(entry.compress_size for entry in entries) > status.st_size:
            raise DataError(f"{path}: its files overlap; allowed are archives that hold each once")
        self.fingerprint = f"{status.st_size}/{status.st_mtime_ns}"
        sizes = {entry.filename: entry.file_size for entry in entries}
        super().__init__(path, root, dict(sorted(sizes.items())))

    def read(self, name: str) -> bytes:
        """Return the contents of an entry; its size was checked, and zipfile checks its sum."""
        try:
            return self._archive.read(name)
        except (OSError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
            raise DataError(f"{self.path}: {name}: {reason(error)}") from error


def _check(path: Path, entry: zipfile.ZipInfo) -> None:
    """Raise DataError for an entry that no honest archive of images has."""
    name = entry.filename
    parts = name.split("/")
    if not {"", ".", ".."}.isdisjoint(parts) or "\\" in name or ":" in parts[0]:
        raise DataError(f"{path}: {name!r} leads out of the archive; allowed are names inside it")
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise DataError(f"{path}: {name!r} is a link; allowed are files")
    if entry.flag_bits & ENCRYPTED:
        raise DataError(f"{path}: {name!r} is encrypted; allowed are archives without a password")
    if entry.file_size > MAX_FILE_BYTES:
        raise DataError(
            f"{path}: {name!r} has {entry.file_size >> 20} MiB, allowed are "
            f"{MAX_FILE_BYTES >> 20} MiB a file"
        )
