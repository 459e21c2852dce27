"""Tests of splits, caches and statistics: disjoint, stratified, the same everywhere."""

from __future__ import annotations

import hashlib
import json
import struct
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from nas.data import DataError, DataSpec, SearchData, describe, load_final, load_search
from nas.data.arrays import ArraySource
from nas.data.cache import Cache
from nas.data.split import quotas, split
from nas.data.torchvision import CIFAR100, KNOWN

if TYPE_CHECKING:
    from pathlib import Path

    from nas.data.source import Pixels


def source(counts: list[int], test: list[int] | None = None) -> ArraySource:
    """Return a source with so many images of each class, all black."""

    def part(sizes: list[int]) -> tuple[Any, Any]:
        y = np.repeat(np.arange(len(sizes)), sizes)
        return np.zeros((len(y), 1, 1, 1), np.uint8), y

    names = tuple(f"c{i}" for i in range(len(counts)))
    return ArraySource(names, part(counts), None if test is None else part(test))


CLASS_SIZES = st.lists(st.integers(3, 60), min_size=2, max_size=8)


@given(CLASS_SIZES, st.integers(0, 2**63 - 1), st.floats(0.01, 0.5), st.floats(0.01, 0.5))
def test_splits_are_disjoint_and_complete_and_each_has_every_class(
    counts: list[int], seed: int, selection: float, test: float
) -> None:
    data = source(counts)
    spec = DataSpec(selection_fraction=selection, test_fraction=test)
    parts = split(data, spec, seed)
    whole = np.concatenate([parts.train, parts.selection, parts.test])
    assert sorted(whole.tolist()) == list(range(sum(counts)))
    for indices in (parts.train, parts.selection, parts.test):
        assert set(data.train[indices]) == set(range(len(counts)))


@given(CLASS_SIZES, st.data())
def test_quotas_meet_the_total_within_their_bounds_and_in_proportion(
    counts: list[int], data: st.DataObject
) -> None:
    least, leave = 1, 1
    total = data.draw(st.integers(len(counts), sum(counts) - len(counts)))
    taken = quotas(counts, total, least, leave)
    assert sum(taken) == total
    for count, got in zip(counts, taken, strict=True):
        assert least <= got <= count - leave
        # Off by less than one image, unless a bound of some class pushed it.
        assert abs(got - total * count / sum(counts)) < 1 + len(counts)


def test_a_split_keeps_the_proportions_of_the_classes() -> None:
    data = source([100, 50, 10])
    parts = split(data, DataSpec(selection_fraction=0.2, test_fraction=0.1), 7)
    assert np.bincount(data.train[parts.test]).tolist() == [10, 5, 1]
    assert np.bincount(data.train[parts.selection]).tolist() == [18, 9, 2]


def test_another_seed_is_another_split_and_the_same_seed_the_same() -> None:
    data = source([50, 50])
    one, same, other = (split(data, DataSpec(), seed).hashes() for seed in (1, 1, 2))
    assert one == same
    assert all(one[name] != other[name] for name in ("train", "selection", "test"))


def test_a_hash_is_the_sha256_of_the_sorted_indices() -> None:
    parts = split(source([30, 30]), DataSpec(), 0)
    packed = struct.pack(f"<{len(parts.selection)}q", *sorted(parts.selection.tolist()))
    assert parts.hashes()["selection"] == hashlib.sha256(packed).hexdigest()


def test_the_test_images_stay_the_same_however_many_images_train() -> None:
    data = source([100, 100])
    few = split(data, DataSpec(train_images=20), 5)
    many = split(data, DataSpec(selection_fraction=0.5), 5)
    assert few.test.tolist() == many.test.tolist()
    assert len(few.train) + len(few.selection) == 20


def test_a_test_part_is_never_mixed_into_the_training_images() -> None:
    data = source([20, 20], test=[6, 4])
    parts = split(data, DataSpec(), 0)
    assert parts.test.tolist() == list(range(40, 50))
    assert max(*parts.train, *parts.selection) < 40
    fewer = split(data, DataSpec(test_images=5), 0)
    assert set(fewer.test) < set(parts.test)
    assert np.bincount(data.test[fewer.test - 40]).tolist() == [3, 2]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"train_images": 41}, "train_images is 41, allowed are 4 to 40 here"),
        ({"test_images": 1}, "test_images is 1, allowed are 2 to 10 here"),
        ({"test_images": 11}, "test_images is 11, allowed are 2 to 10 here"),
    ],
)
def test_asking_for_more_or_fewer_images_than_possible_names_field_and_range(
    options: dict[str, Any], said: str
) -> None:
    with pytest.raises(DataError, match=said) as caught:
        split(source([20, 20], test=[5, 5]), DataSpec(**options), 0)
    assert caught.value.field == next(iter(options))


@pytest.mark.parametrize(
    "options",
    [
        {"selection_fraction": 0.0},
        {"selection_fraction": 0.9},
        {"train_images": -1},
        {"image_size": 0},
        {"image_size": 100_000},
        {"colour": "blue"},
        {"source": ""},
        {"source": "a\x00b"},
        {"sauce": "digits"},
    ],
)
def test_a_specification_out_of_range_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        DataSpec(**options)


def test_a_path_is_made_absolute_and_a_name_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert DataSpec(source="digits").resolved().source == "digits"
    assert DataSpec(source="./digits").resolved().source == str(tmp_path / "digits")


def test_the_search_has_no_way_to_the_test_images(tmp_path: Path) -> None:
    search = load_search(DataSpec(), 0, tmp_path)
    final = load_final(DataSpec(), 0, tmp_path)
    assert set(SearchData.__slots__) == {
        "train", "selection", "task", "classes", "hashes", "statistics",
    }  # fmt: skip
    assert len(search.train) + len(search.selection) == len(final.train)
    seen = {bytes(x.numpy()) for x in (*search.train.x, *search.selection.x)}
    unseen = [x for x in final.test.x if bytes(x.numpy()) not in seen]
    assert len(unseen) == len(final.test)  # all digits differ, so none of the test was given away
    assert search.hashes == final.hashes


def test_the_same_seed_gives_the_same_images_in_a_fresh_process(tmp_path: Path) -> None:
    code = (
        "import sys, json, pathlib; from nas.data import *;"
        "d = load_search(DataSpec(), 11, pathlib.Path(sys.argv[1]));"
        "print(json.dumps([d.hashes, d.train.x.sum().item(), d.train.y[:20].tolist()]))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, check=True, text=True
    )
    data = load_search(DataSpec(), 11, tmp_path)
    here = [data.hashes, data.train.x.sum().item(), data.train.y[:20].tolist()]
    assert json.loads(found.stdout) == here


def test_statistics_are_those_of_the_training_images_alone(tmp_path: Path) -> None:
    data = load_search(DataSpec(), 0, tmp_path)
    x = data.train.x.double() / 255
    assert data.statistics.mean == pytest.approx([x.mean().item()], abs=1e-12)
    assert data.statistics.std == pytest.approx([x.std(unbiased=False).item()], abs=1e-12)


def test_a_channel_that_never_changes_is_not_divided_by_nothing(tmp_path: Path) -> None:
    np.savez(tmp_path / "flat.npz", x_train=np.zeros((12, 8, 8), np.uint8), y_train=[0, 1] * 6)
    data = load_search(DataSpec(source=str(tmp_path / "flat.npz")), 0, tmp_path)
    assert data.statistics.std == (1.0,)


def test_a_description_counts_what_loading_gives(tmp_path: Path) -> None:
    told = describe(DataSpec(image_size=16), tmp_path)
    data = load_search(DataSpec(image_size=16), 0, tmp_path)
    assert (told["train"], told["selection"]) == (len(data.train), len(data.selection))
    assert (told["channels"], told["height"], told["width"]) == tuple(data.train.x.shape[1:])
    assert told["counts"]["3"] == 183  # scikit-learn's page of the data set says so
    json.dumps(told)


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_a_data_set_is_described_before_it_is_downloaded(name: str, tmp_path: Path) -> None:
    told = describe(DataSpec(source=name), tmp_path)
    assert told["train"] + told["selection"] == KNOWN[name].train
    assert told["downloaded"] is False
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(DataError, match="train_images is 99999, allowed are"):
        describe(DataSpec(source=name, train_images=99_999), tmp_path)


def test_cifar100_has_a_hundred_names_by_alphabet() -> None:
    names = CIFAR100.split()
    assert len(names) == len(set(names)) == 100
    assert names == sorted(names)


def fashion(root: Path, counts: dict[str, int]) -> None:
    """Write files of Fashion-MNIST as its authors' are, with a few images."""
    raw = root / "fashion_mnist" / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for part, count in counts.items():
        x = np.repeat(np.arange(count) % 10 * 20, 784).astype(np.uint8)
        y = (np.arange(count) % 10).astype(np.uint8)
        head = struct.pack(">4i", 2051, count, 28, 28)
        (raw / f"{part}-images-idx3-ubyte").write_bytes(head + x.tobytes())
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(
            struct.pack(">2i", 2049, count) + y.tobytes()
        )


def test_a_downloaded_data_set_is_read_with_its_test_part(tmp_path: Path) -> None:
    fashion(tmp_path, {"train": 60, "t10k": 20})
    data = load_final(DataSpec(source="fashion_mnist"), 0, tmp_path)
    assert (len(data.train), len(data.test)) == (60, 20)
    for images in (data.train, data.test):
        assert torch.equal(images.x[:, 0, 5, 5].long(), images.y * 20)
    assert data.train.mirror
    assert data.classes[5] == "Sandal"


def test_a_download_that_fails_says_so_in_one_line_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nothing listens there
    monkeypatch.delenv("no_proxy", raising=False)
    for name in ("cifar10", "mnist"):
        with pytest.raises(
            DataError, match=f"{name} is not in .* could not be downloaded: [^\n]+$"
        ):
            load_search(DataSpec(source=name), 0, tmp_path / "root")
    assert list((tmp_path / "root").iterdir()) == []
    assert capsys.readouterr() == ("", "")


def test_damaged_files_of_a_data_set_are_not_taken_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    fashion(tmp_path, {"train": 60, "t10k": 20})
    images = next(tmp_path.rglob("t10k-images*"))
    images.write_bytes(images.read_bytes()[:-100])
    with pytest.raises(DataError, match="fashion_mnist"):
        load_final(DataSpec(source="fashion_mnist"), 0, tmp_path)


def fill(array: Pixels) -> None:
    array[:] = np.arange(array.size, dtype=np.uint8).reshape(array.shape)


def test_a_cache_is_filled_once_and_read_back(tmp_path: Path) -> None:
    cache, calls = Cache(tmp_path), []

    def counted(array: Pixels) -> None:
        calls.append(1)
        fill(array)

    first = cache.make({"a": 1}, (5, 1, 2, 2), counted)
    again = cache.make({"a": 1}, (5, 1, 2, 2), counted)
    assert calls == [1]
    assert np.array_equal(first, again)
    assert cache.load({"a": 2}, (5, 1, 2, 2)) is None


def test_a_damaged_cache_is_made_anew(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    whole = np.array(cache.make({}, (50, 1, 4, 4), fill))
    path = cache.path({})
    for broken in (path.read_bytes()[:200], b"", b"garbage"):
        path.write_bytes(broken)
        assert cache.load({}, (50, 1, 4, 4)) is None
        assert np.array_equal(cache.make({}, (50, 1, 4, 4), fill), whole)


def test_workers_that_fill_a_cache_at_the_same_time_all_get_the_whole(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: Cache(tmp_path).make({}, (500, 3, 8, 8), fill), range(16)))
    expected = np.empty((500, 3, 8, 8), np.uint8)
    fill(expected)
    assert all(np.array_equal(array, expected) for array in made)
    assert [path.suffix for path in (tmp_path / "cache").iterdir()] == [".npy"]


def test_a_failure_while_decoding_leaves_no_file(tmp_path: Path) -> None:
    def fail(array: Pixels) -> None:
        array[0] = 1
        raise DataError("broken image")

    with pytest.raises(DataError, match="broken image"):
        Cache(tmp_path).make({}, (5, 1, 2, 2), fail)
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_data_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match=r"data folder .*file/cache: cannot be written: Not a dir"):
        Cache(tmp_path / "file").make({}, (1, 1, 2, 2), fill)
    with pytest.raises(DataError, match=r"data folder .*file: cannot be written"):
        load_search(DataSpec(source="cifar10"), 0, tmp_path / "file")


def test_a_disk_that_is_full_is_one_clear_line_and_leaves_no_file(tmp_path: Path) -> None:
    code = """
import pathlib, resource, sys
from nas.data import DataError
from nas.data.cache import Cache
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    Cache(pathlib.Path(sys.argv[1])).make({}, (500, 3, 8, 8), lambda array: array.fill(1))
except DataError as error:
    print(error)
"""
    found = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, check=True, text=True
    )
    assert found.stdout == f"data folder {tmp_path}/cache: cannot be written: File too large\n"
    assert list((tmp_path / "cache").iterdir()) == []


def test_disk_space_is_taken_before_decoding_begins(tmp_path: Path) -> None:
    # On a full disk, writing to the mapped hole of a sparse file would kill the process.
    taken: list[int] = []

    def look(array: Pixels) -> None:
        taken.extend(p.stat().st_blocks * 512 for p in (tmp_path / "cache").iterdir())
        array[:] = 0

    Cache(tmp_path).make({}, (5000, 3, 8, 8), look)
    assert taken[0] >= 5000 * 3 * 8 * 8


def test_real_cifar_decodes_only_what_a_cheap_search_uses(
    tmp_path: Path, shared_data: Path
) -> None:
    path = shared_data / "cifar10-images.zip"
    seen: list[tuple[int, int]] = []
    spec = DataSpec(source=str(path), train_images=300, test_images=100)
    data = load_search(spec, 0, tmp_path, lambda done, total: seen.append((done, total)))
    assert (len(data.train), len(data.selection)) == (240, 60)
    assert torch.bincount(data.train.y).tolist() == [24] * 10
    assert seen[-1] == (300, 300)
    assert data.task.classes == 10
    assert data.classes[0] == "airplane"
    again: list[tuple[int, int]] = []
    same = load_search(spec, 0, tmp_path, lambda done, total: again.append((done, total)))
    assert again == []  # from the cache
    assert torch.equal(data.train.x, same.train.x)
    final = load_final(spec, 0, tmp_path)
    assert (len(final.train), len(final.test)) == (300, 100)
