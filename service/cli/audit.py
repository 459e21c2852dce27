"""``nas audit``: does the accuracy after a short training rank architectures as a long one does?"""

from __future__ import annotations

import inspect
import statistics
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.context import settings_of
from service.cli.options import build_spec, parameters
from service.cli.screen import meter, say, say_json, say_table
from service.specs import complete

if TYPE_CHECKING:
    from nas.honesty.audit import Audit

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
    spec: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A description in .json or .toml", show_default=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document")] = False,
    **flags: Any,
) -> None:
    """Train a few architectures short and long, and see whether the short score ranks.

    The short training is that of a trial (--epochs). Nothing is kept.

    nas audit --data digits --epochs 1 --long-epochs 8 --architectures 8 --seeds 2
    """
    from service import audits

    root = settings_of(context).data_root
    described = complete(build_spec(flags, spec, []), root)
    with meter() as shown:
        found = audits.run(
            described,
            root,
            architectures=architectures,
            long_epochs=long_epochs,
            seeds=seeds,
            progress=lambda done, total, text: shown.show("trainings", done, total, text),
        )
    if as_json:
        say_json(asdict(found) | {"warning": found.warning})
        return
    _print(found)


def _print(found: Audit) -> None:
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


def _cells(values: tuple[float, ...]) -> list[str]:
    spread = f"± {statistics.stdev(values):.2%}" if len(values) > 1 else ""
    return [f"{statistics.fmean(values):.2%}", spread]


_given = list(inspect.signature(audit, eval_str=True).parameters.values())
_shared = [one for one in parameters() if one.name in SHARED]
audit.__signature__ = inspect.Signature([*_given[:-1], *_shared])  # type: ignore[attr-defined]
