"""What stands around a network in every exported ``model.py``: how to load it, and to use it."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from nas.export import ExportError
from nas.export.extract import Reference
from nas.export.layout import call_text, imports_text, tuple_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nas.export import Subject

GIVEN_IMPORTS = {
    "Path": Reference("pathlib", "Path"),
    "nn": Reference("torch", "nn"),
    "Tensor": Reference("torch", "Tensor"),
    "sys": Reference("sys", None),
    "torch": Reference("torch", None),
}
# What the file takes from this project whatever the network is.
ROOTS = (
    Reference("searchspaces", "Task"),
    Reference("nas.export.standalone", "read_safetensors"),
    Reference("nas.export.standalone", "prepare"),
)
# What the file around the network defines or takes as given.
NAMES = frozenset(
    ("TASK", "CLASSES", "MEAN", "STD", "LEFT_OUT", "build", "load", "preprocess", "main")
) | set(GIVEN_IMPORTS)

HEAD = '''"""{about}

{classes} classes from {channels} x {height} x {width} images. Needs torch and nothing else:

    import torch, model
    network = model.load()                    # reads weights.safetensors beside this file
    logits = network(model.preprocess(images))   # images: (batch, {channels}, height, width), uint8
    names = [model.CLASSES[i] for i in logits.argmax(1)]

Run this file to see it classify random pixels. model.build() gives the network with fresh weights.
"""

from __future__ import annotations

{imports}
'''

TAIL = '''
{data}{task}
CLASSES = {classes}
MEAN = {mean}  # of the training images, by channel, pixels from 0 to 1
STD = {std}


def build() -> nn.Module:
    """Return the network with fresh weights."""
{body}


def load(weights: str | Path | None = None) -> nn.Module:
    """Return the trained network, ready to classify; weights by default beside this file."""
    network = build()
    path = weights or Path(__file__).with_name("weights.safetensors")
    tensors = read_safetensors(path)
{kept}    network.load_state_dict(tensors)
    return network.eval()


def preprocess(images: Tensor) -> Tensor:
    """Map images, (batch, 1 or 3, any height, any width) uint8, to inputs of the network."""
    return prepare(images, (TASK.height, TASK.width), MEAN, STD)


def main() -> None:
    """Classify four images of random pixels, with the weights given or beside this file."""
    given = sys.argv[1:2]
    trained = given or Path(__file__).with_name("weights.safetensors").exists()
    network = load(*given) if trained else build().eval()
    shape = (4, TASK.channels, TASK.height, TASK.width)
    with torch.no_grad():
        logits = network(preprocess(torch.randint(256, shape, dtype=torch.uint8)))
    count = sum(p.numel() for p in network.parameters())
    print(f"{{count:,}} parameters ({{'trained' if trained else 'fresh'}} weights)")
    print(f"images {{shape}} -> logits {{tuple(logits.shape)}}")


if __name__ == "__main__":
    main()
'''

LEFT_OUT = """\
# Weights that only training needs, by the beginning of their names: they are not in the network.
LEFT_OUT = {names}
"""
KEPT = """\
    tensors = {k: v for k, v in tensors.items() if not k.startswith(LEFT_OUT)}
"""


def framed(
    subject: Subject,
    definitions: str,
    imports: Mapping[str, Reference],
    *,
    about: str,
    data: str,
    body: str,
    left_out: Sequence[str] = (),
) -> str:
    """Return the text of a ``model.py``.

    ``about`` is what the docstring says of the network, ``data`` and ``definitions`` what ``body``,
    the lines of its ``build``, needs. Weights whose names begin as one of ``left_out`` are not
    loaded. Raises ExportError where an import would hide another.
    """
    task, card = subject.task, subject.card
    head = HEAD.format(
        about=about,
        classes=task.classes,
        channels=task.channels,
        height=task.height,
        width=task.width,
        imports=imports_text(_merged(imports)),
    )
    tail = TAIL.format(
        data=data + (LEFT_OUT.format(names=tuple_text(left_out)) if left_out else ""),
        task=call_text(
            "TASK",
            "Task",
            {name: getattr(task, name) for name in ("channels", "height", "width", "classes")},
        ),
        classes=tuple_text(card.classes),
        mean=tuple_text(card.mean),
        std=tuple_text(card.std),
        body=textwrap.indent(body, "    "),
        kept=KEPT if left_out else "",
    )
    return f"{head}\n{definitions}\n\n{tail}"


def docstring(text: str) -> str:
    """Return one line that cannot end or escape the docstring it stands in."""
    return " ".join(text.replace("\\", "/").replace('"', "'").split())


def _merged(imports: Mapping[str, Reference]) -> dict[str, Reference]:
    merged = {**GIVEN_IMPORTS, **imports}
    for name, target in GIVEN_IMPORTS.items():
        if merged[name] != target:
            raise ExportError(f"{name} means two things in the modules of the network")
    return merged
