"""A model on a service: wait for its training, download its files, classify images with it."""

from __future__ import annotations

import base64
import hashlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from nas.client.answers import FileView, GuessView, ModelView, read
from nas.client.errors import ClientError
from nas.client.waiting import until
from nas.client.wire import patiently

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nas.client.wire import Wire

ENDED = frozenset({"done", "failed"})
CARD = "card.json"  # by it a folder is known as a model's


class Model:
    """A trained model. ``view`` is what was seen last; its properties and ``refresh`` ask anew."""

    def __init__(self, wire: Wire, view: ModelView) -> None:
        """Keep what is known."""
        self.wire, self.view, self.id = wire, view, view.id

    def __repr__(self) -> str:
        """Return a line that says what it is."""
        return f"<Model {self.id} {_origin(self.view)}, {self.view.state}>"

    def refresh(self) -> ModelView:
        """Ask the service how the model stands."""
        self.view = read(ModelView, self.wire.get(f"models/{self.id}"))
        return self.view

    @property
    def state(self) -> str:
        """Where it stands: pending, running, done or failed."""
        return self.refresh().state

    @property
    def metrics(self) -> dict[str, float]:
        """What was measured, such as ``test_accuracy``; empty before it is done."""
        return self.refresh().metrics

    @property
    def files(self) -> list[FileView]:
        """The files that can be downloaded."""
        return self.refresh().files

    def wait(self, *, progress: bool = False, timeout: float | None = None) -> Model:
        """Wait until it is made.

        Raises ClientError if it cannot be, or ``timeout`` seconds were not enough.
        """
        view = until(self.refresh, lambda one: one.state in ENDED, _text, progress, timeout)
        if view.state == "failed":
            raise ClientError(
                f"the model {_origin(view)} could not be made: {view.error}", field="model"
            )
        return self

    def download(self, folder: Path | str) -> Path:
        """Fetch all files into a folder, whole or not at all, and return it.

        Sizes and SHA-256 are compared with what the service lists. Replaces only another model.
        """
        target = Path(folder).expanduser().absolute()
        _check(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as partial:
            fresh = Path(partial, "new")
            fresh.mkdir()
            for file in self.files:
                self._fetch(file, fresh)
            if target.exists():
                target.rename(Path(partial, "old"))
            fresh.rename(target)
        return target

    def predict(
        self,
        images: Sequence[Path | str | bytes] = (),
        *,
        arrays: Any = None,
        top: int = 5,
    ) -> list[list[GuessView]]:
        """Classify images: files by path, or their bytes; the most probable classes of each.

        ``arrays`` instead are bytes 0 to 255, (images, 1 or 3 channels, height, width), as lists, a
        numpy array or a tensor.
        """
        body: dict[str, Any] = {"images": [_encoded(image) for image in images]}
        if arrays is not None:
            if images:
                raise ClientError("give either images or arrays", field="images")
            body = {"arrays": arrays.tolist() if hasattr(arrays, "tolist") else arrays}
        answer = self.wire.send("POST", f"models/{self.id}/predict", body, top=top)
        return [[read(GuessView, guess) for guess in row] for row in answer["predictions"]]

    def _fetch(self, file: FileView, folder: Path) -> None:
        if file.name != Path(file.name).name or file.name in ("", ".", ".."):
            raise ClientError(f"the service lists a file called {file.name!r}", field="name")
        place = f"models/{self.id}/files/{quote(file.name, safe='')}"

        def fetched() -> tuple[str, int]:
            digest, size = hashlib.sha256(), 0
            with self.wire.stream(place) as answer, (folder / file.name).open("wb") as written:
                for piece in answer.iter_bytes():
                    digest.update(piece)
                    size += len(piece)
                    written.write(piece)
            return digest.hexdigest(), size

        found, size = patiently(fetched)
        if found != file.sha256:
            raise ClientError(
                f"{file.name} arrived damaged: {size:,} of {file.size_bytes:,} bytes, SHA-256 "
                f"{found} and not {file.sha256}",
                field="sha256",
                value=found,
                allowed=file.sha256,
            )


def _check(target: Path) -> None:
    """Raise ClientError where a folder may not be written."""
    if target.exists() and not target.is_dir():
        raise ClientError(f"{target} is a file", field="folder", allowed="a new folder")
    if target.is_dir() and any(target.iterdir()) and not (target / CARD).exists():
        raise ClientError(
            f"{target} holds other files", field="folder", allowed="a new or empty folder"
        )


def _encoded(image: Path | str | bytes) -> str:
    try:
        content = image if isinstance(image, bytes) else Path(image).read_bytes()
    except OSError as error:
        raise ClientError(f"{image!s}: {error.strerror}", field="images") from error
    return base64.b64encode(content).decode()


def _origin(view: ModelView) -> str:
    return "that was fine-tuned" if view.trial is None else f"of trial {view.trial}"


def _text(view: ModelView) -> str:
    step = int(view.progress.get("step", 0))
    return f"model {_origin(view)}: {view.state}, epoch {step} of {view.epochs}"
