"""The constructor of a layer of torch.nn, with arguments read from the layer's attributes."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from torch import Tensor

from nas.export.errors import ExportError

if TYPE_CHECKING:
    from torch import nn

# One number may stand for equal numbers along height and width.
SIDES = frozenset({"kernel_size", "stride", "padding", "output_padding", "dilation", "output_size"})
BY_NAME = frozenset({"kernel_size"})  # although it has no default
SHOWN = frozenset({"p"})  # although it has a default: how much is dropped
NOWHERE = frozenset({"device", "dtype"})


def parameters(kind: type[nn.Module]) -> dict[str, inspect.Parameter]:
    """Return the parameters of a layer's constructor that say what it computes."""
    given = inspect.signature(kind).parameters.values()
    return {
        one.name: one
        for one in given
        if one.name not in NOWHERE and one.kind is one.POSITIONAL_OR_KEYWORD
    }


def arguments(layer: nn.Module) -> dict[str, Any]:
    """Return what a layer was made with; raise ExportError where it does not say."""
    found: dict[str, Any] = {}
    for name, parameter in parameters(type(layer)).items():
        if not hasattr(layer, name) and parameter.default is None:
            continue  # an older name of another argument
        if not hasattr(layer, name):
            raise ExportError(f"source: {type(layer).__name__} does not say its {name}")
        value = getattr(layer, name)
        if name in SIDES:
            value = _side(value)
        if isinstance(parameter.default, bool) and (value is None or isinstance(value, Tensor)):
            value = value is not None
        if parameter.default is None and value == found.get("kernel_size"):
            value = None  # the stride of a pool
        found[name] = value
    return found


def written(kind: type[nn.Module], name: str, value: Any) -> bool:
    """Whether an argument of this value has to be written down."""
    default = parameters(kind)[name].default
    return name in SHOWN or default is inspect.Parameter.empty or repr(value) != repr(default)


def label(kind: type[nn.Module], name: str) -> str:
    """Return ``name=`` where an argument is given by name."""
    required = parameters(kind)[name].default is inspect.Parameter.empty
    return "" if required and name not in BY_NAME else f"{name}="


def _side(value: Any) -> Any:
    if isinstance(value, tuple) and value and len(set(value)) == 1:
        return value[0]
    return value
