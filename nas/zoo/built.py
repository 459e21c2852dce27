"""What every hand-built network of the zoo shares: a table row, and the class made from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from nas.normalisation import IMAGENET as IMAGENET_STATISTICS
from nas.zoo import Paper, ZooError, ZooModel
from searchspaces import Task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from torch import nn

    from nas.normalisation import Statistics
    from nas.zoo.training import Training

MNIST, CIFAR, IMAGENET = Task(1, 32, 32, 10), Task(3, 32, 32, 10), Task(3, 224, 224, 1000)
SMALL = 64  # pixels; under it a network for ImageNet keeps the resolution in its first layers


@dataclass(frozen=True, slots=True)
class Row:
    """One network of a family: ``make`` builds it for a task; ``least`` is its smallest side."""

    name: str
    title: str
    make: Callable[[Task], nn.Module]
    paper: Paper
    task: Task = IMAGENET
    least: int = 8
    recipe: Training | None = None
    statistics: Statistics = IMAGENET_STATISTICS


class BuiltModel(ZooModel):
    """A network written by hand, or torchvision's."""

    row: ClassVar[Row]

    def build(self, task: Task) -> nn.Module:
        """Return a fresh network; raise ZooError for images too small for its layers."""
        side = min(task.height, task.width)
        if side < self.row.least:
            raise ZooError(
                f"{self.row.name}: images of {task.height}x{task.width} "
                f"(allowed: {self.row.least}x{self.row.least} or more)"
            )
        return self.row.make(task)


def family(
    module: str, year: int, idea: str, recipe: Training, rows: Iterable[Row]
) -> tuple[type[ZooModel], ...]:
    """Return one class a row, all of one year and idea; a row may have a recipe of its own.

    ``module`` is the ``__name__`` of the family's file, by which the registry knows whose they are.
    """
    return tuple(
        type(
            row.name,
            (BuiltModel,),
            {
                "__module__": module,
                "__doc__": f"{row.title}: {idea}",
                "name": row.name,
                "title": row.title,
                "task": row.task,
                "paper": row.paper,
                "year": year,
                "idea": idea,
                "recipe": row.recipe or recipe,
                "statistics": row.statistics,
                "row": row,
            },
        )
        for row in rows
    )


def small(task: Task) -> bool:
    """Whether images are so small that a stem for ImageNet would leave nothing of them."""
    return min(task.height, task.width) < SMALL
