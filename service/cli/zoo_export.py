"""``nas zoo export``: a network of the zoo as a folder, with weights from a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from service.cli.formats import Formats, say_left_out
from service.cli.screen import say, say_json
from service.errors import UserError


def export_zoo(  # noqa: PLR0913 - typer reads the options from the signature
    name: Annotated[str, typer.Argument(help="Name of a network, such as resnet18")],
    *,
    output: Annotated[
        Path | None,
        typer.Option("--output", metavar="DIR", help="Folder to write (default: ./NAME)"),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option("--size", min=1, help="Side of the images in pixels", show_default=False),
    ] = None,
    num_classes: Annotated[
        int | None, typer.Option("--num-classes", min=2, help="Number of classes")
    ] = None,
    class_names: Annotated[
        Path | None,
        typer.Option("--class-names", metavar="FILE", help="Names of the classes, one a line"),
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help=".safetensors, or .pt/.pth of torch.save; torchvision's and timm's too",
        ),
    ] = None,
    formats: Formats = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document")] = False,
) -> None:
    """Write a network of the zoo to a folder: weights, model card, and a file for each format.

    nas zoo export resnet18 --weights resnet18.safetensors --format onnx

    Every file is run and compared before the folder appears. Without --weights the network is
    fresh: it was not trained.
    """
    from dataclasses import asdict

    from nas.export import export_subject
    from nas.export.zoo import zoo_subject

    classes = _names(class_names) if class_names else num_classes
    if class_names and num_classes not in (None, len(classes) if isinstance(classes, list) else 0):
        raise UserError(
            f"--num-classes is {num_classes}, {class_names} has other names",
            field="num_classes",
            value=num_classes,
        )
    subject = zoo_subject(name, size=size, classes=classes, weights=weights)
    if weights is None:
        say("no --weights were given: the network is fresh, not trained", error=True)
    target = (output or Path(name)).expanduser().absolute()
    say(f"writing {target}, running every file in it ...", error=True)
    files = export_subject(target, subject, formats or ())
    say_left_out(formats, subject)
    if as_json:
        say_json({"folder": str(target), "files": [asdict(one) for one in files]})
        return
    for file in files:
        say(f"  {target / file.name}  ({file.size_bytes:,} bytes)")


def _names(file: Path) -> list[str]:
    lines = file.read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip()]
