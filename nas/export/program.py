"""A network as a torch.export program, without the paths and the images of this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from nas.export import ExportError

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor, nn
    from torch.export import ExportedProgram

    from searchspaces import Task


def program(model: nn.Module, task: Task) -> ExportedProgram:
    """Return the program of a network in evaluation mode, for batches of any size.

    Raises ExportError where torch.export cannot trace it.
    """
    example = torch.zeros(2, task.channels, task.height, task.width)
    batch = torch.export.Dim("batch")
    try:
        traced = torch.export.export(model, (example,), dynamic_shapes=({0: batch},))
    except Exception as error:  # a dozen types, none of them documented
        why = " ".join(str(error).split())[:300]
        raise ExportError(f"torch.export cannot trace the network: {why}") from error
    # Kept, the images would be written as a pickle, the stack traces name this machine's files, and
    # the history numbers that differ from run to run.
    traced.example_inputs = None
    for node in traced.graph.nodes:
        for note in ("stack_trace", "from_node"):
            node.meta.pop(note, None)
    return traced


def save_program(path: Path, traced: ExportedProgram) -> None:
    """Write a program to a .pt2 file."""
    torch.export.save(traced, path)


def run_program(path: Path, batches: list[Tensor]) -> list[Tensor]:
    """Return what a .pt2 file gives for each batch; raise ExportError where it does not run."""
    try:
        network = torch.export.load(path).module()
        with torch.no_grad():
            return [network(batch) for batch in batches]
    except Exception as error:  # a dozen types, none of them documented
        why = " ".join(str(error).split())[:300]
        raise ExportError(f"{path.name} does not run: {why}") from error
