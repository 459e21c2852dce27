"""The contract of the zoo: published networks by name, with the figures their papers give.

``nas.create_model("nasnet_a_mobile", num_classes=10)`` builds one, ``nas.list_models()`` names all.
To add a family, put a file beside this one with subclasses of :class:`ZooModel` that set ``name``,
``title``, ``task``, ``paper``, ``year`` and ``idea``; or a table of rows, as :mod:`nas.zoo.vgg`
has. A name has one meaning for ever.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from typing import TYPE_CHECKING, ClassVar

from nas.normalisation import IMAGENET

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn

    from nas.normalisation import Statistics
    from nas.zoo.training import Training
    from searchspaces import Task


class ZooError(ValueError):
    """A size for which a network of the zoo cannot be built."""


@dataclass(frozen=True, slots=True)
class Paper:
    """What the paper prints, word for word where it rounds; None where it prints nothing.

    ``top1`` and ``top5`` are accuracies in percent on the test images of ``dataset``. ``differs``
    says in words where the printed figures are not those of the network that the paper describes.
    """

    citation: str
    where: str
    dataset: str
    params: str | None = None
    madds: str | None = None
    top1: float | None = None
    top5: float | None = None
    differs: str | None = None


class ZooModel(ABC):
    """One published network. ``task`` is the one its figures are for.

    ``year`` is when it was first published, ``idea`` what is new in it, in one sentence, and
    ``recipe`` how its authors trained it. ``statistics`` are those by which images for its released
    weights are normalised. In training a network with auxiliary classifiers returns
    (logits, auxiliary logits, ...), else and in evaluation logits.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    task: ClassVar[Task]
    paper: ClassVar[Paper]
    year: ClassVar[int]
    idea: ClassVar[str]
    recipe: ClassVar[Training | None] = None
    statistics: ClassVar[Statistics] = IMAGENET

    @abstractmethod
    def build(self, task: Task) -> nn.Module:
        """Return a fresh network, (batch, channels, height, width) -> (batch, classes) logits."""


def list_models(pattern: str = "*") -> list[str]:
    """Return the names in the zoo that match a shell pattern, sorted."""
    from nas.zoo.catalog import ZOO

    return [name for name in ZOO.names() if fnmatch(name, pattern)]


def create_model(
    name: str,
    *,
    num_classes: int | None = None,
    channels: int | None = None,
    size: int | None = None,
) -> nn.Module:
    """Return a fresh network of the zoo; by default for classes, channels and pixels of its paper.

    ``size`` is the side of the images: a network for ImageNet built for images under 64 pixels
    keeps their resolution in its first layers where that makes sense. Raises RegistryError for an
    unknown name and ZooError for less than one class, channel or pixel and for images too small.
    """
    from nas.zoo.catalog import ZOO

    model = ZOO.create(name)
    for field, given in (("num_classes", num_classes), ("channels", channels), ("size", size)):
        if given is not None and given < 1:
            raise ZooError(f"{field}: {given} (allowed: 1 or more)")
    task = replace(
        model.task,
        classes=num_classes or model.task.classes,
        channels=channels or model.task.channels,
        height=size or model.task.height,
        width=size or model.task.width,
    )
    return model.build(task)


def load_timm(model: nn.Module, state_dict: Mapping[str, Tensor]) -> None:
    """Copy weights in the names of timm's nasnetalarge or pnasnet5large; see nas.zoo.timm."""
    from nas.zoo.timm import load_timm as load

    load(model, state_dict)
