"""The data sets of a service: list them, give images there a name, upload a file, remove one."""

# Annotations are read at run time to check the answers: no future import here.
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

from nas.client.answers import read
from nas.client.wire import Wire


@dataclass(frozen=True, kw_only=True)
class SizeView:
    """Height and width of an image in pixels."""

    height: int
    width: int


@dataclass(frozen=True, kw_only=True)
class DatasetView:
    """Images that a search can name as its ``data.source``.

    What is not known is None. ``state`` is "ready", "pending" while it is uploaded, or "failed"
    for the ``reason``. ``test`` 0 means that a search holds some of ``train`` out.
    """

    name: str
    kind: str
    state: str
    reason: str
    path: str | None
    classes: int | None
    class_names: list[str] | None
    train: int | None
    test: int | None
    ignored: int | None
    channels: int | None
    height: int | None
    width: int | None
    smallest: SizeView | None
    largest: SizeView | None
    size_bytes: int | None
    sha256: str | None
    created_at: datetime | None


class Datasets:
    """What a client does with data sets."""

    wire: Wire

    def datasets(self) -> list[DatasetView]:
        """Return the built-in data sets, then those of the service by name."""
        return [read(DatasetView, one) for one in self.wire.get("datasets")["items"]]

    def dataset(self, name: str) -> DatasetView:
        """Return a data set by its name."""
        return read(DatasetView, self.wire.get(_place(name)))

    def add_dataset(self, name: str, path: Path | str) -> DatasetView:
        """Give a folder, a .zip or a .npz a name; the path is one of the service's machine."""
        body = {"name": name, "path": str(path)}
        return read(DatasetView, self.wire.send("POST", "datasets", body, key=str(uuid4())))

    def upload_dataset(
        self,
        name: str,
        file: Path | str,
        *,
        progress: Callable[[int, int], None] | None = None,
    ) -> DatasetView:
        """Upload a .zip or a .npz of this machine, read from the disk as it is sent.

        ``progress`` is called with the bytes that are sent and those in all.
        """
        answer = self.wire.upload(f"{_place(name)}/file", Path(file).expanduser(), progress)
        return read(DatasetView, answer)

    def remove_dataset(self, name: str) -> DatasetView:
        """Have the service forget a data set; it deletes only what was uploaded."""
        return read(DatasetView, self.wire.send("DELETE", _place(name), again=False))


def _place(name: str) -> str:
    return f"datasets/{quote(name, safe='')}"
