"""``nas audit``: does the accuracy after a short training rank architectures as a long one does?"""

from __future__ import annotations

import inspect
import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service import auditlog, registered, searches
from service.cli.context import opened
from service.cli.options import FLAGS, build_spec, parameters
from service.cli.screen import meter, say, say_json, say_table
from service.errors import UserError
from service.specs import complete

if TYPE_CHECKING:
    from nas.spec import SearchSpec
    from service.db import Database
    from service.schemas import AuditView

# Of the options of nas search those that say what is trained, on which images, and how.
SHARED = {"space", "seed", "data", "train_images", "image_size", "epochs", "cells", "filters"}
COLUMNS = (
    ("params", "right"),
    ("short", "right"),
    ("over seeds", "right"),
    ("long", "right"),
    ("over seeds", "right"),
)


def audit(
    context: typer.Context,
    *,
    architectures: Annotated[int, typer.Option(help="How many, spread out by their size")] = 8,
    long_epochs: Annotated[int, typer.Option(help="Epochs of the long trainings")] = 12,
    seeds: Annotated[int, typer.Option(help="Trainings of each, short and long")] = 2,
    search: Annotated[
        str | None,
        typer.Option(
            metavar="SEARCH",
            help="Audit what a search trains (its id, its name, or last), not the options",
            show_default=False,
        ),
    ] = None,
    spec: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A description in .json or .toml", show_default=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document")] = False,
    **flags: Any,
) -> None:
    """Train a few architectures short and long, and see whether the short score ranks.

    The short training is that of a trial (--epochs). The result is kept: nas show and the page
    give it with every search of the same space, training and images.

    nas audit --data digits --epochs 1 --long-epochs 8 --architectures 8 --seeds 2

    nas audit --search last --long-epochs 8
    """
    from service import audits

    with opened(context) as database:
        root = database.settings.data_root
        described = _described(database, search, flags, spec)
        with meter() as shown:
            found = audits.run(
                described,
                root,
                architectures=architectures,
                long_epochs=long_epochs,
                seeds=seeds,
                progress=lambda done, total, text: shown.show("trainings", done, total, text),
            )
        short = int(described.evaluator.options["recipe"]["epochs"])
        kept = auditlog.keep(database, described, found, short, long_epochs)
    if as_json:
        say_json(kept.model_dump(mode="json"))
        return
    _print(kept)


def _described(
    database: Database, search: str | None, flags: dict[str, Any], spec: Path | None
) -> SearchSpec:
    """Return the completed description of what is to be audited."""
    if search is None:
        wanted = registered.located(database, build_spec(flags, spec, []))
        return complete(wanted, database.settings.data_root)
    given = [flag.option for flag in FLAGS if flags.get(flag.name) is not None]
    given += ["--spec"] if spec else []
    if given:
        text = f"{given[0]} does not go with --search, which names all that is trained"
        raise UserError(text, field=given[0], allowed="--search alone")
    return auditlog.spec_of(database, searches.resolve(database, search))


def _print(found: AuditView) -> None:
    say_table(
        COLUMNS,
        [
            [f"{row.cost:,.0f}", *_cells(row.short), *_cells(row.long)]
            for row in sorted(found.rows, key=lambda row: -statistics.fmean(row.long))
        ],
    )
    tau = "undefined" if found.tau is None else f"{found.tau:+.2f}"
    say(f"\nKendall's tau {tau}, 95 % interval {found.low:+.2f} to {found.high:+.2f}")
    if found.noise is not None:
        say(
            f"short scores differ by {found.noise:.2%} between seeds and by {found.spread:.2%} "
            "between architectures"
        )
    if found.warning:
        say(f"warning: {found.warning}")


def _cells(values: list[float]) -> list[str]:
    spread = f"± {statistics.stdev(values):.2%}" if len(values) > 1 else ""
    return [f"{statistics.fmean(values):.2%}", spread]


_given = list(inspect.signature(audit, eval_str=True).parameters.values())
_shared = [one for one in parameters() if one.name in SHARED]
audit.__signature__ = inspect.Signature([*_given[:-1], *_shared])  # type: ignore[attr-defined]
