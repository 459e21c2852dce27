"""``nas finals``: the best trials trained from scratch with several seeds, and tested."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from service import finals as rounds
from service import searches
from service.cli.context import opened
from service.cli.failures import INTERRUPTED, SearchFailed
from service.cli.screen import meter, say, say_json, say_table
from service.processes import LockHeld

if TYPE_CHECKING:
    from nas.evaluators import Report
    from nas.trial import Metrics
    from service.schemas import FinalsView

COLUMNS = (
    ("trial", "right"),
    ("in the search", "right"),
    ("test", "right"),
    ("spread", "right"),
    ("seeds", "right"),
)


def finals(
    context: typer.Context,
    search: Annotated[str, typer.Argument(help="Its id, its name, or last")] = "last",
    *,
    top: Annotated[int, typer.Option(help="Different architectures, the best of the search")] = 3,
    seeds: Annotated[int, typer.Option(help="Trainings of each, from scratch")] = 3,
    epochs: Annotated[
        int | None,
        typer.Option(help="Epochs of each training (default: those of the search's final)"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document")] = False,
) -> None:
    """Train the best architectures again from scratch, and test them on images no trial has seen.

    Ctrl-C stops; the same command goes on where it was.

    nas finals last --top 3 --seeds 3 --epochs 20
    """
    from nas.trial import TrialFailure

    with opened(context) as database:
        search_id = searches.resolve(database, search)
        with meter() as shown:

            def report(trial: int, seed: int) -> Report:
                def epoch(step: int, metrics: Metrics) -> bool:
                    loss = metrics.get("train_loss")
                    text = f"seed {seed}" + ("" if loss is None else f", loss {loss:.3f}")
                    shown.show(f"trial {trial}", step, epochs or step, text)
                    return True

                return epoch

            try:
                view = rounds.run(
                    database, search_id, top=top, seeds=seeds, epochs=epochs, report=report
                )
            except KeyboardInterrupt:
                say("\ninterrupted; the same command goes on", error=True)
                raise typer.Exit(INTERRUPTED) from None
            except LockHeld:
                raise SearchFailed(f"the finals of {search_id} run already") from None
            except TrialFailure as error:
                raise SearchFailed(f"a training of the finals failed: {error}") from None
    if as_json:
        say_json(view.model_dump(mode="json"))
        return
    _print(view)


def _print(view: FinalsView) -> None:
    rows = [
        [
            str(one.trial),
            "" if one.selection is None else f"{one.selection:.2%}",
            "" if one.mean is None else f"{one.mean:.2%}",
            "" if one.spread is None else f"{one.spread:.2%}",
            str(len(one.tests)),
        ]
        for one in view.finalists
    ]
    say(f"finals of {view.search}, {view.epochs} epochs from scratch, accuracy on test images\n")
    say_table(COLUMNS, rows)
    if view.lead_before is None or view.lead_after is None:
        return
    error = "" if view.lead_error is None else f" ± {view.lead_error:.2%}"
    say(
        f"\nthe winner led the others by {view.lead_before:+.2%} in the search, and by "
        f"{view.lead_after:+.2%}{error} on the test: its lead shrank by "
        f"{view.lead_before - view.lead_after:.2%}"
    )
