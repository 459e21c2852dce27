"""Images as tensors, and what a search and a final training are given of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nas.normalisation import Statistics  # noqa: TC001
from searchspaces import Task  # noqa: TC001

if TYPE_CHECKING:
    import torch

    Device = torch.device | str


@dataclass(frozen=True, slots=True)
class Images:
    """Labelled images: ``x`` uint8 (N, C, H, W) from 0 to 255, ``y`` int64 (N,) class numbers.

    ``mirror`` says whether a mirrored image is still one of its class, which digits are not.
    """

    x: torch.Tensor
    y: torch.Tensor
    mirror: bool = True

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.y)

    def to(self, device: Device) -> Images:
        """Return the images on a device; the same tensors where they are there already."""
        return Images(self.x.to(device), self.y.to(device), self.mirror)


@dataclass(frozen=True, slots=True)
class SearchData:
    """What a search sees. There is no way from here to the test images.

    ``hashes`` has the sha256 of the indices of each split, the test split too, so that a report
    can show that splits were the same, or disjoint from, those of another search; and that of the
    images that they are indices of.
    """

    train: Images
    selection: Images
    task: Task
    classes: tuple[str, ...]
    hashes: dict[str, str]
    statistics: Statistics

    def to(self, device: Device) -> SearchData:
        """Return the data with all images on a device."""
        return SearchData(
            self.train.to(device),
            self.selection.to(device),
            self.task,
            self.classes,
            self.hashes,
            self.statistics,
        )


@dataclass(frozen=True, slots=True)
class FinalData:
    """What a final training sees: training and selection images together, and the test images."""

    train: Images
    test: Images
    task: Task
    classes: tuple[str, ...]
    hashes: dict[str, str]
    statistics: Statistics

    def to(self, device: Device) -> FinalData:
        """Return the data with all images on a device."""
        return FinalData(
            self.train.to(device),
            self.test.to(device),
            self.task,
            self.classes,
            self.hashes,
            self.statistics,
        )
