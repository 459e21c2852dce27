"""Names to classes, found by scanning a contract's folder; options read from the signature.

A folder's ``__init__.py`` is the contract and each sibling file one implementation. A class counts
when it is a concrete subclass of the contract, defined in the scanned file, with a ``name`` of its
own; it may also stand in a tuple at the top of the file, as classes made from a table do. Two
classes with one name are an error. ``$NAS_PLUGINS`` may name further folders, separated like
``PATH``; their subfolders (``searchspaces``, ``controllers``, ``evaluators``, ...) join in.
"""

from __future__ import annotations

import importlib
import inspect
import os
import pkgutil
import re
import sys
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Generic, TypeVar, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

if TYPE_CHECKING:
    from types import ModuleType

T = TypeVar("T")
MOST_NAMES = 30  # in a message; of more only those that are like the unknown one


class RegistryError(ValueError):
    """An unknown name or a bad option; the message says what is allowed."""

    def __init__(self, message: str, field: str = "", known: tuple[str, ...] = ()) -> None:
        """Keep the field that is wrong and the values that are known, for the API."""
        super().__init__(message)
        self.field, self.known = field, known

    def at(self, field: str) -> RegistryError:
        """Return the same error for a field of something larger."""
        return RegistryError(str(self), field, self.known)


class Registry(Generic[T]):
    """The implementations of one contract, by name."""

    def __init__(self, contract: type[T], package: str, noun: str) -> None:
        """Scan ``package`` on first use; ``noun`` is the word for messages ("search space")."""
        self.contract, self.package, self.noun = contract, package, noun

    def classes(self) -> dict[str, type[T]]:
        """Return all implementations, sorted by name; raise RegistryError on a double name."""
        contract: Any = self.contract  # a type is hashable, which mypy does not see of type[T]
        found: dict[str, type[T]] = _scan(
            contract, self.package, self.noun, os.environ.get("NAS_PLUGINS", "")
        )
        return found

    def names(self) -> list[str]:
        """Return all names, sorted."""
        return list(self.classes())

    def get(self, name: str) -> type[T]:
        """Return the class called ``name``; raise RegistryError with the known names.

        Mostly it is found in a file that is called so or sets that name, without loading the
        others, some of which load torch: seconds for a process that needs none of it.
        """
        contract: Any = self.contract
        said: type[T] | None = _where_it_says(
            contract, self.package, name, os.environ.get("NAS_PLUGINS", "")
        )
        if said is not None:
            return said
        known = self.classes()
        if name not in known:
            raise RegistryError(
                f"unknown {self.noun} {name!r}; {_offer(name, list(known))}",
                self.noun,
                tuple(known),
            )
        return known[name]

    def schema(self, name: str) -> dict[str, Any]:
        """Return the JSON schema of the options of ``name``."""
        return self._options(name).model_json_schema()

    def check(self, name: str, options: dict[str, Any]) -> dict[str, Any]:
        """Return ``options`` completed by the defaults; raise RegistryError naming a bad one."""
        return self._validate(name, options).model_dump(mode="json")

    def create(self, name: str, options: dict[str, Any] | None = None, **given: Any) -> T:
        """Return an instance made with checked ``options`` and the ``given`` collaborators."""
        checked = self._validate(name, options or {})
        values = {field: getattr(checked, field) for field in type(checked).model_fields}
        return self.get(name)(**given, **values)

    def _options(self, name: str) -> type[BaseModel]:
        cls: Any = self.get(name)
        return options_model(cls)

    def _validate(self, name: str, options: dict[str, Any]) -> BaseModel:
        model = self._options(name)
        try:
            return model.model_validate(options)
        except ValidationError as error:
            raise self._explain(name, model, error) from error

    def _explain(self, name: str, model: type[BaseModel], error: ValidationError) -> RegistryError:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        allowed = tuple(model.model_fields)
        if first["type"] == "extra_forbidden":
            names = ", ".join(allowed) or "none"
            text = f"unknown option {field!r} of {self.noun} {name!r}; known: {names}"
        else:
            text = (
                f"option {field!r} of {self.noun} {name!r}: {first['msg']}, got {first['input']!r}"
            )
        return RegistryError(text, field, allowed)


def _offer(name: str, known: list[str]) -> str:
    """Return what to say of the known names: all of them, or of many those that are like it."""
    if len(known) <= MOST_NAMES:
        return f"known: {', '.join(known)}"
    close = get_close_matches(name, known, n=5) or known[:5]
    return f"{len(known)} are known, such as {', '.join(close)}"


@cache
def options_model(cls: type[Any]) -> type[BaseModel]:
    """Return a pydantic model of the keyword-only parameters that have a default."""
    init = inspect.unwrap(cls.__init__)
    options = [
        p
        for p in inspect.signature(init).parameters.values()
        if p.kind is p.KEYWORD_ONLY and p.default is not p.empty
    ]
    # Only the options' annotations are evaluated: the others may be imported for checkers alone.
    wanted = SimpleNamespace(__annotations__={p.name: p.annotation for p in options})
    names = getattr(init, "__globals__", {})
    hints = get_type_hints(wanted, globalns=names, include_extras=True)
    fields: dict[str, Any] = {p.name: (hints[p.name], p.default) for p in options}
    config = ConfigDict(extra="forbid", title=cls.__name__)
    return create_model(f"{cls.__name__}Options", __config__=config, **fields)


@cache
def _scan(contract: type[T], package: str, noun: str, plugins: str) -> dict[str, type[T]]:
    root = importlib.import_module(package)
    _extend(root, package, plugins)
    found: dict[str, type[T]] = {}
    for info in pkgutil.iter_modules(root.__path__):
        module = importlib.import_module(f"{package}.{info.name}")
        for cls in _implementations(module, contract):
            name = cls.__dict__["name"]
            if name in found:
                raise RegistryError(
                    f"two classes are the {noun} {name!r}: {found[name].__module__} "
                    f"and {cls.__module__}"
                )
            found[name] = cls
    return dict(sorted(found.items()))


@cache
def _where_it_says(contract: type[T], package: str, name: str, plugins: str) -> type[T] | None:
    """Return the class of a name if one stands in the files that are called so or set that name."""
    root = importlib.import_module(package)
    _extend(root, package, plugins)
    sets = re.compile(rf"""^\s+name\b[^=\n]*=\s*["']{re.escape(name)}["']""", re.MULTILINE)
    found = [
        cls
        for file in _files(root)
        if file.stem == name or sets.search(file.read_text(encoding="utf-8"))
        for cls in _implementations(importlib.import_module(f"{package}.{file.stem}"), contract)
        if cls.__dict__["name"] == name
    ]
    return found[0] if len(found) == 1 else None


def _files(root: ModuleType) -> list[Path]:
    """Return the files of a package and of the folders that join in, each stem once."""
    files = {
        file.stem: file
        for folder in reversed(list(root.__path__))
        for file in Path(folder).glob("*.py")
        if file.stem != "__init__"
    }
    return list(files.values())


def _extend(root: ModuleType, package: str, plugins: str) -> None:
    folder = package.rpartition(".")[2]
    for entry in filter(None, plugins.split(os.pathsep)):
        path = str(Path(entry, folder).resolve())
        if path not in root.__path__:
            root.__path__.append(path)
    importlib.invalidate_caches()


def _implementations(module: ModuleType, contract: type[T]) -> list[type[T]]:
    top = [
        value
        for held in vars(module).values()
        for value in (held if isinstance(held, tuple) else (held,))
        if inspect.isclass(value)
    ]
    return [
        cls
        for cls in dict.fromkeys(top)
        if issubclass(cls, contract)
        and cls.__module__ == module.__name__
        and not inspect.isabstract(cls)
        and "name" in cls.__dict__
    ]


def first_line(cls: type[Any]) -> str:
    """Return the first line of a class's docstring, or of its module's."""
    doc = cls.__doc__ or sys.modules[cls.__module__].__doc__ or ""
    return doc.strip().partition("\n")[0]
