"""LeNet-5: the common form, that of the 1998 paper, and the larger one of Caffe.

The paper's C3 reads six to sixteen maps by a table, its subsampling has a weight and a bias a map,
its output measures distances to fixed codes. The common form has none of these.
"""

from __future__ import annotations

import random
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from nas.zoo import Paper
from nas.zoo.built import MNIST, Row, family
from nas.zoo.training import Training
from searchspaces import Task

if TYPE_CHECKING:
    from collections.abc import Iterator

CITATION = "LeCun, Bottou, Bengio, Haffner: Gradient-Based Learning, Proc. IEEE 1998"
# Which maps of S2 each map of C3 reads (the paper's Table I).
C3_READS = (
    *((i, (i + 1) % 6, (i + 2) % 6) for i in range(6)),
    *(tuple((i + k) % 6 for k in range(4)) for i in range(6)),
    *((i, (i + 1) % 6, (i + 3) % 6, (i + 4) % 6) for i in range(3)),
    tuple(range(6)),
)
CODE = 84  # a bitmap of 7x12: F6 has one unit a pixel


class LeNet(nn.Sequential):
    """Convolution and pool, twice, then linear layers; ``pad`` keeps a 28x28 image's border."""

    def __init__(self, task: Task, widths: tuple[int, ...], tanh: bool = True) -> None:
        """Take the filters of the two convolutions and the units of the hidden layers."""
        first, second, *hidden = widths

        def act() -> nn.Module:
            return nn.Tanh() if tanh else nn.ReLU(inplace=True)

        pool = nn.AvgPool2d if tanh else nn.MaxPool2d
        height, width = _over(task.height), _over(task.width)
        units = (second * height * width, *hidden)
        super().__init__(
            nn.Conv2d(task.channels, first, 5),
            *((act(),) if tanh else ()),
            pool(2),
            nn.Conv2d(first, second, 5),
            *((act(),) if tanh else ()),
            pool(2),
            nn.Flatten(),
            *(
                layer
                for c_in, c_out in pairwise(units)
                for layer in (nn.Linear(c_in, c_out), act())
            ),
            nn.Linear(units[-1], task.classes),
        )


def _over(side: int) -> int:
    """Return the side of a map after both convolutions and pools."""
    return ((side - 4) // 2 - 4) // 2


class Subsampling(nn.Module):
    """The sum of 2x2 pixels, times a weight, plus a bias: one of each a map."""

    def __init__(self, maps: int) -> None:
        """Start as the average."""
        super().__init__()
        self.weight = nn.Parameter(torch.full((maps, 1, 1), 0.25))
        self.bias = nn.Parameter(torch.zeros(maps, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Halve the sides of (batch, maps, height, width)."""
        # Not divisor_override=1, which ONNX does not have: torch 2.14.1 leaves it out, silently.
        return functional.avg_pool2d(x, 2) * (4 * self.weight) + self.bias


class SparseConv(nn.ModuleList):
    """C3: every map reads a few maps of those before it."""

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, 6, height, width) to 16 maps."""
        reads = zip(self, C3_READS, strict=True)
        return torch.cat([conv(x[:, list(maps)]) for conv, maps in reads], 1)


class Distances(nn.Module):
    """The output layer: minus the squared distances to a fixed code of +-1 a class.

    The paper's codes are drawn digits, so that confusable characters have similar codes; these
    are drawn by lot, the alternative that the paper names.
    """

    codes: Tensor

    def __init__(self, classes: int) -> None:
        """Draw the codes, the same ones in every network."""
        super().__init__()
        draw = random.Random(1998)
        codes = [[draw.getrandbits(1) * 2.0 - 1 for _ in range(CODE)] for _ in range(classes)]
        self.register_buffer("codes", torch.tensor(codes))

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, 84) to (batch, classes); the nearest code has the largest logit."""
        squares = (x * x).sum(1, keepdim=True) + (self.codes * self.codes).sum(1)
        return 2 * (x @ self.codes.T) - squares


class Scaled(nn.Module):
    """The paper's squashing function, 1.7159 tanh(2/3 x)."""

    def forward(self, x: Tensor) -> Tensor:
        """Squash every value."""
        return 1.7159 * torch.tanh(2 / 3 * x)


class LeNet1998(nn.Sequential):
    """LeNet-5 as printed: C1 S2 C3 S4 C5 F6 and the distances."""

    def __init__(self, task: Task) -> None:
        """Build it for images of ``task``; C5 covers the map that S4 leaves."""
        super().__init__(*self._layers(task))

    @staticmethod
    def _layers(task: Task) -> Iterator[nn.Module]:
        yield nn.Conv2d(task.channels, 6, 5)
        yield from (Scaled(), Subsampling(6), Scaled())
        yield SparseConv([nn.Conv2d(len(maps), 1, 5) for maps in C3_READS])
        yield from (Scaled(), Subsampling(16), Scaled())
        yield nn.Conv2d(16, 120, (_over(task.height), _over(task.width)))
        yield from (Scaled(), nn.Flatten(), nn.Linear(120, CODE), Scaled(), Distances(task.classes))


TRAINING = Training(
    "section III-B: stochastic diagonal Levenberg-Marquardt, 20 passes",
    "5e-4 for two passes, 2e-4, 1e-4, 5e-5, then 1e-5",
    batch_size=1,
    learning_rate=5e-4,
    epochs=20,
    weight_decay=0.0,
    momentum=0.0,
)
MODELS = family(
    __name__,
    1998,
    "Learn the features too: shared weights in space, subsampling, one gradient through all.",
    TRAINING,
    (
        Row(
            "lenet5",
            "LeNet-5, common form",
            partial(LeNet, widths=(6, 16, 120, 84)),
            Paper(CITATION, "section III-B: 0.95 % error, of the original", "MNIST", top1=99.05),
            MNIST,
            least=16,
        ),
        Row(
            "lenet5_1998",
            "LeNet-5 as printed",
            LeNet1998,
            Paper(CITATION, "sections II-B, III-B: 0.95 % error", "MNIST", "60K", top1=99.05),
            MNIST,
            least=16,
        ),
        Row(
            "lenet_caffe",
            "LeNet of Caffe",
            partial(LeNet, widths=(20, 50, 500), tanh=False),
            Paper(CITATION, "Caffe, examples/mnist: another network, seven times larger", "MNIST"),
            Task(1, 28, 28, 10),
            least=16,
        ),
    ),
)
