"""Classes for the blocks of a traced network: one for all blocks that differ in numbers alone.

Two blocks are of one class where they are of one kind, their steps read the same, and their parts
are of the same kinds under the same names. Where an argument of a layer is not the same in all of
them it becomes an argument of the class; arguments that always agree become one.
"""

from __future__ import annotations

import inspect
import keyword
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nas.export import layers
from nas.export.layout import WIDTH, call_lines, literal
from nas.export.steps import argument_names, forward_lines
from nas.export.trace import Block, Chain, Given, Holder, Layer, Part, Values, numbered

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn

    from nas.export.layout import Text

INDENT = " " * 4
ROOM = WIDTH - 2 * len(INDENT)  # for a line of a method
MANY = 3  # equal parts in a row are written once


@dataclass(frozen=True, slots=True)
class Cell:
    """An argument of a part: its value, or the name under which the class is given it."""

    value: Any
    name: str = ""

    def text(self) -> str:
        return self.name or literal(self.value)


@dataclass(slots=True)
class Kind:
    """A class to be written: its name, its blocks, and what each of them gives it by name."""

    name: str
    steps: list[str]
    blocks: list[Block] = field(default_factory=list)
    cells: list[Cell] = field(default_factory=list)
    given: dict[str, list[Any]] = field(default_factory=dict)


class Classes:
    """The classes of a network; ``reserved`` are names that the file uses otherwise."""

    def __init__(self, root: Part, reserved: set[str]) -> None:
        self.names = set(reserved)
        self.kinds: list[Kind] = []
        self._signatures: dict[Any, Kind] = {}
        self._of: dict[int, tuple[Kind, int]] = {}  # of a block, by its id: its kind and number
        self.root = root
        self._sort(root)
        for kind in self.kinds:  # parts before what they are part of
            self._settle(kind)

    def text(self) -> str:
        """Return the definitions."""
        return "\n\n\n".join("\n".join(self._class_lines(kind)) for kind in self.kinds)

    def made(self) -> list[str]:
        """Return the lines that make the network, without indentation."""
        cells = iter([Cell(value) for value in self._values(self.root)])
        return call_lines("return ", self._made(self.root, cells), WIDTH - len(INDENT))

    def _sort(self, part: Part) -> Any:
        """Put the blocks of a part into kinds; return what equal forms have in common."""
        if isinstance(part, Layer):
            return type(part.module)
        if isinstance(part, Values):
            return "values", part.tensor.requires_grad, part.tensor.dtype
        inner = tuple((name, self._sort(one)) for name, one in part.parts.items())
        if not isinstance(part, Block):
            return type(part), inner
        steps = forward_lines(part.graph, lambda path: access(part, path), ROOM)
        signature = (part.kind, part.arguments, tuple(steps), inner)
        kind = self._signatures.get(signature)
        if kind is None:
            kind = Kind(self._free(part.kind.__name__.lstrip("_")), steps)
            self._signatures[signature] = kind
            self.kinds.append(kind)
        self._of[id(part)] = kind, len(kind.blocks)
        kind.blocks.append(part)
        return kind.name

    def _free(self, name: str) -> str:
        tried = [name, *(f"{name}{number}" for number in range(2, 1000))]
        found = next(one for one in tried if one not in self.names)
        self.names.add(found)
        return found

    def _settle(self, kind: Kind) -> None:
        """Find which arguments of the parts are always the same, and name the others."""
        labels = [
            label
            for name, part in kind.blocks[0].parts.items()
            for label in self._labels(part, name)
        ]
        columns = list(zip(*(self._inner(block) for block in kind.blocks), strict=True))
        varied = [repr(column) for column in columns if len({repr(one) for one in column}) > 1]
        first: dict[str, tuple[str, str]] = {}
        for column, one in zip(columns, labels, strict=True):
            if repr(column) in varied:
                first.setdefault(repr(column), one)
        short = [name for _, name in first.values()]
        named = {
            key: name if short.count(name) == 1 else f"{path}_{name}"
            for key, (path, name) in first.items()
        }
        for column in columns:
            name = named.get(repr(column), "")
            kind.cells.append(Cell(column[0], name))
            if name:
                kind.given[name] = list(column)

    def _inner(self, block: Block) -> list[Any]:
        return [value for part in block.parts.values() for value in self._values(part)]

    def _values(self, part: Part) -> list[Any]:
        """Return the arguments of a part and of all that is in it, one after the other."""
        if isinstance(part, Layer):
            return list(layers.arguments(part.module).values())
        if isinstance(part, Values):
            return [tuple(part.tensor.shape)]
        if isinstance(part, Block):
            kind, number = self._of[id(part)]
            return [values[number] for values in kind.given.values()]
        return [value for one in part.parts.values() for value in self._values(one)]

    def _labels(self, part: Part, path: str) -> list[tuple[str, str]]:
        """Return the place and the name of each of these arguments."""
        if isinstance(part, Layer):
            return [(path, name) for name in layers.arguments(part.module)]
        if isinstance(part, Values):
            return [(path, "shape")]
        if isinstance(part, Block):
            return [(path, name) for name in self._of[id(part)][0].given]
        return [
            label
            for name, one in part.parts.items()
            for label in self._labels(one, f"{path}_{name}")
        ]

    def _made(self, part: Part, cells: Iterator[Cell]) -> Text:
        """Return the call that makes a part, its arguments taken from ``cells``."""
        if isinstance(part, Layer):
            taken = {name: next(cells) for name in layers.arguments(part.module)}
            return _layer_text(type(part.module), taken)
        if isinstance(part, Values):
            shape, dtype = next(cells).text(), part.tensor.dtype
            drawn = f"torch.randn({shape})"
            text = drawn if dtype.is_floating_point else f"torch.zeros({shape}, dtype={dtype})"
            return text if not part.tensor.requires_grad else f"nn.Parameter({text})"
        if isinstance(part, Block):
            kind, _ = self._of[id(part)]
            given = [(name, next(cells).text()) for name in kind.given]
            named: list[Text] = [
                text if len(given) == 1 else f"{name}={text}" for name, text in given
            ]
            return (f"{kind.name}(", named, ")") if named else f"{kind.name}()"
        made = {name: self._made(one, cells) for name, one in part.parts.items()}
        if isinstance(part, Chain):
            return _chain_text(made, numbered(part.parts))
        if numbered(part.parts):
            return ("nn.ModuleList(", [("[", _runs(list(made.values())), "]")], ")")
        return ("nn.ModuleDict(", [("{", _keyed(made), "}")], ")")

    def _class_lines(self, kind: Kind) -> Iterator[str]:
        block = kind.blocks[0]
        listed = _is_list(block)
        yield f"class {kind.name}({'nn.ModuleList' if listed else 'nn.Module'}):"
        yield f'{INDENT}"""{_summary(block.kind)}"""'
        yield ""
        if block.parts:
            given = "".join(f", {name}: {_type(values)}" for name, values in kind.given.items())
            yield from _def_lines("__init__", given, "None")
            yield from self._init_lines(kind, listed)
            yield ""
        taken = [one for one in block.arguments if isinstance(one, Given)]
        data = "".join(
            f", {name}: {'Tensor' if one is Given.ONE else 'list[Tensor]'}"
            for name, one in zip(argument_names(block.graph), taken, strict=True)
        )
        yield from _def_lines("forward", data, "Tensor")
        yield from (f"{INDENT}{INDENT}{line}" for line in kind.steps)

    def _init_lines(self, kind: Kind, listed: bool) -> Iterator[str]:
        cells, block = iter(kind.cells), kind.blocks[0]
        indent = INDENT + INDENT
        if listed:
            made = _runs([self._made(part, cells) for part in block.parts.values()])
            lines = call_lines("", ("super().__init__(", [("[", made, "]")], ")"), ROOM)
            yield from (indent + line for line in lines)
            return
        yield f"{indent}super().__init__()"
        for name, part in block.parts.items():
            made_part = self._made(part, cells)
            if isinstance(part, Values) and not part.tensor.requires_grad:
                lines = call_lines(
                    "", ("self.register_buffer(", [literal(name), made_part], ")"), ROOM
                )
            elif name.isidentifier() and not keyword.iskeyword(name):
                lines = call_lines(f"self.{name} = ", made_part, ROOM)
            else:
                lines = call_lines("", ("self.add_module(", [literal(name), made_part], ")"), ROOM)
            yield from (indent + line for line in lines)


def access(block: Block, path: str) -> str:
    """Return the text by which the forward of a block reaches one of its parts."""
    text, part = "self", None
    parts: dict[str, Part] = block.parts
    for name in path.split("."):
        listed = _is_list(block) if part is None else isinstance(part, Chain | Holder)
        if listed and name.isdigit() and (isinstance(part, Chain) or numbered(parts)):
            text += f"[{name}]"
        elif isinstance(part, Holder) and not name.isidentifier():
            text += f"[{literal(name)}]"
        elif name.isidentifier() and not keyword.iskeyword(name):
            text += f".{name}"
        else:
            text += f".get_submodule({literal(name)})"
        part = parts.get(name)
        parts = {} if part is None or isinstance(part, Layer | Values) else part.parts
    return text


def _is_list(block: Block) -> bool:
    """Whether the parts of a block are numbered, so that its class is a list of them."""
    return bool(block.parts) and numbered(block.parts)


def _layer_text(kind: type[nn.Module], cells: dict[str, Cell]) -> Text:
    shown: list[Text] = [
        layers.label(kind, name) + cell.text()
        for name, cell in cells.items()
        if cell.name or layers.written(kind, name, cell.value)
    ]
    return (f"nn.{kind.__name__}(", shown, ")") if shown else f"nn.{kind.__name__}()"


def _chain_text(made: dict[str, Text], plain: bool) -> Text:
    if plain:
        return ("nn.Sequential(", _runs(list(made.values())), ")")
    if all(name.isidentifier() and not keyword.iskeyword(name) for name in made):
        named = [_before(f"{name}=", one) for name, one in made.items()]
        return ("nn.Sequential(", [("OrderedDict(", named, ")")], ")")
    return ("nn.Sequential(", [("OrderedDict(", [("{", _keyed(made), "}")], ")")], ")")


def _keyed(made: dict[str, Text]) -> list[Text]:
    return [_before(f"{literal(name)}: ", one) for name, one in made.items()]


def _before(start: str, text: Text) -> Text:
    return start + text if isinstance(text, str) else (start + text[0], text[1], text[2])


def _runs(made: list[Text]) -> list[Text]:
    """Write several equal parts in a row as one line."""
    found: list[Text] = []
    place = 0
    while place < len(made):
        end = place
        while end < len(made) and made[end] == made[place]:
            end += 1
        if end - place < MANY:
            found += made[place:end]
        else:
            found.append(("*(", [_behind(made[place], f" for _ in range({end - place})")], ")"))
        place = end
    return found


def _behind(text: Text, end: str) -> Text:
    return text + end if isinstance(text, str) else (text[0], text[1], text[2] + end)


def _def_lines(name: str, given: str, result: str) -> Iterator[str]:
    line = f"{INDENT}def {name}(self{given}) -> {result}:"
    if len(line) <= WIDTH:
        yield line
        return
    yield f"{INDENT}def {name}("
    for one in ["self", *given.removeprefix(", ").split(", ")]:
        yield f"{INDENT}{INDENT}{one},"
    yield f"{INDENT}) -> {result}:"


def _summary(kind: type[nn.Module]) -> str:
    """Return the first line of our own docstring; others' are not copied."""
    package = kind.__module__.partition(".")[0]
    if package == "nas" and kind.__doc__:
        return inspect.cleandoc(kind.__doc__).partition("\n")[0]
    return f"{kind.__name__.lstrip('_')} of {package}."


def _type(values: list[Any]) -> str:
    names = {type(one).__name__ for one in values}
    return " | ".join(sorted(names)).replace("NoneType", "None")
