"""``nas finals``: the best trials trained from scratch with several seeds, and tested."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.context import desk_of
from service.cli.failures import INTERRUPTED, SearchFailed
from service.cli.follow import PATIENCE_SECONDS, POLL_SECONDS, died
from service.cli.screen import meter, say, say_json, say_table
from service.states import JOB_ACTIVE, JobState

if TYPE_CHECKING:
    from service.cli.desk import Desk
    from service.cli.screen import Meter
    from service.cli.work import Child
    from service.schemas import FinalsView, RoundView

RETRAINING = "service.retraining"
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
    stop: Annotated[
        bool, typer.Option("--stop", help="End the finals that are being trained, whoever does it")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document")] = False,
) -> None:
    """Train the best architectures again from scratch, and test them on images no trial has seen.

    Where nas serve runs, it trains them and Ctrl-C only stops looking on. Otherwise Ctrl-C stops
    the training. The same command goes on where it was.

    nas finals last --top 3 --seeds 3 --epochs 20
    """
    with desk_of(context) as desk:
        search_id = desk.resolve(search)
        if stop:
            desk.stop_finals(search_id)
        else:
            round_id = desk.request_finals(search_id, top=top, seeds=seeds, epochs=epochs)
            try:
                _see_through(desk, search_id, round_id)
            except KeyboardInterrupt:
                say("\ninterrupted; the same command goes on", error=True)
                raise typer.Exit(INTERRUPTED) from None
        view = desk.finals(search_id, top=top, epochs=epochs)
    if as_json:
        say_json(view.model_dump(mode="json"))
    elif stop:
        say(f"finals of {search_id} stopped; what is trained is kept")
    else:
        _print(view)


def _see_through(desk: Desk, search_id: str, round_id: str) -> None:
    """Train the finals unless somebody else does, show how far they are, wait for their end."""
    end = desk.round(search_id, round_id)
    if end.state not in JOB_ACTIVE:
        pass  # all of it is known
    elif desk.cared_for(f"finals-{search_id}"):
        say(f"finals of {search_id} are trained elsewhere; Ctrl-C leaves them running", error=True)
        end = _follow(desk, search_id, round_id, None)
    else:
        try:
            with desk.worker(RETRAINING, round_id) as trainer:
                end = _follow(desk, search_id, round_id, trainer)
        except KeyboardInterrupt:
            if desk.round(search_id, round_id).state in JOB_ACTIVE:
                desk.stop_finals(search_id)
            raise
    if end.state is JobState.FAILED:
        raise SearchFailed(f"the finals of {search_id} failed: {end.error}")
    if end.state is JobState.STOPPED:
        raise SearchFailed(f"the finals of {search_id} were stopped; the same command goes on")


def _follow(desk: Desk, search_id: str, round_id: str, trainer: Child | None) -> RoundView:
    alone_since = time.monotonic()
    with meter() as shown:
        while True:
            code = trainer.ended if trainer else None
            view = desk.round(search_id, round_id)
            _show(shown, view)
            if view.state not in JOB_ACTIVE:
                return view
            if trainer is not None and code is not None:
                raise SearchFailed(died(trainer, code, view.error, "the same command"))
            if trainer is not None or desk.cared_for(f"finals-{search_id}"):
                alone_since = time.monotonic()
            if time.monotonic() - alone_since > PATIENCE_SECONDS:
                raise SearchFailed("nothing trains the finals any more; the same command goes on")
            time.sleep(POLL_SECONDS)


def _show(shown: Meter, view: RoundView) -> None:
    now = view.progress
    failed = f", {view.failed} failed" if view.failed else ""
    if now is None:
        shown.show("trainings", view.done + view.failed, view.total, f"{view.state}{failed}")
        return
    loss = now.metrics.get("train_loss")
    text = f"trial {now.trial}, seed {now.seed}, epoch {now.step} of {view.epochs}"
    text += "" if loss is None else f", loss {loss:.3f}"
    shown.show("trainings", view.done + view.failed, view.total, text + failed)


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
    for one in view.finalists:
        for seed, why in one.failures.items():
            say(f"trial {one.trial}, seed {seed} failed: {why}")
    if view.lead_before is None or view.lead_after is None:
        return
    error = "" if view.lead_error is None else f" ± {view.lead_error:.2%}"
    say(
        f"\nthe winner led the others by {view.lead_before:+.2%} in the search, and by "
        f"{view.lead_after:+.2%}{error} on the test: its lead shrank by "
        f"{view.lead_before - view.lead_after:.2%}"
    )
