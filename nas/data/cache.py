"""Decoded images on disk: written once under a temporary name, mapped into memory afterwards."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nas.data.source import reason
from nas.data.spec import DataError

if TYPE_CHECKING:
    from collections.abc import Callable

    from nas.data.source import Pixels

VERSION = 1  # raised whenever decoding changes, so that old files are not used


class Cache:
    """Arrays of pixels in ``root/cache`` by key. Any of its files may be deleted at any time.

    Two workers that miss at the same time both decode; each renames a complete file into place,
    and the files are equal, so it does not matter whose stays.
    """

    def __init__(self, root: Path) -> None:
        """Keep the folder; it is made when the first file is written."""
        self.folder = root / "cache"

    def path(self, key: dict[str, Any]) -> Path:
        """Return where the array of a key is, or would be."""
        text = json.dumps({"version": VERSION, **key}, sort_keys=True)
        return self.folder / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.npy"

    def load(self, key: dict[str, Any], shape: tuple[int, ...]) -> Pixels | None:
        """Return the mapped array of a key; None where it is missing or damaged."""
        try:
            array = np.load(self.path(key), mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        return array if array.shape == shape and array.dtype == np.uint8 else None

    def make(
        self, key: dict[str, Any], shape: tuple[int, ...], fill: Callable[[Pixels], None]
    ) -> Pixels:
        """Return the mapped array of a key, after ``fill`` has written one where none is found."""
        found = self.load(key, shape)
        if found is not None:
            return found
        path = self.path(key)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(suffix=".part", dir=self.folder)
            os.close(handle)
        except OSError as error:
            raise self._unwritable(error) from error
        temporary = Path(name)
        try:
            array = np.lib.format.open_memmap(temporary, "w+", np.uint8, shape)
            _reserve(temporary)
            fill(array)
            array.flush()
            del array
            temporary.replace(path)
        except OSError as error:
            raise self._unwritable(error) from error
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
        made = self.load(key, shape)
        if made is None:
            raise DataError(f"{path}: was written and cannot be read back; is the disk full?")
        return made

    def _unwritable(self, error: OSError) -> DataError:
        return DataError(f"data folder {self.folder}: cannot be written: {reason(error)}")


def _reserve(path: Path) -> None:
    """Take the space of a sparse file now: a disk that is full later would kill the process."""
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
