"""The zoo as the API shows it: published networks, what they cost, and the layers of one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nas.zoo import ZooError
from nas.zoo.entries import costs, describe, entries, measure
from searchspaces.registry import RegistryError
from service.errors import NotFound, UserError
from service.schemas import View

if TYPE_CHECKING:
    from nas.profile import LayerRow


class PaperView(View):
    """What the paper prints, word for word; null where it prints nothing. Accuracies in percent."""

    citation: str
    where: str
    dataset: str
    params: str | None
    madds: str | None
    top1: float | None
    top5: float | None
    differs: str | None


class NetworkView(View):
    """A published network and what it costs for images of this size, without auxiliary classifiers.

    ``recipe`` is how its authors trained it, null where no source that was read says it.
    """

    name: str
    title: str
    year: int
    idea: str
    channels: int
    height: int
    width: int
    classes: int
    params: int
    madds: int
    memory_peak_bytes: int
    memory_sum_bytes: int
    paper: PaperView
    recipe: dict[str, Any] | None


class LayerView(View):
    """A layer: output is (channels, height, width) or (classes,); receptive field in pixels."""

    name: str
    kind: str
    output: list[int]
    params: int
    madds: int
    memory_bytes: int
    receptive_field: tuple[int, int]

    @classmethod
    def of(cls, row: LayerRow) -> LayerView:
        """Return a row of a profile."""
        return cls(
            name=row.name,
            kind=row.kind,
            output=list(row.output),
            params=row.params,
            madds=row.madds,
            memory_bytes=row.memory,
            receptive_field=row.receptive_field,
        )


class NetworkDetail(NetworkView):
    """A network with its layers."""

    layers: list[LayerView]


class NetworkList(View):
    """Published networks by name; there is one page only."""

    items: list[NetworkView]
    next: None = None


def networks(pattern: str = "*") -> NetworkList:
    """Return the networks whose names match a shell pattern."""
    return NetworkList(items=[NetworkView(**one) for one in entries(pattern)])


def network(name: str, size: int | None = None) -> NetworkDetail:
    """Return one network, for images of ``size`` pixels, with its layers.

    Raises NotFound for an unknown name, UserError for images too small for it.
    """
    from nas.zoo.catalog import ZOO

    try:
        model = ZOO.create(name)
    except RegistryError as error:
        text = f"the zoo has no network {name[:100]!r}"
        raise NotFound(text, field="name", value=name[:100]) from error
    task = replace(model.task, height=size or model.task.height, width=size or model.task.width)
    try:
        cost = measure(model, task, open_sequences=True)
    except ZooError as error:
        allowed = "the paper's size, and what is large enough for all layers"
        raise UserError(str(error), field="size", value=size, allowed=allowed) from error
    layers = [LayerView.of(layer) for layer in cost.layers]
    return NetworkDetail(**describe(model, task, costs(cost)), layers=layers)
