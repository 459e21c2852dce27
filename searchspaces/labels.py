"""Spaces whose points have labels but no network: rows of tables, options of somebody else's."""

from __future__ import annotations

from abc import ABC
from typing import TYPE_CHECKING, ClassVar

from searchspaces import Decisions, SearchSpace, SpaceError
from searchspaces.arch import Arch, Cell, Node

if TYPE_CHECKING:
    from torch import nn

    from searchspaces import Task
    from searchspaces.scale import Scale

CHOICE = "choice"  # the operation of every node: a label itself may be the name of an operation
CELL = "row"


class Labelled(SearchSpace, ABC):
    """A space of labels: a point is a chain with a node for each choice, in their order."""

    buildable: ClassVar[bool] = False

    def decode(self, decisions: Decisions) -> Arch:
        """Return the labels of a point as a chain; raise SpaceError where it is not one."""
        nodes = tuple(
            Node(CHOICE, (value,), (("name", choice.name), ("option", choice.options[index])))
            for value, (choice, index) in enumerate(
                zip(self.choices, self.check(decisions), strict=True)
            )
        )
        return Arch(self.name, (Cell(CELL, 1, nodes, (len(nodes),)),))

    def _read(self, arch: Arch) -> Decisions:
        nodes = arch.cell(CELL).nodes
        return tuple(
            choice.options.index(str(dict(node.args)["option"]))
            for choice, node in zip(self.choices, nodes, strict=True)
        )

    def build(self, arch: Arch, task: Task, scale: Scale) -> nn.Module:  # noqa: ARG002 - refuses
        """Raise SpaceError: labels have no network."""
        raise SpaceError(f"{arch.space}: labels have no network; use a look-up evaluator")
