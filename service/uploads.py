"""Files that are uploaded: streamed to the disk under a lock, checked, and renamed in place.

A file is ``HOME/datasets/NAME-ID.part`` while it grows and is locked by whoever receives it, so
that what a killed process leaves behind can be told from what is still being written. The row
"pending" keeps the name meanwhile; one transaction makes it "ready".
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import secrets
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select, update

from service.clock import now
from service.errors import Conflict, StorageError, TooLarge, UserError
from service.examining import examined
from service.registered import FAILED, PENDING, READY, note
from service.tables import dataset

if TYPE_CHECKING:
    import io
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection

    from service.db import Database

FOLDER = "datasets"
SPARE_BYTES = 2**28  # stay free on the disk: the database must be able to grow
CHUNK = 2**20
CHECK_EVERY = 2**26  # bytes after which the free space is looked at again
MOST = 1000  # data sets
ZIP = b"PK"  # how the file begins; a .npz is one
FIELD = "body"


class Upload:
    """One file on its way in. Ends with :meth:`finish` or :meth:`abort`, whatever happens."""

    def __init__(self, database: Database, name: str, length: int | None = None) -> None:
        """Take the name; ``length`` is what the sender says it has.

        Raises Conflict where the name is taken, TooLarge, StorageError where the disk is full.
        """
        self.database, self.settings, self.name = database, database.settings, name
        self.size, self._digest, self._checked_at = 0, hashlib.sha256(), 0
        self.path = self.settings.folder(FOLDER) / f"{name}-{secrets.token_hex(4)}.part"
        if length is not None:
            self._check_size(length)
            self._check_space(length)
        self._begins = b""
        self._part = str(self.path)
        self._file: io.FileIO | None = None
        try:
            with database.write() as connection:
                _remove_leftovers(connection, self.path.parent)
                check_free(connection, name)
                with _told_if_full():
                    self._file = self.path.open("xb", buffering=0)
                fcntl.flock(self._file, fcntl.LOCK_EX)
                connection.execute(
                    insert(dataset).values(
                        name=name,
                        kind="upload",
                        path=self._part,
                        state=PENDING,
                        about={},
                        sha256="",
                        created_at=now(),
                    )
                )
                note(connection, name, PENDING)
        except BaseException:
            self._drop()
            raise

    def write(self, content: bytes) -> None:
        """Append to the file; raise TooLarge, or StorageError where the disk is full."""
        self._check_size(self.size + len(content))
        if self.size - self._checked_at >= CHECK_EVERY:
            self._check_space(len(content))
            self._checked_at = self.size
        file, view = self._opened(), memoryview(content)
        with _told_if_full():
            while view:
                view = view[file.write(view) :]
        self._begins = (self._begins + content[: len(ZIP)])[: len(ZIP)]
        self._digest.update(content)
        self.size += len(content)

    def finish(self) -> None:
        """Check the images and make the data set ready; raise UserError where they are none."""
        if not self.size:
            raise UserError("the file is empty", field=FIELD, allowed="a .zip or a .npz")
        if self._begins != ZIP:
            text = f"{self.name}: neither a .zip of images nor a .npz"
            raise UserError(text, field=FIELD, allowed="a .zip or a .npz")
        with _told_if_full():
            os.fsync(self._opened().fileno())
        found = examined(self.settings, self.path, self.name, FIELD, upload=True)
        final = self.path.with_suffix(f".{found['kind']}")
        self.path.rename(final)
        self.path = final
        with self.database.write() as connection:
            connection.execute(
                update(dataset)
                .where(dataset.c.path == self._part)
                .values(
                    path=str(final),
                    state=READY,
                    about=found["about"],
                    sha256=self._digest.hexdigest(),
                    created_at=now(),
                )
            )
            note(connection, self.name, READY)
        self._close()

    def abort(self, reason: str = "it was cut off") -> None:
        """Leave nothing behind but an event that says why, unless it was finished."""
        if self._file is None:
            return
        try:
            with self.database.write() as connection:
                connection.execute(delete(dataset).where(dataset.c.path == self._part))
                note(connection, self.name, FAILED, reason)
        finally:
            self._drop()

    def _drop(self) -> None:
        if self._file is not None:
            self.path.unlink(missing_ok=True)
            self._close()

    def _close(self) -> None:
        """Close the file, and with it the lock."""
        file, self._file = self._opened(), None
        file.close()

    def _opened(self) -> io.FileIO:
        if self._file is None:
            raise ValueError("the upload has ended")
        return self._file

    def _check_size(self, size: int) -> None:
        most = self.settings.upload_bytes
        if size > most:
            text = f"a file may have {most} bytes (NAS_UPLOAD_BYTES of the service)"
            raise TooLarge(text, field=FIELD, allowed=f"at most {most} bytes")

    def _check_space(self, more: int) -> None:
        free = shutil.disk_usage(self.path.parent).free
        if more > free - SPARE_BYTES:
            text = f"the disk is too full: {free} bytes are free, {SPARE_BYTES} have to stay free"
            raise StorageError(text, full=True)


def take(database: Database, name: str, source: Path, progress: Callable[[int, int], None]) -> None:
    """Keep a copy of a file of this machine, as an upload of it would."""
    try:
        file = source.open("rb")
        length = source.stat().st_size
    except OSError as error:
        text = f"{source}: {error.strerror}"
        raise UserError(text, field="file", value=str(source)) from error
    with file:
        upload = Upload(database, name, length)
        try:
            while content := file.read(CHUNK):
                upload.write(content)
                progress(upload.size, length)
            upload.finish()
        except (UserError, StorageError) as error:
            upload.abort(str(error))
            raise
        finally:
            upload.abort()


def check_free(connection: Connection, name: str) -> None:
    """Raise Conflict where a name is taken, or no further one is allowed."""
    row = connection.execute(select(dataset).where(dataset.c.name == name)).first()
    if row is not None:
        what = "is being uploaded" if row.state == PENDING else "is there already"
        raise Conflict(f"data set {name} {what}", field="name", value=name)
    if len(connection.execute(select(dataset.c.name)).all()) >= MOST:
        raise Conflict(f"there are {MOST} data sets already: remove some first", field="name")


def tidy(database: Database) -> None:
    """Remove what processes that were killed have left of their uploads."""
    folder = database.settings.folder(FOLDER)
    with database.write() as connection:
        _remove_leftovers(connection, folder)


def _remove_leftovers(connection: Connection, folder: Path) -> None:
    """Remove files that nobody writes and no data set names, and rows whose file is gone.

    Inside the write transaction: whoever finishes an upload holds its lock until the row says so.
    """
    rows = connection.execute(select(dataset).where(dataset.c.kind == "upload")).all()
    kept = {row.path for row in rows if row.state == READY}
    growing = set()
    for file in folder.iterdir():
        if str(file) in kept:
            continue
        if _is_locked(file):
            growing.add(file.stem)
        else:
            file.unlink(missing_ok=True)
    for row in rows:
        if row.state == PENDING and Path(row.path).stem not in growing:
            connection.execute(delete(dataset).where(dataset.c.name == row.name))
            note(connection, row.name, FAILED, "the process that received it has ended")


def _is_locked(file: Path) -> bool:
    try:
        with file.open("rb") as opened:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:  # its writer has given up just now
        return False
    return False


@contextlib.contextmanager
def _told_if_full() -> Iterator[None]:
    """Raise a full disk as StorageError."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        raise StorageError("the disk is full: the file was not kept", full=True) from error
