"""The network as ONNX, for runtimes other than torch; checked in onnxruntime."""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING, Any

import torch

from nas.export import Exporter, ExportError, Subject
from nas.export.program import program

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from torch import Tensor

IMAGES, LOGITS, BATCH = "images", "logits", "batch"  # names in the file
MOST_BYTES = 2**31 - 2**20  # a protocol buffer holds two gigabytes

USAGE = """`model.onnx` runs in onnxruntime and in other runtimes of ONNX, without torch:

```python
import numpy, onnxruntime

session = onnxruntime.InferenceSession("model.onnx")
images = numpy.zeros((4, {channels}, {height}, {width}), numpy.float32)  # any batch size
(logits,) = session.run(["logits"], {"images": images})
```"""


class Onnx(Exporter):
    """ONNX with a free batch size, for runtimes other than torch; checked in onnxruntime."""

    name = "onnx"
    file = "model.onnx"
    tolerance = 1e-4  # other kernels, which add in another order
    packages = ("onnx", "onnxscript", "onnxruntime")
    extra = "onnx"

    def write(self, folder: Path, subject: Subject) -> None:
        """Trace the network, translate it, and write ``model.onnx``."""
        size = sum(t.numel() * t.element_size() for t in subject.model.state_dict().values())
        if size > MOST_BYTES:
            raise ExportError(f"{self.file} can hold 2 GB, the weights are {size:,} bytes")
        import onnx

        traced = program(subject.model, subject.task)
        try:
            # The exporter prints its steps.
            with contextlib.redirect_stdout(io.StringIO()):
                made = torch.onnx.export(
                    traced,
                    dynamo=True,
                    input_names=[IMAGES],
                    output_names=[LOGITS],
                    verbose=False,
                )
        except Exception as error:  # a dozen types, none of them documented
            why = " ".join(str(error).split())[:300]
            raise ExportError(f"torch.onnx cannot translate the network: {why}") from error
        if made is None:
            raise ExportError("torch.onnx gives nothing for the network")
        proto = made.model_proto
        _tidy(proto)
        onnx.checker.check_model(proto, full_check=True)
        onnx.save(proto, str(folder / self.file))

    def run(self, folder: Path, batches: Sequence[Tensor]) -> list[Tensor]:
        """Run the file in onnxruntime on the CPU."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 3  # errors
        path = str(folder / self.file)
        try:
            session = onnxruntime.InferenceSession(path, options, ["CPUExecutionProvider"])
            answers = [session.run([LOGITS], {IMAGES: batch.numpy()})[0] for batch in batches]
        except Exception as error:  # onnxruntime has a type for each code, of no common base
            why = " ".join(str(error).split())[:300]
            raise ExportError(f"{self.file} does not run in onnxruntime: {why}") from error
        return [torch.from_numpy(answer) for answer in answers]

    def usage(self) -> str:
        """Return how to run it."""
        return USAGE


def _tidy(proto: Any) -> None:
    """Call the batch by its name, and leave out notes about the tracing."""
    graph = proto.graph
    old = graph.input[0].type.tensor_type.shape.dim[0].dim_param
    for dimension in _dimensions(graph):
        dimension.dim_param = dimension.dim_param.replace(old, BATCH)
    for part in (graph, *graph.node, *graph.value_info, *graph.input, *graph.output):
        part.ClearField("metadata_props")


def _dimensions(graph: Any) -> Iterator[Any]:
    """Yield the dimensions of all values that have a name instead of a number."""
    for value in (*graph.input, *graph.output, *graph.value_info):
        for dimension in value.type.tensor_type.shape.dim:
            if dimension.HasField("dim_param"):
                yield dimension
