"""An architecture by its decisions, without a trial: what it is, how it looks, what it costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from nas.catalog import REGISTRIES
from nas.spec import Named
from searchspaces import SpaceError, Task
from searchspaces.registry import RegistryError
from searchspaces.scale import Scale
from service import architectures
from service.errors import UserError
from service.schemas import View
from service.zoo import LayerView

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nas.spec import Part
    from searchspaces import SearchSpace
    from searchspaces.arch import Arch

MOST_DECISIONS = 10_000


class TaskRequest(BaseModel):
    """The images that the network is for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    channels: Annotated[int, Field(ge=1, le=64)] = 3
    height: Annotated[int, Field(ge=1, le=1024)] = 32
    width: Annotated[int, Field(ge=1, le=1024)] = 32
    classes: Annotated[int, Field(ge=1, le=100_000)] = 10


class PreviewRequest(BaseModel):
    """A point of a search space: for each choice the index of the option taken."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [{"space": {"name": "toy"}, "decisions": [0, 1, 2, 3, 0, 1]}]
        },
    )

    space: Named
    decisions: Annotated[list[int], Field(max_length=MOST_DECISIONS)]
    task: TaskRequest = TaskRequest()
    scale: Scale = Scale()


class PreviewView(View):
    """An architecture. Costs and layers are null where the space has no networks to build.

    ``key`` is the same for all points that are the same network, as that of a trial; ``svg`` and
    ``text`` have each of the ``cells``.
    """

    key: str
    cells: list[str]
    svg: dict[str, str]
    text: dict[str, str]
    barcode: dict[str, list[str]]
    arch: dict[str, Any]
    params: int | None
    madds: int | None
    memory_peak_bytes: int | None
    layers: list[LayerView] | None


def preview(request: PreviewRequest) -> PreviewView:
    """Return the architecture of some decisions; raise UserError for what is wrong with them."""
    space = _space(request.space)
    arch = _decoded(space, request.decisions)
    names = [cell.name for cell in arch.cells]
    return PreviewView(
        key=arch.key(),
        cells=names,
        svg={name: architectures.drawing(arch, name) for name in names},
        text=architectures.texts(arch),
        barcode=architectures.barcode(arch),
        arch=arch.to_json(),
        **_costs(space, arch, request),
    )


def _space(part: Part) -> SearchSpace:
    try:
        REGISTRIES["space"].get(part.name)
    except RegistryError as error:
        raise UserError(
            str(error), field="space.name", value=part.name, allowed=list(error.known)
        ) from error
    try:
        space: SearchSpace = REGISTRIES["space"].create(part.name, part.options)
    except RegistryError as error:
        field = f"space.options.{error.field}".rstrip(".")
        value = part.options.get(error.field)
        raise UserError(str(error), field=field, value=value) from error
    except SpaceError as error:
        raise UserError(str(error), field="space.options") from error
    return space


def _decoded(space: SearchSpace, decisions: Sequence[int]) -> Arch:
    count = len(space.choices)
    if len(decisions) != count:
        text = f"decisions has {len(decisions)} indices, space {space.name} has {count} choices"
        raise UserError(text, field="decisions", value=len(decisions), allowed=count)
    for place, (choice, index) in enumerate(zip(space.choices, decisions, strict=True)):
        if not 0 <= index < len(choice):
            raise UserError(
                f"decisions.{place} ({choice.name}) is {index}, allowed are 0 to "
                f"{len(choice) - 1}: {', '.join(choice.options)}",
                field=f"decisions.{place}",
                value=index,
                allowed=f"0 to {len(choice) - 1}",
            )
    try:
        return space.decode(tuple(decisions))
    except SpaceError as error:
        raise UserError(str(error), field="decisions") from error


def _costs(space: SearchSpace, arch: Arch, request: PreviewRequest) -> dict[str, Any]:
    """Return what the network costs; raise UserError where the images do not fit it."""
    if not space.buildable:
        return dict.fromkeys(("params", "madds", "memory_peak_bytes", "layers"))
    import torch  # only here: the API answers without it until somebody asks for a network

    from nas.profile import profile

    task = Task(**request.task.model_dump())
    try:
        with torch.device("meta"):  # shapes only: nothing is allocated
            model = space.build(arch, task, request.scale)
        cost = profile(model, task)
    except (SpaceError, RuntimeError) as error:
        line = (str(error).splitlines() or [type(error).__name__])[0]
        text = f"task: {space.name} has no network for such images: {line}"
        raise UserError(text, field="task", value=request.task.model_dump()) from error
    return {
        "params": cost.params,
        "madds": cost.madds,
        "memory_peak_bytes": cost.memory_peak,
        "layers": [LayerView.of(layer) for layer in cost.layers],
    }
