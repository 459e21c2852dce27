"""Where a training gets its batches from: a feed, and the one for images in memory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from nas.data.augment import Augment, plain, steps
from nas.data.images import Images
from nas.data.shard import WHOLE, Shard
from nas.seeding import generator

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch
    from torch import Tensor

    from nas.normalisation import Statistics
    from nas.recipe import Recipe

EVALUATED = 512 * 32 * 32  # pixels at a time: 512 images of 32x32, fewer of larger ones


class Feed(ABC):
    """Batches of normalised images and class numbers on a device, this process's part of each.

    ``batches`` is how many an epoch has. An epoch's draws depend on the seed and on what
    :meth:`state` returned before it, so that a resumed training sees the same images.
    """

    device: torch.device
    batches: int

    @abstractmethod
    def epoch(self, number: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the augmented training batches of an epoch, counted from 1."""

    @abstractmethod
    def held_out(self) -> Iterator[tuple[Tensor, Tensor]] | None:
        """Yield this process's part of the held-out images; None where there are none."""

    def state(self) -> Tensor | None:
        """Return what the next epoch depends on beside its number and the seed."""
        return None

    def load(self, state: Tensor) -> None:
        """Go on from what :meth:`state` returned."""


class MemoryFeed(Feed):
    """Images that are tensors on the device already, augmented there a batch at a time."""

    def __init__(
        self,
        train: Images,
        held_out: Images | None,
        recipe: Recipe,
        statistics: Statistics,
        *,
        seed: int,
        shard: Shard = WHOLE,
    ) -> None:
        """Prepare the augmentation that a recipe asks for."""
        padding = recipe.crop_padding
        self.device = train.x.device
        self.batches = steps(len(train), recipe.batch_size)
        self._size, self._statistics = recipe.batch_size, statistics
        self._images = Augment(
            train,
            statistics,
            padding=train.x.shape[2] // 8 if padding is None else padding,
            flip=mirrors(recipe, train.mirror),
            cutout=recipe.cutout,
            shard=shard,
        )
        self._random = generator(seed, "augmentation")
        self._held_out = None
        if held_out is not None:
            part = shard.part(len(held_out))
            self._held_out = Images(held_out.x[part], held_out.y[part])

    def epoch(self, number: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the batches; the epochs must be asked for in order."""
        del number
        return self._images.epoch(self._size, self._random)

    def held_out(self) -> Iterator[tuple[Tensor, Tensor]] | None:
        """Yield the images in order, as many at a time as memory allows."""
        return None if self._held_out is None else in_order(self._held_out, self._statistics)

    def state(self) -> Tensor | None:
        """Return the state of the generator."""
        return self._random.get_state()

    def load(self, state: Tensor) -> None:
        """Set the state of the generator."""
        self._random.set_state(state)


def in_order(images: Images, statistics: Statistics) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield images in order and normalised, in batches that fit into memory."""
    if not len(images):
        return iter(())
    return plain(images, statistics, min(512, max(1, EVALUATED // images.x[0, 0].numel())))


def mirrors(recipe: Recipe, allowed: bool) -> bool:
    """Say whether half of the images are mirrored."""
    return allowed if recipe.flip == "auto" else recipe.flip == "on"
