"""A standalone Python file that rebuilds the network and its weights with nothing but torch.

The file holds our own definitions of the network (:mod:`nas.export.extract`), reduced to the
operations that the architecture uses, the architecture as data, and ``build``, ``load`` and
``preprocess``. Names of parameters are those of the network that was trained. ``build`` is the body
of the search space's own ``build``, which may use arch, task and scale but not the space.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from nas.export import Exporter, ExportError, Subject
from nas.export.extract import OURS, Reference, extract
from nas.export.layout import arch_text, call_text, imports_text, tuple_text
from searchspaces.catalog import SPACES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from searchspaces.arch import Arch

TIMEOUT_SECONDS = 600.0
SCALE = Reference("searchspaces.scale", "Scale")
GIVEN_IMPORTS = {
    "Path": Reference("pathlib", "Path"),
    "SimpleNamespace": Reference("types", "SimpleNamespace"),
    "nn": Reference("torch", "nn"),
    "Tensor": Reference("torch", "Tensor"),
    "sys": Reference("sys", None),
    "torch": Reference("torch", None),
}

HEAD = '''"""{title}

{classes} classes from {channels} x {height} x {width} images. Needs torch and nothing else:

    import torch, model
    network = model.load()                    # reads weights.safetensors beside this file
    logits = network(model.preprocess(images))   # images: (batch, {channels}, height, width), uint8
    names = [model.CLASSES[i] for i in logits.argmax(1)]

Run this file to see it classify random pixels. model.build() gives the network with fresh weights.
"""

from __future__ import annotations

{imports}

Scale = SimpleNamespace  # the size of the network around the cells
'''

TAIL = '''
# The architecture that the search found. Value 0 of a cell is its first input; every node adds one.
{arch}
{task}
{scale}
CLASSES = {classes}
MEAN = {mean}  # of the training images, by channel, pixels from 0 to 1
STD = {std}


def build() -> nn.Module:
    """Return the network with fresh weights."""
    arch, task, scale = ARCH, TASK, SCALE
{body}


def load(weights: str | Path | None = None) -> nn.Module:
    """Return the trained network, ready to classify; weights by default beside this file."""
    network = build()
    path = weights or Path(__file__).with_name("weights.safetensors")
    network.load_state_dict(read_safetensors(path))
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

USAGE = """`model.py` needs torch and nothing else.

```python
import torch, model

network = model.load()  # reads weights.safetensors beside model.py
images = torch.randint(256, (4, {channels}, {height}, {width}), dtype=torch.uint8)
logits = network(model.preprocess(images))
print([model.CLASSES[i] for i in logits.argmax(1)])
```"""

# Runs a model.py as a stranger would: isolated, our packages and safetensors made unimportable.
RUNNER = """
import importlib.util, sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ImportError(f"an exported file may not import {{name}}")
sys.meta_path.insert(0, Refuse())
import torch
torch.set_num_threads(1)
for file, batches, outputs in zip(*[iter(sys.argv[1:])] * 3, strict=True):
    spec = importlib.util.spec_from_file_location("model", file)
    model = importlib.util.module_from_spec(spec)
    sys.modules["model"] = model
    spec.loader.exec_module(model)
    network = model.load()
    with torch.no_grad():
        torch.save([network(x) for x in torch.load(batches, weights_only=True)], outputs)
"""


class Source(Exporter):
    """A Python file that needs only torch: the network's own code, its architecture, its loader."""

    name = "source"
    file = "model.py"

    def refusal(self, subject: Subject) -> str:
        """Say no to networks that no search space builds."""
        if subject.arch is not None:
            return ""
        return (
            f"source: {subject.card.zoo} was written by hand over several modules, some of them "
            "torchvision's, so it is not offered as one file; pt2 and onnx need no code of ours"
        )

    def usage(self) -> str:
        """Return how to load it."""
        return USAGE

    def write(self, folder: Path, subject: Subject) -> None:
        """Write ``model.py``; raise ExportError where the network needs more than torch."""
        (folder / self.file).write_text(
            source_text(subject), encoding="utf-8", errors="backslashreplace"
        )

    def run(self, folder: Path, batches: Sequence[Tensor]) -> list[Tensor]:
        """Run ``model.py`` with its weights in a fresh interpreter that cannot see our packages."""
        return run_all([(folder, batches)])[0]


def run_all(given: Sequence[tuple[Path, Sequence[Tensor]]]) -> list[list[Tensor]]:
    """Run the ``model.py`` of each folder on its batches, in one fresh interpreter.

    Raises ExportError where one does not run, or all take too long.
    """
    script = RUNNER.format(blocked={*OURS, "service", "safetensors"})
    with tempfile.TemporaryDirectory(prefix="nas-export-") as elsewhere:
        command, answers = [sys.executable, "-I", "-B", "-c", script], []
        for number, (folder, batches) in enumerate(given):
            asked = Path(elsewhere, f"batches{number}.pt")
            answers.append(Path(elsewhere, f"outputs{number}.pt"))
            torch.save(list(batches), asked)
            command += [str((folder / Source.file).resolve()), str(asked), str(answers[-1])]
        try:
            done = subprocess.run(
                command,
                cwd=elsewhere,
                capture_output=True,
                text=True,
                timeout=TIMEOUT_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise ExportError(f"{Source.file} took over {error.timeout:.0f} s") from error
        if done.returncode != 0:
            last = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
            raise ExportError(f"{Source.file} does not run by itself: {last[0]}")
        return [torch.load(answer, weights_only=True) for answer in answers]


def source_text(subject: Subject) -> str:
    """Return the text of ``model.py``; raise ExportError where it cannot be one file."""
    arch, scale = subject.arch, subject.scale
    if arch is None or scale is None:
        raise ExportError("source: only a network of a search space can be one file of source")
    space = SPACES.get(arch.space)
    parts = extract(
        [
            Reference("searchspaces", "Task"),
            Reference("searchspaces.arch", "Arch"),
            Reference("nas.export.standalone", "read_safetensors"),
            Reference("nas.export.standalone", "prepare"),
        ],
        method=(Reference(space.__module__, space.__name__), "build"),
        given=frozenset({SCALE}),
        rows={"OPS": frozenset(_operations(arch))},
    )
    task, card = subject.task, subject.card
    head = HEAD.format(
        title=f"{_docstring(card.title)}: an image classifier built from cells.",
        classes=task.classes,
        channels=task.channels,
        height=task.height,
        width=task.width,
        imports=imports_text(_merged(parts.imports)),
    )
    tail = TAIL.format(
        arch=arch_text(arch),
        task=call_text(
            "TASK",
            "Task",
            {name: getattr(task, name) for name in ("channels", "height", "width", "classes")},
        ),
        scale=call_text("SCALE", "Scale", scale.model_dump()),
        classes=tuple_text(card.classes),
        mean=tuple_text(card.mean),
        std=tuple_text(card.std),
        body=textwrap.indent(parts.body, "    "),
    )
    return "\n\n".join([head, parts.text, tail])


def _docstring(text: str) -> str:
    """Return one line that cannot end or escape the docstring it stands in."""
    return " ".join(text.replace("\\", "/").replace('"', "'").split())


def _operations(arch: Arch) -> set[str]:
    return {node.op for cell in arch.cells for node in cell.pruned().nodes}


def _merged(imports: Mapping[str, Reference]) -> dict[str, Reference]:
    merged = {**GIVEN_IMPORTS, **imports}
    for name, target in GIVEN_IMPORTS.items():
        if merged[name] != target:
            raise ExportError(f"{name} means two things in the modules of the network")
    return merged
