"""Images that are decoded and augmented one by one in worker processes: for ImageNet's size.

What is drawn for an image depends on the seed, the epoch and the image alone. So any number of
workers and processes, and a resumed training, see the same images.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from nas.data.augment import Normalise, steps
from nas.data.shard import WHOLE, Shard
from nas.seeding import generator, reseed, seeded
from nas.training.feed import EVALUATED, Feed, mirrors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from nas.data.pictures import Pictures
    from nas.normalisation import Statistics
    from nas.recipe import Recipe

CPU = torch.device("cpu")
AHEAD = 4  # batches that each worker prepares before they are asked for


class StreamFeed(Feed):
    """Pictures through a DataLoader: crops, mirrors and RandAugment on the CPU, then the device."""

    def __init__(
        self,
        train: Pictures,
        held_out: Pictures | None,
        recipe: Recipe,
        statistics: Statistics,
        *,
        seed: int,
        device: torch.device = CPU,
    ) -> None:
        """Prepare for one process without workers; see :meth:`among` for more."""
        self.device, self.batches = device, steps(len(train), recipe.batch_size)
        self._train, self._test, self._recipe, self._seed = train, held_out, recipe, seed
        self._change = augmentation(recipe, train)
        self._normalise = Normalise(statistics, device)
        self._shard, self._workers = WHOLE, 0

    def among(self, shard: Shard, workers: int) -> StreamFeed:
        """Take this process's part of each batch, and let ``workers`` processes decode it."""
        self._shard, self._workers = shard, workers
        return self

    def epoch(self, number: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the batches of an epoch, all of one size as those from memory are."""
        order = torch.randperm(len(self._train), generator=generator(self._seed, f"order {number}"))
        size = self._shard.even(len(self._train) // self.batches)
        part = self._shard.part(size)
        batches = [
            order[start + part.start : start + part.stop].tolist()
            for start in range(0, self.batches * size, size)
        ]
        purpose = f"image of epoch {number}"
        return self._loaded(_Changed(self._train, self._change, self._seed, purpose), batches)

    def held_out(self) -> Iterator[tuple[Tensor, Tensor]] | None:
        """Yield this process's part of the held-out images, fitted and not augmented."""
        if self._test is None:
            return None
        places = list(range(len(self._test)))[self._shard.part(len(self._test))]
        size = min(512, max(1, EVALUATED // (self._test.size[0] * self._test.size[1])))
        batches = [places[start : start + size] for start in range(0, len(places), size)]
        return self._loaded(_Fitted(self._test), batches)

    def _loaded(
        self, images: Dataset[tuple[Tensor, int]], batches: list[list[int]]
    ) -> Iterator[tuple[Tensor, Tensor]]:
        loader = DataLoader(
            images,
            batch_sampler=batches,
            num_workers=self._workers,
            prefetch_factor=AHEAD if self._workers else None,
            pin_memory=self.device.type == "cuda",
            generator=generator(self._seed, "workers"),
        )
        order = torch.channels_last if self._recipe.channels_last else torch.contiguous_format
        for x, y in loader:
            there = x.to(self.device, non_blocking=True).contiguous(memory_format=order)
            yield self._normalise(there), y.to(self.device, non_blocking=True)


def augmentation(recipe: Recipe, pictures: Pictures) -> v2.Transform:
    """Return the augmentation of a recipe for one uint8 image (C, H, W)."""
    height, width = pictures.size
    changes: list[Any] = []
    if recipe.crop_scale < 1:
        # Proportions from 3/4 to 4/3, as in GoogLeNet's and all later recipes for ImageNet.
        changes.append(v2.RandomResizedCrop((height, width), (recipe.crop_scale, 1.0)))
    else:
        padding = height // 8 if recipe.crop_padding is None else recipe.crop_padding
        changes += [v2.Resize(min(height, width)), v2.CenterCrop((height, width))]
        changes.append(v2.RandomCrop((height, width), padding, padding_mode="reflect"))
    if mirrors(recipe, pictures.mirror):
        changes.append(v2.RandomHorizontalFlip())
    if recipe.randaugment:
        changes.append(v2.RandAugment(magnitude=recipe.randaugment))
    if recipe.cutout:
        changes.append(_Cutout(recipe.cutout))
    return v2.Compose(changes)


class _Cutout(torch.nn.Module):
    """A square of grey with its centre anywhere in the image (arXiv 1708.04552)."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side = side

    def forward(self, image: Tensor) -> Tensor:
        height, width = image.shape[-2:]
        row, column = int(torch.randint(height, ())), int(torch.randint(width, ()))
        top, left = max(0, row - self.side // 2), max(0, column - self.side // 2)
        cut = image.clone()
        bottom, right = row + self.side - self.side // 2, column + self.side - self.side // 2
        cut[..., top:bottom, left:right] = 128
        return cut


class _Changed(Dataset[tuple["Tensor", int]]):
    """Augmented pictures; what is drawn for one does not depend on the others."""

    def __init__(self, pictures: Pictures, change: v2.Transform, seed: int, purpose: str) -> None:
        self.pictures, self.change, self.seed, self.purpose = pictures, change, seed, purpose

    def __getitem__(self, place: int) -> tuple[Tensor, int]:
        image = self.pictures.large(place)
        with seeded(0, CPU):
            reseed(self.seed, f"{self.purpose}/{place}")
            changed: Tensor = self.change(image)
        return changed, self.pictures.labels[place]


class _Fitted(Dataset[tuple["Tensor", int]]):
    """Pictures brought to their size."""

    def __init__(self, pictures: Pictures) -> None:
        self.pictures = pictures

    def __getitem__(self, place: int) -> tuple[Tensor, int]:
        return self.pictures.fitted(place), self.pictures.labels[place]
