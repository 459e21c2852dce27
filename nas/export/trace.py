"""Follows a network's forward in evaluation mode, one module at a time, with torch.fx.

What comes out is a tree of parts. A layer of torch.nn is kept as it is, and so is a plain
nn.Sequential of parts; any other module becomes a block: the steps of its own forward, in which the
modules it calls are single steps, and the parts that these steps use. What evaluation never runs is
in no part.
"""

from __future__ import annotations

import inspect
import operator
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from torch import Tensor, fx, nn

from nas.export.errors import ExportError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Given(Enum):
    """What stands in the place of an argument that is data; others are constants."""

    ONE = "a tensor"
    MANY = "a list of tensors"


Arguments = tuple[Any, ...]  # of a forward, in order: Given, or a constant


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer of torch.nn."""

    module: nn.Module


@dataclass(frozen=True, slots=True)
class Values:
    """A parameter or a buffer that a module of ours holds itself."""

    tensor: Tensor


@dataclass(slots=True)
class Chain:
    """An nn.Sequential: parts by name, one behind the other."""

    parts: dict[str, Part]


@dataclass(slots=True)
class Holder:
    """A container that is not called itself: an nn.ModuleList, or an nn.ModuleDict."""

    parts: dict[str, Part] = field(default_factory=dict)


@dataclass(slots=True)
class Block:
    """A module with a forward of its own."""

    kind: type[nn.Module]
    arguments: Arguments
    graph: fx.Graph
    parts: dict[str, Part]


Part = Layer | Values | Chain | Holder | Block


def trace(model: nn.Module, size: tuple[int, int]) -> Part:
    """Return the parts of a network for images of ``size`` (height, width).

    It is followed in evaluation mode and left in the mode that it is in. Raises ExportError, which
    names the module, where one cannot be followed.
    """
    modes = [(module, module.training) for module in model.modules()]
    try:
        return _part(model.eval(), (Given.ONE,), "the network", size)
    finally:
        for module, mode in modes:
            module.training = mode


def state_names(part: Part, prefix: str = "") -> Iterator[str]:
    """Yield the names that a part has in a state dict, under ``prefix``."""
    if isinstance(part, Values):
        yield prefix
    elif isinstance(part, Layer):
        yield from (f"{prefix}.{name}".lstrip(".") for name in part.module.state_dict())
    else:
        for name, inner in part.parts.items():
            yield from state_names(inner, f"{prefix}.{name}".lstrip("."))


def numbered(names: dict[str, Part]) -> bool:
    """Whether parts are called 0, 1, 2 and so on."""
    return list(names) == [str(number) for number in range(len(names))]


def _part(
    module: nn.Module, arguments: Arguments, where: str, size: tuple[int, int] | None = None
) -> Part:
    if _is_layer(module):
        return Layer(module)
    if _is_chain(module):
        return Chain(
            {
                name: _part(child, (Given.ONE,), f"{where}.{name}", size)
                for name, child in module.named_children()
            }
        )
    tracer = _Tracer(arguments, size)
    try:
        graph = tracer.trace(module)
    except ExportError:
        raise
    except Exception as error:  # whatever a forward does with what is not a tensor
        why = " ".join(str(error).split())[:200]
        raise ExportError(
            f"source: {where} ({type(module).__name__}) cannot be traced: {why}"
        ) from error
    _drop_unused(graph)
    block = Block(type(module), arguments, graph, {})
    for name, tensor in _tensors(module, graph, where):
        block.parts[name] = Values(tensor)
    for path, child in module.named_modules():  # in the order in which they were made
        if path in tracer.called:
            _put(block, path, _part(child, tracer.called[path], f"{where}.{path}"))
    return block


class _Tracer(fx.Tracer):
    """Follows one forward; modules that it calls on tensors are steps, whatever they are."""

    proxy_buffer_attributes = True

    def __init__(self, arguments: Arguments, size: tuple[int, int] | None) -> None:
        super().__init__()
        self.arguments, self.size = arguments, size
        self.called: dict[str, Arguments] = {}

    def create_args_for_root(
        self, root_fn: Any, is_module: bool, concrete_args: Any = None
    ) -> tuple[Any, list[Any]]:
        """Give the forward its module, and data or the constants that it is called with."""
        del is_module, concrete_args
        names = list(inspect.signature(root_fn).parameters)[1:]
        given: list[Any] = [self.root]
        for name, value in zip(names, self.arguments, strict=False):
            data = isinstance(value, Given)
            given.append(self.create_proxy("placeholder", name, (), {}) if data else value)
        return root_fn, given

    def call_module(
        self,
        m: nn.Module,
        forward: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:
        """Note the call, or follow it here where the module is called in another way elsewhere."""
        path = self.path_of_module(m)
        plain = _is_layer(m) or _is_chain(m)
        values = args if plain and not kwargs else _bound(m, args, kwargs)
        if values is None:
            return forward(*args, **kwargs)
        arguments = tuple(map(_given, values))
        if self.called.setdefault(path, arguments) != arguments:
            return forward(*args, **kwargs)
        data = tuple(v for v, a in zip(values, arguments, strict=True) if isinstance(a, Given))
        return self.create_proxy("call_module", path, data, {})

    def iter(self, obj: fx.Proxy) -> Iterator[Any]:
        """Give the height and width of the images, which the file is made for."""
        node = obj.node
        if self.size and node.target is operator.getitem and node.args[1] == slice(2, None):
            shape = node.args[0]
            if isinstance(shape, fx.Node) and shape.target is getattr and _of_images(shape):
                return iter(self.size)
        return super().iter(obj)


def _of_images(shape: fx.Node) -> bool:
    source: Any = shape.args[0]
    name: Any = shape.args[1]
    return name == "shape" and isinstance(source, fx.Node) and source.op == "placeholder"


def _is_layer(module: nn.Module) -> bool:
    if isinstance(module, nn.Sequential | nn.ModuleList | nn.ModuleDict):
        return False
    return getattr(nn, type(module).__name__, None) is type(module)


def _is_chain(module: nn.Module) -> bool:
    return isinstance(module, nn.Sequential) and type(module).forward is nn.Sequential.forward


def _bound(module: nn.Module, args: Arguments, kwargs: dict[str, Any]) -> Arguments | None:
    """Return the arguments of a call in order; None where they cannot all be given so."""
    try:
        bound = inspect.signature(module.forward).bind(*args, **kwargs)
    except TypeError:
        return None
    return None if bound.kwargs else bound.args


def _given(value: Any) -> Any:
    if isinstance(value, fx.Proxy):
        return Given.ONE
    if isinstance(value, list | tuple) and any(isinstance(one, fx.Proxy) for one in value):
        return Given.MANY
    return value


def _tensors(module: nn.Module, graph: fx.Graph, where: str) -> Iterator[tuple[str, Tensor]]:
    """Yield the parameters and buffers that the steps use and that belong to the module itself."""
    saved = module.state_dict(keep_vars=True)
    own = dict(module.named_parameters(recurse=False)) | dict(module.named_buffers(recurse=False))
    seen = set()
    for node in graph.nodes:
        name = str(node.target)
        if node.op != "get_attr" or name in seen:
            continue
        seen.add(name)
        if name not in own or name not in saved:
            raise ExportError(
                f"source: {where} ({type(module).__name__}) uses {name}, which is not a "
                "parameter or buffer of its own in the state dict"
            )
        yield name, own[name]


def _put(block: Block, path: str, part: Part) -> None:
    """Put a part into its place, in containers for what is between."""
    *before, last = path.split(".")
    parts = block.parts
    for name in before:
        inner = parts.setdefault(name, Holder())
        if not isinstance(inner, Holder):
            return  # a container that is called itself has the part already
        parts = inner.parts
    parts[last] = part


def _drop_unused(graph: fx.Graph) -> None:
    """Remove readings of a shape that nothing uses, as they had one answer."""
    for node in reversed(list(graph.nodes)):
        if not node.users and node.target in (getattr, operator.getitem):
            graph.erase_node(node)
