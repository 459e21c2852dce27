"""How many training images a trial can afford where the user leaves it to us."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nas.data.spec import DataSpec

# One epoch of about 20 s on one core with the default scale and recipe (docs/data.md): 2,500
# images of 32 x 32 pixels.
CPU_PIXELS = 2_500 * 32 * 32
LEAST_A_CLASS = 20


def sized(spec: DataSpec, about: dict[str, Any], gpus: float) -> DataSpec:
    """Return the spec with ``auto`` replaced by a number of training images, or by ``all``.

    ``about`` is what :func:`nas.data.describe` says of the source; ``gpus`` is what each trial
    gets. The number includes the selection images, which are taken from it.
    """
    if spec.train_images != "auto":
        return spec
    there = about["train"] + about["selection"]
    affordable = CPU_PIXELS // (about["height"] * about["width"])
    affordable = max(affordable, LEAST_A_CLASS * len(about["classes"]))
    wanted = "all" if gpus > 0 or affordable >= there else affordable
    return spec.model_copy(update={"train_images": wanted})
