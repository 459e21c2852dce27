"""Ensembles: networks that answer together, AlexNet's seven and a fusion of families and scales.

:class:`Ensemble` averages the logits of any members, searched ones too::

    Ensemble([nas.create_model("resnet50"), nas.create_model("nasnet_a_mobile")])

Members are trained each by itself, from another seed; their weights are loaded before or after.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from nas.zoo import Paper, ZooError
from nas.zoo.alexnet import CITATION, TRAINING, AlexNet
from nas.zoo.built import IMAGENET, Row, family
from searchspaces import Task

if TYPE_CHECKING:
    from collections.abc import Sequence

EQUAL, EXTENDED = 5, 2
# Of the winner's members (Inception-v3 and v4, Inception-ResNet-v2, ResNet-200, WRN-68-3: so others
# report its talk) the last two were never released: their nearest of the zoo stand here.
FUSED = ("inception_v3", "inception_v4", "inception_resnet_v2", "resnet152", "wide_resnet101_2")
LEAST = 57  # pixels at which Inception, which sees 299 where others see 224, sees its least 75


class Ensemble(nn.Module):
    """Networks of the same classes; the logits are the mean of theirs.

    ``scales`` are the sides at which the members see the images, as multiples of the side given.
    """

    def __init__(self, members: Sequence[nn.Module], scales: Sequence[float] | None = None) -> None:
        """Join members; ZooError where there are none, or not one positive scale for each."""
        super().__init__()
        if not members:
            raise ZooError("members: none (allowed: 1 or more)")
        self.scales = tuple(scales or (1.0,) * len(members))
        if len(self.scales) != len(members) or min(self.scales) <= 0:
            raise ZooError(
                f"scales: {list(self.scales)} "
                f"(allowed: {len(members)} positive numbers, one a member)"
            )
        self.members = nn.ModuleList(members)

    def set_progress(self, fraction: float) -> None:
        """Tell the members that schedule something how far the training is, 0 to 1."""
        for member in self.members:
            tell = getattr(member, "set_progress", None)
            if tell is not None:
                tell(fraction)

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Map (batch, channels, height, width) to (batch, classes) logits.

        In training the logits of the members' auxiliary classifiers follow, if there are any.
        """
        answers: list[Tensor] = []
        auxiliary: list[Tensor] = []
        for member, scale in zip(self.members, self.scales, strict=True):
            out = member(_seen(x, scale))
            first, *more = out if isinstance(out, tuple) else (out,)
            answers.append(first)
            auxiliary += more
        logits = torch.stack(answers).mean(0)
        return (logits, *auxiliary) if auxiliary else logits


def _seen(x: Tensor, scale: float) -> Tensor:
    if scale == 1:
        return x
    size = [_side(side, scale) for side in x.shape[2:]]
    return functional.interpolate(x, size, mode="bilinear", antialias=scale < 1)


def _side(pixels: int, scale: float) -> int:
    return round(pixels * scale)


def _alexnets(task: Task, extended: int) -> nn.Module:
    equal = [AlexNet(task, groups=2) for _ in range(EQUAL)]
    return Ensemble(equal + [AlexNet(task, groups=2, sixth=True) for _ in range(extended)])


def _fusion(task: Task) -> nn.Module:
    from nas.zoo.catalog import ZOO

    models = [ZOO.create(name) for name in FUSED]
    scales = [model.task.height / IMAGENET.height for model in models]
    members = [
        model.build(replace(task, height=_side(task.height, scale), width=_side(task.width, scale)))
        for model, scale in zip(models, scales, strict=True)
    ]
    return Ensemble(members, scales)


MODELS = family(
    __name__,
    2012,
    "Networks from several seeds answer together, and err less than each of them.",
    TRAINING,
    (
        Row(
            "alexnet_ensemble_5",
            "Five AlexNets",
            partial(_alexnets, extended=0),
            Paper(
                CITATION,
                "Table 2, 5 CNNs, validation: 38.1 and 16.4 % error",
                "ImageNet",
                top1=61.9,
                top5=83.6,
            ),
            Task(3, 227, 227, 1000),
            least=67,
        ),
        Row(
            "alexnet_ensemble_7",
            "Seven AlexNets, two of them with a sixth convolution",
            partial(_alexnets, extended=EXTENDED),
            Paper(
                CITATION,
                "Table 2, 7 CNNs, validation: 36.7 and 15.4 % error; the two were trained on all "
                "of ImageNet 2011 first; the widths of the sixth convolution are not printed",
                "ImageNet",
                top1=63.3,
                top5=84.6,
            ),
            Task(3, 227, 227, 1000),
            least=67,
        ),
    ),
) + family(
    __name__,
    2016,
    "Several families at several scales answer together, as in the winner of ILSVRC 2016.",
    TRAINING,
    (
        Row(
            "fusion_5",
            "Fusion of Inception-v3, v4, Inception-ResNet-v2, ResNet-152, Wide ResNet-101-2",
            _fusion,
            Paper(
                "Trimps-Soushen, ILSVRC 2016, no paper",
                "not measured: the winner (2.99 % top-5 test error) had a ResNet-200 and a "
                "WRN-68-3 in the places of the last two, as others report",
                "ImageNet",
            ),
            least=LEAST,
        ),
    ),
)
