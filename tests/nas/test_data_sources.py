"""Tests of the sources of images: folders, archives, arrays, and what each refuses."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image

from nas.data import DataError, DataSpec, describe, load_final, load_search
from nas.data.files import arrange
from nas.data.folder import FolderSource
from nas.data.source import open_source

if TYPE_CHECKING:
    from pathlib import Path


def encoded(colour: Any, size: tuple[int, int] = (12, 12), kind: str = "png") -> bytes:
    """Return a picture of one colour as a file's bytes; the mode follows from the colour."""
    mode = "L" if isinstance(colour, int) else {3: "RGB", 4: "RGBA"}[len(colour)]
    buffer = io.BytesIO()
    Image.new(mode, size, colour).save(buffer, kind)
    return buffer.getvalue()


def files(per_class: int = 6, size: tuple[int, int] = (12, 12)) -> dict[str, bytes]:
    """Return two classes told apart by their colour, in train/ and test/."""
    return {
        f"{part}/{name}/{i}.png": encoded((red, 40 * i, 0), size)
        for part in ("train", "test")
        for name, red in (("cat", 255), ("dog", 0))
        for i in range(per_class)
    }


def as_folder(path: Path, content: dict[str, bytes]) -> Path:
    for name, data in content.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


def as_zip(path: Path, content: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return path


def spec(path: Path, **options: Any) -> DataSpec:
    return DataSpec(source=str(path), **options)


def refused(path: Path, tmp_path: Path, **options: Any) -> str:
    """Return the one line with which loading is refused."""
    with pytest.raises(DataError) as caught:
        load_search(spec(path, **options), 0, tmp_path / "root")
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_folder_and_the_archive_of_it_are_the_same_images(tmp_path: Path) -> None:
    folder = as_folder(tmp_path / "pets", files())
    archive = as_zip(tmp_path / "pets.zip", files())
    one = load_search(spec(folder), 3, tmp_path / "root")
    other = load_search(spec(archive), 3, tmp_path / "root")
    assert torch.equal(one.train.x, other.train.x)
    assert torch.equal(one.selection.x, other.selection.x)
    assert one.hashes == other.hashes
    assert one.classes == ("cat", "dog")


def test_what_a_source_holds_tells_other_images_apart_wherever_they_lie(tmp_path: Path) -> None:
    def contents(path: Path) -> str:
        return open_source(spec(path), tmp_path / "root").contents

    one = as_folder(tmp_path / "pets", files())
    same = as_folder(tmp_path / "again", files())
    (same / "train" / ".DS_Store").write_bytes(b"junk")
    os.utime(same / "train" / "cat" / "0.png", (1, 1))
    other = as_folder(tmp_path / "other", files() | {"train/cat/0.png": encoded((9, 9, 9))})
    assert contents(one) == contents(same)
    assert contents(one) != contents(other)
    x, y = np.zeros((20, 8, 8, 3), np.uint8), np.arange(20) % 2
    for name, pixels in (("a", x), ("same", x), ("b", x + 1)):
        np.savez(tmp_path / f"{name}.npz", x_train=pixels, y_train=y)
    a, again, b = (contents(tmp_path / f"{name}.npz") for name in ("a", "same", "b"))
    assert a == again
    assert a != b


def test_each_image_keeps_the_label_of_its_folder(tmp_path: Path) -> None:
    data = load_final(spec(as_folder(tmp_path / "pets", files())), 0, tmp_path / "root")
    for images in (data.train, data.test):
        assert len(images) == 12
        assert torch.equal(images.x[:, 0, 0, 0] == 255, images.y == 0)  # red pictures are cats


def test_an_archive_of_one_packed_folder_is_read_as_if_it_were_the_folder(tmp_path: Path) -> None:
    wrapped = {f"backup/pets/{name}": data for name, data in files().items()}
    wrapped["__MACOSX/backup/pets/train/cat/._0.png"] = b"finder"
    data = load_search(spec(as_zip(tmp_path / "a.zip", wrapped)), 0, tmp_path / "root")
    assert data.classes == ("cat", "dog")


def test_class_folders_without_parts_are_all_training_and_a_test_is_held_out(
    tmp_path: Path,
) -> None:
    content = {
        f"{name}/{i}.png": encoded(100 * k + i) for k, name in enumerate("ab") for i in range(20)
    }
    told = describe(spec(as_folder(tmp_path / "flat", content)), tmp_path / "root")
    assert (told["train"], told["selection"], told["test"]) == (27, 7, 6)
    assert told["held_out"] is True


def test_images_of_one_size_keep_it_and_others_come_to_32(tmp_path: Path) -> None:
    same = as_folder(tmp_path / "same", files(size=(10, 14)))
    mixed = as_folder(
        tmp_path / "mixed", files() | {"train/cat/big.png": encoded((1, 2, 3), (9, 9))}
    )
    assert load_search(spec(same), 0, tmp_path).train.x.shape[1:] == (3, 14, 10)
    assert load_search(spec(mixed), 0, tmp_path).train.x.shape[1:] == (3, 32, 32)
    assert load_search(spec(mixed, image_size=8), 0, tmp_path).train.x.shape[1:] == (3, 8, 8)


def test_grey_images_stay_grey_unless_one_has_colour_or_colour_is_asked_for(
    tmp_path: Path,
) -> None:
    grey = {
        f"{part}/{name}/{i}.png": encoded(10 * i)
        for part in ("train", "test")
        for name in "ab"
        for i in range(4)
    }
    folder = as_folder(tmp_path / "grey", grey)
    assert load_search(spec(folder), 0, tmp_path).task.channels == 1
    assert load_search(spec(folder, colour="rgb"), 0, tmp_path).task.channels == 3
    as_folder(folder, {"train/a/red.png": encoded((255, 0, 0))})
    assert load_search(spec(folder), 0, tmp_path).task.channels == 3


def test_every_common_kind_of_file_decodes_to_its_colour(tmp_path: Path) -> None:
    content = {
        f"train/{name}/{kind}.{kind}": encoded(colour, kind=kind)
        for name, colour in (("red", (254, 0, 0)), ("blue", (0, 0, 254)))
        for kind in ("jpeg", "png", "bmp", "gif", "webp", "tiff", "ppm")
    }
    content |= {f"train/{n}/clear.png": encoded((*c, 128)) for n, c in
                (("red", (254, 0, 0)), ("blue", (0, 0, 254)))}  # fmt: skip
    data = load_final(spec(as_folder(tmp_path / "kinds", content)), 0, tmp_path / "root")
    for images in (data.train, data.test):
        red, blue = images.x[:, 0].float().mean((1, 2)), images.x[:, 2].float().mean((1, 2))
        assert torch.equal(red > 240, images.y == 1)
        assert torch.equal(blue > 240, images.y == 0)


def test_sixteen_bit_grey_is_scaled_and_not_clipped(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.fromarray(np.full((12, 12), 0x4000, np.uint16)).save(buffer, "png")
    content = {f"{name}/{i}.png": buffer.getvalue() for name in "ab" for i in range(4)}
    data = load_search(spec(as_folder(tmp_path / "deep", content)), 0, tmp_path / "root")
    assert data.task.channels == 1
    assert set(data.train.x.unique().tolist()) == {0x40}


def test_a_photograph_is_turned_upright_before_it_is_cropped(tmp_path: Path) -> None:
    picture = Image.new("RGB", (16, 8), (0, 0, 0))
    picture.paste((255, 255, 255), (0, 0, 8, 8))  # the left half is white
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise: left becomes top
    buffer = io.BytesIO()
    picture.save(buffer, "png", exif=exif)
    content = {f"{name}/{i}.png": buffer.getvalue() for name in "ab" for i in range(4)}
    x = load_search(spec(as_folder(tmp_path / "turned", content)), 0, tmp_path).train.x
    assert x.shape[2:] == (16, 8)
    assert x[:, :, :8].min() == 255
    assert x[:, :, 8:].max() == 0


def test_files_that_are_no_images_are_counted_and_ignored(tmp_path: Path) -> None:
    content = files() | {"train/cat/notes.txt": b"hello", "README.md": b"hi", ".DS_Store": b"x"}
    content["train/lost.png"] = encoded((1, 1, 1))  # in no class
    told = describe(spec(as_folder(tmp_path / "pets", content)), tmp_path / "root")
    assert told["ignored"] == 3
    assert told["counts"] == {"cat": 6, "dog": 6}


def test_links_in_a_folder_are_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(encoded((9, 9, 9)))
    folder = as_folder(tmp_path / "pets", files())
    (folder / "train/cat/link.png").symlink_to(secret)
    (folder / "train/elsewhere").symlink_to(tmp_path)
    told = describe(spec(folder), tmp_path / "root")
    assert told["counts"] == {"cat": 6, "dog": 6}


def test_npz_arrays_of_every_layout_are_the_same_images(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (24, 6, 5, 3), dtype=np.uint8)
    y = np.tile([4, 7, 9], 8)
    forms = {"last": x, "first": x.transpose(0, 3, 1, 2), "wide": x.astype(np.int64),
             "float": x / 255}  # fmt: skip
    found = []
    for name, images in forms.items():
        np.savez(tmp_path / f"{name}.npz", x_train=images, y_train=y, x_test=images, y_test=y)
        found.append(load_final(spec(tmp_path / f"{name}.npz"), 1, tmp_path))
    for data in found:
        assert data.classes == ("4", "7", "9")
        assert torch.equal(data.test.x, torch.from_numpy(x.transpose(0, 3, 1, 2).copy()))
        assert data.test.y.tolist() == [0, 1, 2] * 8
        assert torch.equal(data.train.x, found[0].train.x)


def test_an_array_without_a_channel_axis_is_grey_and_can_be_resized_and_coloured(
    tmp_path: Path,
) -> None:
    x = np.full((12, 8, 8), 77, np.uint8)
    np.savez(tmp_path / "grey.npz", x_train=x, y_train=np.array(["yes", "no"] * 6))
    data = load_search(spec(tmp_path / "grey.npz", image_size=16, colour="rgb"), 0, tmp_path)
    assert data.train.x.shape[1:] == (3, 16, 16)
    assert set(data.train.x.unique().tolist()) == {77}
    assert data.classes == ("no", "yes")


def npz(tmp_path: Path, **arrays: Any) -> Path:
    path = tmp_path / "bad.npz"
    np.savez(path, **arrays)
    return path


IMAGES, LABELS = np.zeros((12, 8, 8), np.uint8), np.arange(12) % 2


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"images": IMAGES, "labels": LABELS}, "no array 'x_train'"),
        ({"x_train": IMAGES, "y_train": LABELS, "x_test": IMAGES}, "no array 'y_test'"),
        ({"x_train": IMAGES, "y_train": LABELS[:5]}, "5 labels for 12 images"),
        ({"x_train": IMAGES, "y_train": LABELS / 2}, "allowed are integers or strings"),
        ({"x_train": IMAGES[:, 0, 0], "y_train": LABELS}, "has shape (12,)"),
        ({"x_train": IMAGES[:, None, None], "y_train": LABELS}, "has shape (12, 1, 1, 8, 8)"),
        ({"x_train": IMAGES - 1.0, "y_train": LABELS}, "floats from 0 to 1"),
        ({"x_train": IMAGES + np.nan, "y_train": LABELS}, "floats from 0 to 1"),
        ({"x_train": IMAGES[:, :0], "y_train": LABELS}, "is empty"),
        ({"x_train": IMAGES.astype(object), "y_train": LABELS}, "arrays of objects"),
        (
            {"x_train": IMAGES, "y_train": LABELS, "x_test": IMAGES, "y_test": LABELS + 1},
            "y_test has class 2",
        ),
        (
            {"x_train": IMAGES, "y_train": LABELS, "x_test": IMAGES[:, 1:], "y_test": LABELS},
            "allowed are equal ones",
        ),
    ],
)
def test_an_npz_that_cannot_be_used_says_what_is_wrong(
    tmp_path: Path, arrays: dict[str, Any], said: str
) -> None:
    message = refused(npz(tmp_path, **arrays), tmp_path)
    assert said in message
    assert "bad.npz" in message


def test_a_broken_npz_is_named(tmp_path: Path) -> None:
    path = tmp_path / "broken.npz"
    path.write_bytes(b"PK\x03\x04 not really")
    assert "broken.npz: cannot be read as .npz" in refused(path, tmp_path)


def test_a_missing_path_and_an_unknown_name_are_told_apart(tmp_path: Path) -> None:
    assert "No such file or directory" in refused(tmp_path / "nowhere", tmp_path)
    with pytest.raises(DataError, match="neither a built-in name \\(digits, mnist"):
        load_search(DataSpec(source="imagenet"), 0, tmp_path)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("1,2,3")
    assert "allowed are a folder, a .zip or a .npz" in refused(path, tmp_path)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "no images in it" in refused(tmp_path / "empty", tmp_path)


def test_a_folder_of_one_class_is_refused(tmp_path: Path) -> None:
    content = {f"train/cat/{i}.png": encoded(i) for i in range(5)}
    assert "one class only, 'cat'" in refused(as_folder(tmp_path / "one", content), tmp_path)


def test_a_class_with_too_few_images_is_named(tmp_path: Path) -> None:
    content = files() | {"train/owl/0.png": encoded((1, 1, 1))}
    message = refused(as_folder(tmp_path / "few", content), tmp_path)
    assert message == "too few training images of class 'owl' (1); each class needs at least 2"


def test_a_class_of_the_test_that_training_lacks_is_named(tmp_path: Path) -> None:
    content = files() | {"test/owl/0.png": encoded((1, 1, 1))}
    message = refused(as_folder(tmp_path / "odd", content), tmp_path)
    assert "test has class 'owl'" in message


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["train/a/1.png", "val/a/1.png"], "'val' beside train and test"),
        (["training/a/1.png", "testing/a/1.png"], "'testing' is no name of a part"),
        (["1.png", "2.png"], "in no class folders"),
        (["test/a/1.png", "test/b/1.png"], "no images in train/CLASS"),
        (["a/notes.txt"], "1 other files were ignored"),
    ],
)
def test_a_layout_that_would_be_misread_is_refused(
    tmp_path: Path, names: list[str], said: str
) -> None:
    with pytest.raises(DataError, match=said):
        arrange(tmp_path, names)


def test_parts_may_be_written_with_capitals(tmp_path: Path) -> None:
    layout = arrange(tmp_path, ["Train/a/1.png", "Train/b/1.PNG", "Test/a/2.png"])
    assert layout.classes == ("a", "b")
    assert layout.train == ((0, "Train/a/1.png"), (1, "Train/b/1.PNG"))
    assert layout.test == ((0, "Test/a/2.png"),)


def test_a_corrupt_archive_is_refused(tmp_path: Path) -> None:
    whole = as_zip(tmp_path / "whole.zip", files()).read_bytes()
    path = tmp_path / "half.zip"
    path.write_bytes(whole[: len(whole) // 2])
    assert "half.zip: cannot be read as .zip" in refused(path, tmp_path)


def test_an_archive_whose_bytes_were_damaged_names_the_file(tmp_path: Path) -> None:
    path = as_zip(tmp_path / "bits.zip", files())
    data = bytearray(path.read_bytes())
    place = data.index(b"train/cat/3.png") + 40
    data[place : place + 8] = b"\xff" * 8
    path.write_bytes(data)
    assert "train/cat/3.png" in refused(path, tmp_path)


def test_a_corrupt_image_is_named(tmp_path: Path) -> None:
    content = files()
    content["train/dog/2.png"] = content["train/dog/2.png"][:50]
    for path in (as_folder(tmp_path / "pets", content), as_zip(tmp_path / "p.zip", content)):
        assert "train/dog/2.png: cannot be read as an image" in refused(path, tmp_path)


def test_a_text_with_the_name_of_an_image_is_told_in_words(tmp_path: Path) -> None:
    content = files() | {"train/dog/notes.jpg": b"sits, stays"}
    said = refused(as_folder(tmp_path / "pets", content), tmp_path)
    assert said.endswith(
        "train/dog/notes.jpg: cannot be read as an image: of no kind that is known"
    )


@pytest.mark.parametrize("top", ["train", "pets/train", ""])
def test_a_class_folder_without_images_is_named(tmp_path: Path, top: str) -> None:
    content = {
        f"{top}/{name.partition('/')[2]}".lstrip("/"): data for name, data in files().items()
    }
    path = as_folder(tmp_path / "animals", content)
    for name in ("bird", ".cache"):
        (path / top / name).mkdir()
    said = refused(path, tmp_path)
    assert "animals" in said
    assert f"{top}/bird: a class without images".lstrip("/") in said
    assert "allowed are folders with images" in said
    (path / top / "bird").rmdir()
    assert FolderSource(path, tmp_path).classes == ("cat", "dog")


def test_an_image_that_claims_to_be_huge_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    huge = encoded(0, (9000, 9000))
    assert len(huge) < 100_000
    path = as_zip(tmp_path / "bomb.zip", files() | {"train/cat/9.png": huge})
    message = refused(path, tmp_path, image_size=8, colour="rgb")
    assert "train/cat/9.png: 9000x9000 pixels, allowed are 64 million" in message


def test_an_entry_that_unpacks_to_too_much_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("train/cat/0.png", bytes(65 << 20))
    assert path.stat().st_size < 200_000
    assert "has 65 MiB, allowed are 64 MiB a file" in refused(path, tmp_path)


@pytest.mark.parametrize("name", ["../cat/0.png", "/etc/0.png", "train\\..\\0.png", "C:/x/0.png"])
def test_an_entry_that_leads_out_of_the_archive_is_refused(tmp_path: Path, name: str) -> None:
    path = as_zip(tmp_path / "slip.zip", files() | {name: encoded(1)})
    assert "leads out of the archive" in refused(path, tmp_path)


def test_a_link_in_an_archive_is_refused(tmp_path: Path) -> None:
    path = as_zip(tmp_path / "link.zip", files())
    entry = zipfile.ZipInfo("train/cat/link.png")
    entry.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(entry, "/etc/passwd")
    assert "'train/cat/link.png' is a link" in refused(path, tmp_path)


def test_an_encrypted_archive_is_refused(tmp_path: Path) -> None:
    path = as_zip(tmp_path / "locked.zip", files())
    data = bytearray(path.read_bytes())
    place = data.index(b"PK\x01\x02")  # of the first entry in the directory
    data[place + 8] |= 1
    path.write_bytes(data)
    assert "is encrypted" in refused(path, tmp_path)


def test_more_pixels_than_fit_into_memory_are_refused_with_the_way_out(tmp_path: Path) -> None:
    content = {f"{n}/{i}.png": encoded(i % 250) for n in "ab" for i in range(3000)}
    path = as_zip(tmp_path / "many.zip", content)
    message = refused(path, tmp_path, image_size=1024, colour="rgb")
    assert "allowed are 16; set a smaller image_size or train_images" in message


def test_the_digits_are_those_of_scikit_learn_which_is_not_loaded():
    code = (
        "import sys\nfrom nas.data.digits import digits\nsource = digits()\n"
        "assert not {'sklearn', 'scipy', 'pandas'} & set(sys.modules)\n"
        "import numpy as np\nfrom sklearn.datasets import load_digits\ndata = load_digits()\n"
        "x, y = source._arrays['train'], source.train\n"
        "assert (x[:, 0] == np.rint(data.images * 255 / 16)).all() and (y == data.target).all()\n"
        "assert source.classes == tuple(map(str, data.target_names)) and not source.mirror\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr == ""
