"""FractalNet for CIFAR: nested columns joined by means; drop-path, local and global.

f_1 is a convolution; f_c is f_{c-1} after f_{c-1}, joined with one convolution beside both. Joins
that meet are one mean over all their columns.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from nas.zoo import Paper
from nas.zoo.built import CIFAR, Row, family
from nas.zoo.layers import Average, he_normal
from nas.zoo.training import Training

if TYPE_CHECKING:
    from searchspaces import Task

CITATION = "Larsson, Maire, Shakhnarovich: FractalNet, arXiv 1605.07648"
WIDTHS, DROPOUT = (64, 128, 256, 512, 512), (0.0, 0.1, 0.2, 0.3, 0.4)
LOCAL = 0.15  # of the inputs of a join are dropped
EVERY = 0  # as a column: all of them


class Layer(nn.Sequential):
    """A convolution with its bias, normalisation, ReLU, dropout."""

    def __init__(self, c_in: int, c_out: int, kernel: int, dropout: float) -> None:
        """Map ``c_in`` channels to ``c_out``."""
        super().__init__(
            nn.Conv2d(c_in, c_out, kernel, padding=kernel // 2),
            nn.BatchNorm2d(c_out),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
        )


class Fractal(nn.Module):
    """f_c of ``columns`` columns."""

    def __init__(self, c_in: int, c_out: int, columns: int, dropout: float) -> None:
        """Build the layer beside and, from two columns on, the two fractals in a row."""
        super().__init__()
        self.columns = columns
        self.beside = Layer(c_in, c_out, 3, dropout)
        if columns > 1:
            self.first = Fractal(c_in, c_out, columns - 1, dropout)
            self.second = Fractal(c_out, c_out, columns - 1, dropout)

    def forward(self, x: Tensor, column: int = EVERY, drop: float = 0.0) -> Tensor:
        """Map (batch, c_in, height, width) to c_out channels; ``column`` is the only one to run."""
        return join(self.paths(x, column, drop), drop)

    def paths(self, x: Tensor, column: int, drop: float) -> list[Tensor]:
        """Return what arrives at the last join, the longest column first; or of one column."""
        if column == self.columns:
            return [self.beside(x)]
        deep: list[Tensor] = []
        if self.columns > 1:
            deep = self.second.paths(self.first(x, column, drop), column, drop)
        return deep if column else [*deep, self.beside(x)]


def join(columns: list[Tensor], drop: float) -> Tensor:
    """Return the mean over the columns; each is dropped with probability ``drop``, never all."""
    if drop and len(columns) > 1:
        draws = torch.rand(len(columns), device="cpu").tolist()
        kept = [x for x, u in zip(columns, draws, strict=True) if u >= drop]
        columns = kept or [columns[draws.index(max(draws))]]
    return torch.stack(columns).mean(0) if len(columns) > 1 else columns[0]


class FractalNet(nn.Module):
    """Five fractal blocks, each followed by a pool, average, linear.

    In training half of the batches drop paths locally, at every join; the other half keep one
    column of the whole network.
    """

    def __init__(self, task: Task, columns: int, *, widened: bool = False) -> None:
        """Build blocks of ``columns``; ``widened`` puts a 1x1 that widens before each."""
        super().__init__()
        self.columns, c_in = columns, task.channels
        self.widen, self.blocks = nn.ModuleList(), nn.ModuleList()
        for width, dropout in zip(WIDTHS, DROPOUT, strict=True):
            self.widen.append(Layer(c_in, width, 1, 0.0) if widened else nn.Identity())
            self.blocks.append(Fractal(width if widened else c_in, width, columns, dropout))
            c_in = width
        self.pool = nn.MaxPool2d(2)
        self.head = nn.Sequential(Average(), nn.Linear(c_in, task.classes))
        he_normal(self)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, channels, height, width) to (batch, classes) logits."""
        column, drop = self._draw() if self.training else (EVERY, 0.0)
        for widen, block in zip(self.widen, self.blocks, strict=True):
            x = self.pool(block(widen(x), column, drop))
        logits: Tensor = self.head(x)
        return logits

    def _draw(self) -> tuple[int, float]:
        """Return one column for a global batch, or how much a local one drops."""
        one, column = torch.rand(2, device="cpu").tolist()
        return (1 + int(column * self.columns), 0.0) if one < 0.5 else (EVERY, LOCAL)


MODELS = family(
    __name__,
    2016,
    "Very deep without shortcuts: short and long paths joined, and paths dropped in training.",
    Training(
        "section 4.1, as others quote it; drop-path 15 % local, half of the batches global",
        "divided by 10 whenever half of the remaining epochs are done",
        batch_size=100,
        learning_rate=0.02,
        epochs=400,
        dropout=0.4,
    ),
    (
        Row(
            "fractalnet20_cifar",
            "FractalNet, 20 layers",
            partial(FractalNet, columns=3),
            Paper(
                CITATION,
                "5.22 % error (quoted by khanrc/pt.fractalnet)",
                "CIFAR-10",
                "38.6M",
                top1=94.78,
                differs="the authors' generator gives 33.7M; the printed figure is not explained",
            ),
            CIFAR,
            least=32,
        ),
        Row(
            "fractalnet20_widened_cifar",
            "FractalNet, 20 layers, 1x1 before blocks",
            partial(FractalNet, columns=3, widened=True),
            Paper(CITATION, "khanrc/pt.fractalnet, README, not the paper", "CIFAR-10", "38.9M"),
            CIFAR,
            least=32,
        ),
        Row(
            "fractalnet40_cifar",
            "FractalNet, 40 layers",
            partial(FractalNet, columns=4),
            Paper(
                CITATION,
                "figure from memory",
                "CIFAR-10",
                "22.9M",
                differs="the paper's 40 layers have reduced widths; these are those of 20 layers",
            ),
            CIFAR,
            least=32,
        ),
    ),
)
