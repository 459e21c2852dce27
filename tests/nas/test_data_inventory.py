"""What is said of a folder, a .zip and a .npz; a registered one is found by its path."""

from __future__ import annotations

import io
import struct
import zipfile
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from nas.data import DataError, DataSpec, describe
from nas.data.inventory import inventory

if TYPE_CHECKING:
    from pathlib import Path


def picture(width: int = 8, height: int = 8, mode: str = "L", shade: int = 0) -> bytes:
    """Return a PNG of one shade."""
    file = io.BytesIO()
    Image.new(mode, (width, height), shade if mode == "L" else (shade, 0, 0)).save(file, "PNG")
    return file.getvalue()


def packed(path: Path, names: dict[str, bytes]) -> Path:
    """Write a .zip."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in names.items():
            archive.writestr(name, content)
    return path


def test_a_zip_is_told_with_the_range_of_its_sizes(tmp_path):
    names = {f"train/{kind}/{n}.png": picture() for kind in ("cat", "dog") for n in range(6)}
    names["train/cat/tall.png"] = picture(10, 40, "RGB")
    names["test/dog/0.png"] = picture()
    names["readme.md"] = b"hello"
    path = packed(tmp_path / "pets.zip", names)
    found = inventory(path, tmp_path)
    assert (found.classes, found.train, found.test, found.ignored) == (("cat", "dog"), 13, 1, 1)
    assert (found.channels, found.height, found.width) == (3, 32, 32)
    assert (found.smallest, found.largest) == ((8, 8), (40, 10))
    assert found.bytes == path.stat().st_size


def test_a_folder_and_arrays_of_the_same_images_are_told_alike(tmp_path):
    folder = tmp_path / "pets"
    for kind in ("cat", "dog"):
        (folder / kind).mkdir(parents=True)
        for n in range(6):
            (folder / kind / f"{n}.png").write_bytes(picture())
    arrays = tmp_path / "pets.npz"
    labels = np.repeat(["cat", "dog"], 6)
    np.savez(arrays, x_train=np.zeros((12, 8, 8), np.uint8), y_train=labels)
    one, other = inventory(folder, tmp_path), inventory(arrays, tmp_path)
    assert one.bytes == 12 * len(picture())
    assert (one.classes, one.train, one.channels, one.largest) == (
        *(other.classes, other.train, other.channels),
        other.largest,
    )
    assert one.largest == (8, 8)


def test_what_cannot_be_divided_is_refused(tmp_path):
    path = packed(tmp_path / "few.zip", {"cat/0.png": picture(), "dog/0.png": picture()})
    with pytest.raises(DataError):
        inventory(path, tmp_path)


def test_a_registered_name_is_found_by_its_path_and_shown_by_its_name(tmp_path):
    names = {f"{kind}/{n}.png": picture() for kind in ("cat", "dog") for n in range(10)}
    path = packed(tmp_path / "0a1b.zip", names)
    spec = DataSpec(source="pets", path=str(path))
    assert not spec.built_in
    assert spec.resolved() == spec
    assert describe(spec, tmp_path)["source"] == "pets"
    assert "path" not in DataSpec(source="pets").model_dump()  # hashes of old searches stay


def test_a_zip_whose_files_overlap_is_refused(tmp_path):
    """Many entries that all point at the same packed bytes: small on disk, endless to read."""
    path = packed(tmp_path / "bomb.zip", {f"cat/{n}.png": picture(64, 64) for n in range(2)})
    content = bytearray(path.read_bytes())
    first = content.index(b"PK\x01\x02")
    second = content.index(b"PK\x01\x02", first + 4)
    size = struct.unpack_from("<I", content, first + 20)[0]
    struct.pack_into("<I", content, second + 20, 10 * size + len(content))
    path.write_bytes(content)
    with pytest.raises(DataError, match="overlap"):
        inventory(path, tmp_path)


@pytest.mark.parametrize("shape", ["(999999999999, 8, 8)", "(1152921504606846976, 8, 8)"])
def test_arrays_that_claim_to_be_huge_are_one_line(tmp_path, shape):
    head = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}"
    head += " " * (127 - 10 - len(head) % 64) + "\n"
    npy = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode()
    file = io.BytesIO()
    np.save(file, np.repeat(["cat", "dog"], 6))
    path = packed(tmp_path / "huge.npz", {"x_train.npy": npy, "y_train.npy": file.getvalue()})
    with pytest.raises(DataError, match=r"cannot be read as \.npz"):
        inventory(path, tmp_path)
