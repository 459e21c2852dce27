"""The options of a recipe on the command line, drawn from its fields; commands share them."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin

import typer

from nas.recipe import Recipe
from service.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable

    from nas.training.blueprint import Blueprint

PANEL = "How it is trained"
SHOWN = (
    "epochs",
    "batch_size",
    "learning_rate",
    "weight_decay",
    "label_smoothing",
    "randaugment",
    "crop_scale",
    "ema",
    "precision",
    "device",
)


def recipe_options(command: Callable[..., None], names: tuple[str, ...] = SHOWN) -> None:
    """Replace the ``**flags`` of a command by options of a recipe, ``--set`` among them."""
    own = list(inspect.signature(command, eval_str=True).parameters.values())
    kept = [one for one in own if one.kind is not inspect.Parameter.VAR_KEYWORD]
    more = [_option(name) for name in names]
    more.append(
        inspect.Parameter(
            "settings",
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[
                list[str] | None,
                typer.Option(
                    "--set",
                    metavar="NAME=VALUE",
                    help="Any other setting of the recipe, such as momentum=0.95",
                    rich_help_panel=PANEL,
                    show_default=False,
                ),
            ],
        )
    )
    signature = inspect.Signature([*kept, *more])
    command.__signature__ = signature  # type: ignore[attr-defined]


def changes_of(flags: dict[str, Any]) -> dict[str, Any]:
    """Return what was given on the command line, by name of the recipe's field.

    Raises UserError for a setting that is not NAME=VALUE.
    """
    changes = {
        name: value for name, value in flags.items() if name != "settings" and value is not None
    }
    for setting in flags.get("settings") or ():
        name, equals, text = setting.partition("=")
        if not equals:
            raise UserError(f"--set {setting!r} is not NAME=VALUE", field="--set")
        changes[name.strip().removeprefix("recipe.")] = _value(text)
    return changes


def recipe_of(base: Recipe, flags: dict[str, Any]) -> Recipe:
    """Return a recipe with what was given; raise ValidationError for a wrong value."""
    return Recipe.model_validate(base.model_dump() | changes_of(flags))


def check_device(name: str) -> None:
    """Raise UserError for a device that this machine lacks: told before images are read."""
    from nas.train import pick_device

    try:
        pick_device(name)
    except ValueError as error:
        raise UserError(str(error), field="--device") from error


def starting_recipe(name: str, blueprint: Blueprint) -> tuple[Recipe, Blueprint]:
    """Return the recipe of a name or of a file of ``nas tune``, and the network as it asks for it.

    Raises UserError for a file that is none, ZooError where no paper's is known.
    """
    if name == "default":
        return Recipe(), blueprint
    if name == "paper":
        return blueprint.paper_recipe(), blueprint.as_printed()
    try:
        data = json.loads(Path(name).expanduser().read_text(encoding="utf-8"))
        recipe, drop_path = Recipe.model_validate(data["recipe"]), data["drop_path"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{name!r} is no recipe of nas tune ({type(error).__name__})",
            field="--recipe",
            allowed="default, paper, or a file",
        ) from error
    if drop_path is not None and blueprint.scale is not None:
        scale = blueprint.scale.model_copy(update={"drop_path": drop_path})
        blueprint = blueprint.model_copy(update={"scale": scale})
    return recipe, blueprint


def _option(name: str) -> inspect.Parameter:
    field = Recipe.model_fields[name]
    kinds = [field.annotation, *get_args(field.annotation)]
    plain = next((kind for kind in kinds if kind in (int, float, str)), str)
    kind: Any = field.annotation if get_origin(field.annotation) is Literal else plain
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[
            kind | None,
            typer.Option(
                f"--{name.replace('_', '-')}",
                help=field.description,
                rich_help_panel=PANEL,
                show_default=False,
            ),
        ],
    )


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
