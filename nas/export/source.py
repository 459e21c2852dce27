"""A standalone Python file that rebuilds the network and its weights with nothing but torch.

Of a network of a search space the file holds our own definitions (:mod:`nas.export.extract`),
reduced to the operations that the architecture uses, and the architecture as data; ``build`` is the
body of the space's own ``build``, which may use arch, task and scale but not the space. Any other
network is followed through its forward (:mod:`nas.export.trace`) and written down as classes
(:mod:`nas.export.classes`). Names of parameters are those of the network that was trained, and the
rest of the file is the same for both (:mod:`nas.export.frame`).
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from nas.export import Exporter, ExportError, Subject
from nas.export.classes import Classes
from nas.export.extract import OURS, Reference, extract
from nas.export.frame import NAMES, ROOTS, docstring, framed
from nas.export.layout import arch_text, call_text
from nas.export.trace import state_names, trace
from searchspaces.catalog import SPACES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from searchspaces.arch import Arch
    from searchspaces.scale import Scale

TIMEOUT_SECONDS = 600.0
SCALE = Reference("searchspaces.scale", "Scale")
SIZE = "Scale = SimpleNamespace  # the size of the network around the cells"
SEARCHED = (
    "# The architecture that the search found. Value 0 of a cell is its first input; every node "
    "adds one."
)
TRACED = """\
It is what the network does when it classifies, module by module: what only training has (auxiliary
classifiers, paths that are dropped) is not here, and fresh weights are drawn as torch draws them.\
"""
REMARK = """\
It holds what the network does when it classifies: what only training has (auxiliary classifiers,
paths that are dropped) is not in it, and fresh weights are drawn as torch draws them, which may not
be what its authors did.\
"""

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
        """Say no to a network that no search space builds and that cannot be traced."""
        if subject.arch is not None:
            return ""
        try:
            _traced(subject)
        except ExportError as error:
            return str(error)
        return ""

    def usage(self) -> str:
        """Return how to load it."""
        return USAGE

    def remark(self, subject: Subject) -> str:
        """Say what is missing where a network is written as it was traced."""
        return REMARK if subject.arch is None else ""

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
    if subject.arch is None or subject.scale is None:
        return _traced(subject)
    return _extracted(subject, subject.arch, subject.scale)


def _extracted(subject: Subject, arch: Arch, scale: Scale) -> str:
    """Return the file of a network of a search space: our own definitions of it."""
    space = SPACES.get(arch.space)
    parts = extract(
        [*ROOTS, Reference("searchspaces.arch", "Arch")],
        method=(Reference(space.__module__, space.__name__), "build"),
        given=frozenset({SCALE}),
        rows={"OPS": frozenset(_operations(arch))},
    )
    data = "\n".join([SEARCHED, arch_text(arch), call_text("SCALE", "Scale", scale.model_dump())])
    return framed(
        subject,
        f"{SIZE}\n\n\n{parts.text}",
        {**parts.imports, "SimpleNamespace": Reference("types", "SimpleNamespace")},
        about=f"{docstring(subject.card.title)}: an image classifier built from cells.",
        data=data + "\n",
        body=f"arch, task, scale = ARCH, TASK, SCALE\n{parts.body}",
    )


def _traced(subject: Subject) -> str:
    """Return the file of any other network: classes for what its forward was seen to do."""
    task, model = subject.task, subject.model
    parts = extract(ROOTS)
    root = trace(model, (task.height, task.width))
    left_out = _left_out(set(model.state_dict()), set(state_names(root)))
    classes = Classes(root, {*NAMES, *parts.imports, *parts.names, "OrderedDict"})
    made = "\n".join(classes.made())
    text = "\n\n\n".join(part for part in (parts.text, classes.text()) if part)
    imports = dict(parts.imports)
    if "OrderedDict(" in text + made:
        imports["OrderedDict"] = Reference("collections", "OrderedDict")
    if "functional." in text:
        imports["functional"] = Reference("torch.nn", "functional")
    return framed(
        subject,
        text,
        imports,
        about=f"{docstring(subject.card.title)}: an image classifier.\n\n{TRACED}",
        data="",
        body=made,
        left_out=left_out,
    )


def _left_out(all_names: set[str], kept: set[str]) -> list[str]:
    """Return beginnings of the names that are not kept, as short as they can be."""
    found = set()
    for name in all_names - kept:
        parts = name.split(".")
        starts = [".".join(parts[:count]) + "." for count in range(1, len(parts))]
        fitting = (one for one in starts if not any(other.startswith(one) for other in kept))
        found.add(next(fitting, name))
    return sorted(found)


def _operations(arch: Arch) -> set[str]:
    return {node.op for cell in arch.cells for node in cell.pruned().nodes}
