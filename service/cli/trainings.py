"""What the commands that train share: options of images, epochs on the screen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nas.data.spec import DataSpec
from service.cli.context import settings_of
from service.errors import UserError
from service.registered import located_here

if TYPE_CHECKING:
    from nas.evaluators import Report
    from nas.trial import Metrics
    from service.cli.screen import Meter

Data = Annotated[str, typer.Option(help="A name such as cifar10, a folder, a .zip or a .npz")]
ImageSize = Annotated[
    int | None, typer.Option(help="Side in pixels (default: the images' own)", min=4)
]
TrainImages = Annotated[
    int | None, typer.Option(help="Use only so many of the training images", min=4)
]
HoldOut = Annotated[
    float,
    typer.Option(
        help="Part of the training images that measures each epoch; 0: none", min=0, max=0.5
    ),
]
Seed = Annotated[int, typer.Option(help="Of the split, the weights and the augmentation", min=0)]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document")]
Workers = Annotated[
    int, typer.Option(help="Processes that decode images, for each that trains", min=0)
]
Threads = Annotated[int, typer.Option(help="Threads of torch in each process", min=1)]


def data_of(
    context: typer.Context,
    source: str,
    image_size: int | None,
    train_images: int | None,
    hold_out: float,
) -> DataSpec:
    """Return the description of the images; raise ValidationError for a value out of range."""
    given: dict[str, Any] = {"source": source, "image_size": image_size}
    given["train_images"] = "all" if train_images is None else train_images
    if hold_out > 0:
        given["selection_fraction"] = hold_out
    return located_here(settings_of(context), DataSpec.model_validate(given)).resolved()


def output_folder(path: Path) -> Path:
    """Return the folder that a training writes to; raise UserError where it cannot be one."""
    folder = path.expanduser().absolute()
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file", field="--output", allowed="a new folder")
    return folder


def shown_epochs(shown: Meter, name: str, epochs: int) -> Report:
    """Return a report that shows each epoch."""

    def report(epoch: int, metrics: Metrics) -> bool:
        parts = [f"loss {metrics['train_loss']:.3f}"]
        if "accuracy" in metrics:
            parts.append(f"accuracy {metrics['accuracy']:.2%}")
        parts.append(f"{metrics['images_per_second']:.0f} images/s")
        shown.show(name, epoch, epochs, ", ".join(parts))
        return True

    return report
