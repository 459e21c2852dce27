"""By what images are normalised before a network sees them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Statistics:
    """Mean and standard deviation of each channel, on the scale from 0 to 1."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


# Of ImageNet's training images: torchvision and timm divide by these unless a network says else.
IMAGENET = Statistics((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
# Pixels from -1 to 1, as TensorFlow's code has them (slim/preprocessing, inception_preprocessing).
CENTRED = Statistics((0.5,) * 3, (0.5,) * 3)
