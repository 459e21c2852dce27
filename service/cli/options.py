"""The options of ``nas search``: one table, from which help, parsing and messages follow.

An option is a name for a place in the description of a search (:class:`nas.spec.SearchSpec`). Its
help text, default and limits are those of the field, so there is no second schema.
"""

from __future__ import annotations

import inspect
import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer
from pydantic import BaseModel

from nas.recipe import Recipe
from nas.spec import SearchSpec
from searchspaces.scale import Scale
from service.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic.fields import FieldInfo

SpecFile = Annotated[
    Path | None,
    typer.Option(help="A .json or .toml file with the description; options go on top"),
]
SetOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="PATH=VALUE", help="Any place in the description, again and again"
    ),
]
RECIPE, SCALE = "evaluator.options.recipe", "evaluator.options.scale"
OPTION_MODELS: dict[str, type[BaseModel]] = {RECIPE: Recipe, SCALE: Scale}
PARTS = ("space", "controller", "evaluator")


@dataclass(frozen=True, slots=True)
class Flag:
    """One option: its name, its place in the description, its type, the panel of the help."""

    option: str
    path: str
    kind: type
    panel: str
    help: str = ""

    @property
    def name(self) -> str:
        """The name of the parameter: --train-images is train_images."""
        return self.option.removeprefix("--").replace("-", "_")


WHAT, IMAGES, TRAINING, WHERE = "What to search", "Images", "Training", "Where it runs"
FLAGS = (
    Flag("--name", "name", str, WHAT, "A name to find the search by"),
    Flag("--space", "space", str, WHAT, "Search space: ? lists them"),
    Flag(
        "--controller",
        "controller",
        str,
        WHAT,
        "What proposes architectures: ? lists them",
    ),
    Flag("--evaluator", "evaluator", str, WHAT, "What measures them"),
    Flag("--control-fraction", "control_fraction", float, WHAT),
    Flag("--trials", "limits.trials", int, WHAT),
    Flag("--hours", "limits.hours", float, WHAT, "Stop after so many hours of running"),
    Flag("--seed", "seed", int, WHAT),
    Flag("--ordered", "ordered", bool, WHAT),
    Flag("--data", "data.source", str, IMAGES),
    Flag("--train-images", "data.train_images", str, IMAGES),
    Flag("--image-size", "data.image_size", int, IMAGES),
    Flag("--epochs", f"{RECIPE}.epochs", int, TRAINING, "Epochs of each trial"),
    Flag("--cells", f"{SCALE}.cells", int, TRAINING),
    Flag("--filters", f"{SCALE}.filters", int, TRAINING),
    Flag("--final-epochs", "final.epochs", int, TRAINING),
    Flag("--executor", "execution.executor", str, WHERE),
    Flag("--workers", "execution.workers", int, WHERE),
    Flag("--cpus-per-trial", "execution.cpus_per_trial", float, WHERE),
    Flag("--gpus-per-trial", "execution.gpus_per_trial", float, WHERE),
    Flag("--ray-address", "execution.ray_address", str, WHERE),
    Flag("--trial-timeout", "execution.trial_timeout_seconds", float, WHERE),
)
BY_PATH = {flag.path: flag.option for flag in FLAGS} | {
    f"{part}.name": f"--{part}" for part in PARTS
}


def option_of(path: str) -> str:
    """Return the option for a place in the description, or the place itself."""
    return BY_PATH.get(path, path)


def parameters() -> list[inspect.Parameter]:
    """Return the table as parameters for typer; None stands for not given."""
    return [
        inspect.Parameter(
            flag.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[
                flag.kind | None,
                typer.Option(
                    flag.option, help=_help(flag), rich_help_panel=flag.panel, show_default=False
                ),
            ],
        )
        for flag in FLAGS
    ]


def with_flags(command: Callable[..., None]) -> None:
    """Give a command, whose last parameter is ``**flags``, the options of the table."""
    given = list(inspect.signature(command, eval_str=True).parameters.values())
    command.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [*given[:-1], *parameters()]
    )


def build_spec(given: dict[str, Any], file: Path | None, settings: list[str]) -> SearchSpec:
    """Return the description: the file, then the options, then each PATH=VALUE of ``settings``.

    Raises UserError for an unreadable file or setting, ValidationError for a wrong value.
    """
    data = _read(file) if file else {}
    for part in PARTS:
        named = data.setdefault(part, {})
        data[part] = {"name": named} if isinstance(named, str) else named
        if isinstance(data[part], dict):
            data[part].setdefault("name", getattr(SearchSpec(), part).name)
    _put_all(data, given, settings)
    return SearchSpec.model_validate(data)


def changes_of(given: dict[str, Any], settings: list[str]) -> dict[str, Any]:
    """Return only what is given: the options, then each PATH=VALUE of ``settings``."""
    data: dict[str, Any] = {}
    _put_all(data, given, settings)
    return data


def _put_all(data: dict[str, Any], given: dict[str, Any], settings: list[str]) -> None:
    for flag in FLAGS:
        if given.get(flag.name) is not None:
            _put(data, flag.path, given[flag.name])
    for setting in settings:
        path, equals, text = setting.partition("=")
        if not equals or not path:
            raise UserError(
                f"--set {setting!r} is not PATH=VALUE, such as {SCALE}.dropout=0.2", field="--set"
            )
        _put(data, path.strip(), _value(text))


def _put(data: dict[str, Any], path: str, value: Any) -> None:
    if path in PARTS:
        if data.get(path, {}).get("name") != value:
            data[path] = {"name": value}
        return
    *parents, last = path.split(".")
    here = data
    for parent in parents:
        inner = here.get(parent)
        if inner is None:
            inner = here[parent] = {}
        if not isinstance(inner, dict):
            raise UserError(f"{path}: {parent} is {inner!r}, it has no parts", field=path)
        here = inner
    here[last] = value


def _read(file: Path) -> dict[str, Any]:
    try:
        text = file.read_text(encoding="utf-8")
        data = tomllib.loads(text) if file.suffix == ".toml" else json.loads(text)
    except OSError as error:
        raise UserError(f"{file}: {error.strerror}", field="--spec") from error
    except ValueError as error:
        raise UserError(f"{file} cannot be read: {error}", field="--spec") from error
    if not isinstance(data, dict):
        raise UserError(f"{file} must hold an object, got {type(data).__name__}", field="--spec")
    return data


def _value(text: str) -> Any:
    """Return JSON where the text is JSON, else the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _help(flag: Flag) -> str:
    field = _field(flag.path)
    text = flag.help or field.description or ""
    if flag.path in PARTS:
        return f"{text} (default {getattr(SearchSpec(), flag.path).name})"
    if field.default is None or flag.kind is bool:
        return text
    return f"{text} (default {field.default})"


def _field(path: str) -> FieldInfo:
    """Return the field at a place in the description."""
    parent, _, last = path.rpartition(".")
    model: type[BaseModel] = OPTION_MODELS.get(parent, SearchSpec)
    for name in parent.split(".") if parent and parent not in OPTION_MODELS else ():
        annotation = model.model_fields[name].annotation
        kinds = [annotation, *get_args(annotation)]
        model = next(k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel))
    return model.model_fields[last]
