"""The forward of a traced module as Python text, a line a step, with names for what is alive."""

from __future__ import annotations

import builtins
import inspect
import keyword
import operator
from typing import TYPE_CHECKING, Any

import torch
from torch import fx
from torch.nn import functional

from nas.export.errors import ExportError
from nas.export.layout import call_lines, flat, literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from nas.export.layout import Text

INFIX = {
    operator.add: "+",
    operator.sub: "-",
    operator.mul: "*",
    operator.truediv: "/",
    operator.floordiv: "//",
    operator.mod: "%",
    operator.pow: "**",
    operator.matmul: "@",
}
AXES = ("batch", "channels", "height", "width")
SHORT = ("y", "z", "u", "v", "w")
TAKEN = {*dir(builtins), *keyword.kwlist, "self", "torch", "nn", "functional"}
GROWING, LEAST = "features", 4  # a list to which results are added, where there are so many
PREFIX = 3  # letters that names of modules have in common, to be a name


def forward_lines(graph: fx.Graph, access: Callable[[str], str], width: int) -> list[str]:
    """Return the lines of a forward's body; ``access`` gives the text for a part by its path.

    Raises ExportError for a function that is not torch's.
    """
    return list(_Writer(graph, access, width).lines())


def argument_names(graph: fx.Graph) -> list[str]:
    """Return the names of the data that a forward takes."""
    names = [str(node.target) for node in graph.nodes if node.op == "placeholder"]
    return [next(one for one in (name, "x", f"{name}_") if one not in TAKEN) for name in names]


class _Writer:
    def __init__(self, graph: fx.Graph, access: Callable[[str], str], width: int) -> None:
        self.nodes, self.access, self.width = list(graph.nodes), access, width
        given = [node for node in self.nodes if node.op == "placeholder"]
        self.names = dict(zip(given, argument_names(graph), strict=True))
        self.last = {one: node for node in self.nodes for one in node.all_input_nodes}
        self.growing = _growing(self.nodes)
        self.lists: dict[tuple[Any, ...], str] = {}  # that have a name at this step

    def lines(self) -> Iterator[str]:
        *steps, output = self.nodes
        result = output.args[0]
        for node in steps:
            if node.op == "get_attr" or node in self.names:
                continue
            if node is steps[-1] and node is result:
                yield from self._laid_out("return ", node)
                return
            yield from self.step(node)
        yield f"return {self.text(result)}"

    def step(self, node: fx.Node) -> Iterator[str]:
        if node in self.growing:
            yield from self._appended(node)
            return
        several = _unpacked(node)
        if several:
            kept = self._alive(node)
            names: list[str] = []
            for name in _part_names(node, len(several)):
                names.append(_free(name, {*kept, *names}))
            yield from self._laid_out(f"{', '.join(names)} = ", node)
            self.names.update(zip(several, names, strict=True))
        elif node.users:
            name = self._name(node)
            yield from self._laid_out(f"{name} = ", node)
            self.names[node] = name
        else:
            yield from self._laid_out("", node)

    def _appended(self, node: fx.Node) -> Iterator[str]:
        """Add a result to the list from which it was made, and which later steps read."""
        before = _nodes(node.args[0])
        if before not in self.lists:
            self.lists[before] = _free(GROWING, {*self.names.values(), *self.lists.values()})
            yield f"{self.lists[before]} = [{', '.join(map(self.text, before))}]"
        name = self.lists[before]
        yield f"{name}.append({flat(self.expression(node))})"
        self.lists = {kept: one for kept, one in self.lists.items() if one != name}
        self.lists[(*before, node)] = name

    def _laid_out(self, start: str, node: fx.Node) -> list[str]:
        text = self.expression(node)
        line = start + flat(text)
        return [line] if len(line) <= self.width else call_lines(start, text, self.width)

    def _name(self, node: fx.Node) -> str:
        """Return the name of an input that ends here, or a new one."""
        ending = [
            one
            for one in self._data(node)
            if self.last[one] is node and (len(one.users) == 1 or node.op != "call_module")
        ]
        if ending:
            names = [self.names[one] for one in ending]
            return "x" if "x" in names else names[0]
        alive = self._alive(node)
        return next(
            name
            for name in self._proposals(node)
            if name.isidentifier() and name not in TAKEN and name not in alive
        )

    def _proposals(self, node: fx.Node) -> Iterator[str]:
        """Yield names for what is made here and passed on from step to step."""
        chain = [node]
        while len(chain[-1].users) == 1:
            (following,) = chain[-1].users
            if following.op == "output" or len(self._data(following)) > 1:
                break
            chain.append(following)
        if len(chain) == 1 and node.target not in INFIX:
            name = _step_name(node)
            yield name
            yield from (f"{name}_{number}" for number in range(2, 100))
        elif all(one.op == "call_module" for one in chain):
            common = _common([_step_name(one) for one in chain])
            if len(common) >= PREFIX:
                yield common
        yield from SHORT
        yield from (f"y{number}" for number in range(2, 1000))

    def _data(self, node: fx.Node) -> list[fx.Node]:
        return [one for one in node.all_input_nodes if one.op != "get_attr"]

    def _alive(self, node: fx.Node) -> set[str]:
        """Return the names that a later step reads."""
        after = set(self.nodes[self.nodes.index(node) :])
        return {name for one, name in self.names.items() if self.last.get(one) in after}

    def expression(self, node: fx.Node) -> Text:
        if node.op == "call_module":
            return self._call(self.access(str(node.target)), node.args, {})
        if node.op == "call_method":
            method = f"{self.text(node.args[0])}.{node.target}"
            return self._call(method, node.args[1:], node.kwargs)
        target: Any = node.target
        if target in INFIX:
            return f"{self.text(node.args[0])} {INFIX[target]} {self.text(node.args[1])}"
        if target is getattr:
            return f"{self.text(node.args[0])}.{node.args[1]}"
        if target is operator.getitem:
            index = node.args[1]
            places = index if isinstance(index, tuple) else (index,)
            return f"{self.text(node.args[0])}[{', '.join(map(self._place, places))}]"
        return self._call(_function(target), node.args, _differing(target, node.kwargs))

    def _call(self, called: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Text:
        items: list[Text] = []
        for value in args:
            listed = isinstance(value, list) and _nodes(value) not in self.lists
            items.append(("[", [*map(self.text, value)], "]") if listed else self.text(value))
        items += [f"{name}={self.text(value)}" for name, value in kwargs.items()]
        return (f"{called}(", items, ")")

    def _place(self, index: Any) -> str:
        if not isinstance(index, slice):
            return self.text(index)
        ends = ["" if end is None else self.text(end) for end in (index.start, index.stop)]
        step = "" if index.step is None else f":{self.text(index.step)}"
        return f"{ends[0]}:{ends[1]}{step}"

    def text(self, value: Any) -> str:
        if isinstance(value, fx.Node):
            return self.access(str(value.target)) if value.op == "get_attr" else self.names[value]
        if _nodes(value) in self.lists:
            return self.lists[_nodes(value)]
        if isinstance(value, list):
            return f"[{', '.join(map(self.text, value))}]"
        if isinstance(value, tuple):
            return f"({', '.join(map(self.text, value))}{',' if len(value) == 1 else ''})"
        if isinstance(value, torch.dtype | torch.memory_format):
            return repr(value)
        if value is ... or value is None or isinstance(value, bool | int | float | str):
            return "..." if value is ... else literal(value)
        raise ExportError(f"source: a step needs {value!r}, which is not written down")


def _nodes(value: Any) -> tuple[Any, ...]:
    """Return the results that a list or tuple is made of; none where it is of something else."""
    whole = isinstance(value, list | tuple) and all(isinstance(one, fx.Node) for one in value)
    return tuple(value) if whole else ()


def _growing(nodes: Sequence[fx.Node]) -> set[fx.Node]:
    """Return the steps that read a list to which their own result is added for the next."""
    found: set[fx.Node] = set()
    chain: list[fx.Node] = []
    for node in nodes:
        read = _nodes(node.args[0]) if node.args else ()
        if not read:
            continue
        grown = bool(chain) and read == (*_nodes(chain[-1].args[0]), chain[-1])
        chain = [*chain, node] if grown else [node]
        before = chain[:-1]
        if len(chain) >= LEAST and all(set(one.users) <= set(chain) for one in before):
            found.update(before)
    return found


def _function(target: Any) -> str:
    for module, name in ((functional, "functional"), (torch, "torch")):
        own = getattr(target, "__name__", "")
        if own and getattr(module, own, None) is target:
            return f"{name}.{own}"
        for other, value in vars(module).items():
            if value is target and not other.startswith("_"):
                return f"{name}.{other}"
    raise ExportError(f"source: a step calls {target!r}, which is not a function of torch")


def _differing(target: Any, kwargs: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the named arguments that are not the defaults of a function."""
    try:
        known = inspect.signature(target).parameters
    except (TypeError, ValueError):  # of C
        return kwargs
    kept = {}
    for name, value in kwargs.items():
        same = name in known and not isinstance(value, fx.Node) and value == known[name].default
        if not same:
            kept[name] = value
    return kept


def _unpacked(node: fx.Node) -> list[fx.Node]:
    """Return the readings of a result's parts where there is one of each and nothing else."""
    users = sorted(node.users, key=lambda one: str(one.args[1:]))
    if any(one.target is not operator.getitem or one.args[0] is not node for one in users):
        return []
    places = [one.args[1] for one in users]
    return users if len(users) > 1 and places == list(range(len(users))) else []


def _part_names(node: fx.Node, count: int) -> list[str]:
    if node.target == "size" and count == len(AXES):
        return list(AXES)
    return [f"{_step_name(node)}_{number}" for number in range(1, count + 1)]


def _step_name(node: fx.Node) -> str:
    if node.op == "call_module":
        parts = str(node.target).split(".")
        while len(parts) > 1 and parts[0].isdigit():
            parts = parts[1:]
        return "_".join(parts)
    if node.target is operator.getitem:
        return "taken"
    if node.target is getattr:
        return str(node.args[1])
    return str(getattr(node.target, "__name__", node.target))


def _common(names: list[str]) -> str:
    """Return what names begin with, without a number."""
    common = names[0]
    for name in names:
        while not name.startswith(common):
            common = common[:-1]
    return common.rstrip("_0123456789")


def _free(name: str, alive: set[str]) -> str:
    tried = [name, *(f"{name}_{number}" for number in range(2, 100))]
    return next(one for one in tried if one not in alive and one not in TAKEN)
