"""MobileNet v1 at four widths, and torchvision's v2.

Images under 64 pixels pass the first two halvings untouched.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from torch import nn
from torchvision.models import mobilenet_v2

from nas.normalisation import CENTRED
from nas.zoo import Paper
from nas.zoo.built import Row, family, small
from nas.zoo.layers import Average, conv1x1, conv3x3, he_normal, norm_relu, with_channels
from nas.zoo.training import Training

if TYPE_CHECKING:
    from searchspaces import Task

V1 = "Howard et al.: MobileNets, arXiv 1704.04861"
V2 = "Sandler, Howard, Zhu, Zhmoginov, Chen: MobileNetV2, arXiv 1801.04381"
# Filters and stride of the pairs of depthwise and pointwise convolutions.
PAIRS = (
    *((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)),
    *((512, 1),) * 5,
    *((1024, 2), (1024, 1)),
)
STEM = 32


class MobileNetV1(nn.Sequential):
    """A 3x3 stem and thirteen pairs of a depthwise 3x3 and a 1x1, average, linear."""

    def __init__(self, task: Task, width: float) -> None:
        """Build it with ``width`` times the filters."""
        strides = {2: 1} if small(task) else {}  # pair 2 is the first that halves
        stem = int(STEM * width)
        parts = [nn.Sequential(conv3x3(task.channels, stem, 1 if strides else 2), *norm_relu(stem))]
        c_in = stem
        for number, (filters, stride) in enumerate(PAIRS, 1):
            c_out = int(filters * width)
            parts.append(
                nn.Sequential(
                    conv3x3(c_in, c_in, strides.get(number, stride), groups=c_in),
                    *norm_relu(c_in),
                    conv1x1(c_in, c_out),
                    *norm_relu(c_out),
                )
            )
            c_in = c_out
        super().__init__(*parts, Average(), nn.Linear(c_in, task.classes))
        he_normal(self)


def _v2(task: Task, width: float) -> nn.Module:
    model = mobilenet_v2(num_classes=task.classes, width_mult=width)
    if small(task):
        halving = [
            m for m in model.features.modules() if isinstance(m, nn.Conv2d) and m.stride == (2, 2)
        ]
        for conv in halving[:2]:
            conv.stride = (1, 1)
    return with_channels(model, task)


def _v1_row(width: float, params: str, madds: str, top1: float, top5: float | None) -> Row:
    where = "Table 6" if top5 is None else "Table 6; top-5: NASNet, Table 3"
    return Row(
        f"mobilenet_v1_{round(100 * width):03}",
        f"MobileNet v1 {width:g}",
        partial(MobileNetV1, width=width),
        Paper(V1, where, "ImageNet", params, madds, top1, top5),
        least=8,
        statistics=CENTRED,  # TensorFlow's weights; timm's configuration of mobilenetv1_100
    )


V1_TRAINING = Training(
    "section 3.2: RMSProp; little or no decay on depthwise filters; no rates printed",
    "not printed",
    optimiser="RMSProp",
)
V2_TRAINING = Training(
    "section 6.1: RMSProp, decay and momentum 0.9; 16 workers out of step, 96 images each",
    "times 0.98 an epoch",
    batch_size=96,
    learning_rate=0.045,
    weight_decay=4e-5,
    optimiser="RMSProp",
)
V1_MODELS = family(
    __name__,
    2017,
    "Filter each map by itself, then mix them by 1x1: nearly nine times fewer multiply-adds.",
    V1_TRAINING,
    (
        _v1_row(1.0, "4.2M", "569M", 70.6, 89.5),
        _v1_row(0.75, "2.6M", "325M", 68.4, None),
        _v1_row(0.5, "1.3M", "149M", 63.7, None),
        _v1_row(0.25, "0.5M", "41M", 50.6, None),
    ),
)
V2_MODELS = family(
    __name__,
    2018,
    "Shortcuts between narrow layers, wide depthwise filters between, no ReLU where it is narrow.",
    V2_TRAINING,
    (
        Row(
            "mobilenet_v2_100",
            "MobileNet v2 1.0",
            partial(_v2, width=1.0),
            Paper(
                V2,
                "Table 4",
                "ImageNet",
                "3.4M",
                "300M",
                72.0,
                differs="without batch normalisation 3.47M parameters",
            ),
        ),
        Row(
            "mobilenet_v2_140",
            "MobileNet v2 1.4",
            partial(_v2, width=1.4),
            Paper(
                V2,
                "Table 4",
                "ImageNet",
                "6.9M",
                "585M",
                74.7,
                differs="torchvision's rounding of widths gives 6.1M parameters and 582M",
            ),
        ),
    ),
)
