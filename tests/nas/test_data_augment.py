"""Tests of the batched augmentation against slow and plain versions of itself."""

from __future__ import annotations

import pytest
import torch

from nas.data.augment import Augment, Normalise, plain, steps
from nas.data.images import Images
from nas.normalisation import Statistics
from nas.seeding import generator

STATISTICS = Statistics((0.5, 0.25), (0.5, 0.125))


def images(count: int = 7, height: int = 6, width: int = 5) -> Images:
    random = torch.Generator().manual_seed(0)
    x = torch.randint(256, (count, 2, height, width), generator=random, dtype=torch.uint8)
    return Images(x, torch.arange(count))


def test_an_epoch_without_augmentation_shows_every_image_once_and_normalised() -> None:
    data = images()
    x, y = next(Augment(data, STATISTICS).epoch(100, generator(0, "a")))
    assert sorted(y.tolist()) == list(range(7))
    mean, std = torch.tensor([0.5, 0.25]), torch.tensor([0.5, 0.125])
    expected = (data.x[y] / 255 - mean[:, None, None]) / std[:, None, None]
    assert torch.allclose(x, expected, atol=1e-6)


def test_every_crop_is_a_window_of_the_padded_image_and_all_windows_occur() -> None:
    data = images(count=1)
    padded = torch.empty(2, 10, 9)
    padded[0], padded[1] = 128, 64  # 255 times the mean, rounded
    padded[:, 2:8, 2:7] = data.x[0]
    windows = {
        (top, left): Normalise(STATISTICS, torch.device("cpu"))(
            padded[None, :, top : top + 6, left : left + 5].to(torch.uint8)
        )[0]
        for top in range(5)
        for left in range(5)
    }
    augment, random, seen = Augment(data, STATISTICS, padding=2), generator(0, "a"), set()
    for _ in range(300):
        x, _ = next(augment.epoch(1, random))
        found = [place for place, window in windows.items() if torch.equal(window, x[0])]
        assert len(found) == 1
        seen.add(found[0])
    assert len(seen) == 25


def test_about_half_of_the_images_are_mirrored_and_none_is_changed_otherwise() -> None:
    data = images(count=400)
    x, y = next(Augment(data, STATISTICS, flip=True).epoch(400, generator(1, "a")))
    straight = Normalise(STATISTICS, torch.device("cpu"))(data.x[y])
    kept = (x == straight).flatten(1).all(1)
    mirrored = (x == straight.flip(3)).flatten(1).all(1)
    assert torch.all(kept ^ mirrored)
    assert 150 < mirrored.sum() < 250


@pytest.mark.parametrize("side", [1, 2, 3, 4])
def test_cutout_blanks_one_square_around_a_place_in_the_image(side: int) -> None:
    data = Images(torch.full((300, 2, 6, 5), 255, dtype=torch.uint8), torch.arange(300))
    x, _ = next(Augment(data, STATISTICS, cutout=side).epoch(300, generator(0, "a")))
    blank = x == 0
    assert torch.equal(blank[:, 0], blank[:, 1])
    rows, columns = blank[:, 0].any(2).sum(1), blank[:, 0].any(1).sum(1)
    assert torch.equal(blank[:, 0].sum((1, 2)), rows * columns)  # a rectangle
    assert rows.max() == min(side, 6)
    assert columns.max() == min(side, 5)
    assert rows.min() >= side // 2  # cut off at the border at most by half


@pytest.mark.parametrize(("count", "batch"), [(100, 64), (101, 64), (10, 3), (7, 100), (64, 64)])
def test_all_batches_of_an_epoch_have_one_size_and_few_images_are_left_over(
    count: int, batch: int
) -> None:
    sizes = [len(y) for _, y in Augment(images(count), STATISTICS).epoch(batch, generator(0, "a"))]
    assert len(sizes) == steps(count, batch)
    assert len(set(sizes)) == 1
    assert sizes[0] <= batch
    assert count - sum(sizes) < len(sizes)


def test_the_images_left_over_are_others_in_the_next_epoch() -> None:
    augment, random = Augment(images(10), STATISTICS), generator(0, "a")
    seen: set[int] = set()
    for _ in range(20):
        for _, y in augment.epoch(3, random):
            seen |= set(y.tolist())
    assert seen == set(range(10))


def test_plain_batches_are_all_images_in_order() -> None:
    data = images(10)
    batches = list(plain(data, STATISTICS, 4))
    assert [len(y) for _, y in batches] == [4, 4, 2]
    assert torch.cat([y for _, y in batches]).tolist() == list(range(10))
    whole = Normalise(STATISTICS, torch.device("cpu"))(data.x)
    assert torch.equal(torch.cat([x for x, _ in batches]), whole)


def test_augmentation_leaves_the_images_untouched_and_uses_no_other_randomness() -> None:
    data = images()
    before, state = data.x.clone(), torch.get_rng_state()
    augment = Augment(data, STATISTICS, padding=2, flip=True, cutout=2)
    first = next(augment.epoch(7, generator(5, "a")))
    again = next(augment.epoch(7, generator(5, "a")))
    other = next(augment.epoch(7, generator(6, "a")))
    assert torch.equal(first[0], again[0])
    assert not torch.equal(first[0], other[0])
    assert torch.equal(data.x, before)
    assert torch.equal(torch.get_rng_state(), state)
