"""The state of a training on disk: plain tensors and numbers, written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import torch

FORMAT = 1


class CheckpointError(ValueError):
    """A checkpoint that cannot be read, or belongs to another training."""


class Checkpoint:
    """One file, replaced after each epoch. ``identity`` says in one text what is trained.

    It is read with torch's ``weights_only``: a checkpoint cannot run code.
    """

    def __init__(self, path: Path, identity: str) -> None:
        """Keep the place; nothing is read or written yet."""
        self.path, self.identity = path, identity

    def load(self) -> dict[str, Any] | None:
        """Return the last state, None where there is none yet.

        Raises CheckpointError where the file is damaged or another training wrote it.
        """
        if not self.path.exists():
            return None
        try:
            state: dict[str, Any] = torch.load(self.path, map_location="cpu", weights_only=True)
            found, written = state["identity"], state["format"]
        except Exception as error:
            # Zip files, unpickling and missing keys each raise errors of their own.
            raise CheckpointError(
                f"{self.path} is damaged ({type(error).__name__}); delete it to start anew"
            ) from error
        if written > FORMAT:
            raise CheckpointError(f"{self.path} has format {written}, this version reads {FORMAT}")
        if found != self.identity:
            raise CheckpointError(
                f"{self.path} belongs to another training: {_difference(found, self.identity)}; "
                "give the same options, or another folder"
            )
        return state

    def save(self, state: dict[str, Any]) -> None:
        """Replace the file; a crash at any moment leaves the old one or the new one."""
        whole = {"format": FORMAT, "identity": self.identity, **state}
        write_atomically(self.path, lambda file: torch.save(whole, file))


def write_atomically(path: Path, write: Any) -> None:
    """Call ``write`` with a new file beside ``path``, and rename it into place once it is safe."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _difference(found: str, wanted: str) -> str:
    """Return the first line in which two texts differ."""
    for one, other in zip(found.splitlines(), wanted.splitlines(), strict=False):
        if one != other:
            there, here = (line.strip().removesuffix(",") for line in (one, other))
            return f"there {there}, here {here}"
    return "one of them has settings that the other has not"
