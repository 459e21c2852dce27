"""What a finished search shows: the ranking, the best cells, the model and its test accuracy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nas.trial import State
from service.cli.screen import say, say_json, say_table
from service.states import ModelState

if TYPE_CHECKING:
    from pathlib import Path

    from service.cli.desk import Desk
    from service.schemas import AuditView, ModelView, SearchView, TrialView

RANKED = 10
COLUMNS = (
    ("rank", "right"),
    ("trial", "right"),
    ("reward", "right"),
    ("accuracy", "right"),
    ("params", "right"),
    ("madds", "right"),
    ("seconds", "right"),
)


def report(desk: Desk, view: SearchView, *, as_json: bool, copy_to: Path | None = None) -> None:
    """Print the result of a search, and copy its model's folder to ``copy_to``."""
    model = next((m for m in view.models if m.state is ModelState.DONE), None)
    folder = desk.folder(model.id) if model else None
    if copy_to is not None and model is not None:
        desk.copy_model(model.id, copy_to)
        folder = copy_to.absolute()
    ranked = desk.trials(view.id, sort="-reward", state=State.DONE, limit=RANKED).items
    audit = desk.audit(view.id)
    if as_json:
        say_json(
            {
                "search": view.model_dump(mode="json"),
                "ranked": [trial.model_dump(mode="json") for trial in ranked],
                "model": model and model_data(model, folder),
                "audit": audit and audit.model_dump(mode="json"),
            }
        )
        return
    _print_ranking(view, ranked)
    _print_lift(view)
    _print_audit(audit)
    if view.best:
        detail = desk.detail(view.id, view.best.number)
        for text in detail.text.values():
            say("\n" + text)
    _print_model(view, model, folder)


def model_data(model: ModelView, folder: Path | None) -> dict[str, Any]:
    """Return a model as JSON data, with the folder of its files."""
    return model.model_dump(mode="json") | {"folder": str(folder) if folder else None}


def trial_row(trial: TrialView) -> list[str]:
    """Return reward, accuracy, params, madds and seconds of a trial as text."""
    metrics = trial.metrics
    accuracy = metrics.get("accuracy")
    return [
        "" if trial.reward is None else f"{trial.reward:.4f}",
        "" if accuracy is None else f"{accuracy:.2%}",
        count(metrics.get("params")),
        count(metrics.get("madds")),
        "" if trial.seconds is None else f"{trial.seconds:.1f}",
    ]


def count(value: float | None) -> str:
    """Return a count for people: 1.23M."""
    if value is None:
        return ""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.2f}{unit}"
    return f"{value:.0f}"


def _print_ranking(view: SearchView, ranked: list[TrialView]) -> None:
    counts = view.counts
    parts = [f"{counts.done} done ({counts.cached} repeats)"]
    parts += [f"{n} {name}" for name in ("failed", "stopped") if (n := getattr(counts, name))]
    reason = f" ({view.reason})" if view.reason and view.reason != view.state else ""
    say(f"search {view.id} {view.name!r} {view.state}{reason}: {', '.join(parts)}\n")
    if not ranked:
        say("no trial has finished")
        return
    rows = [[str(rank), str(t.number), *trial_row(t)] for rank, t in enumerate(ranked, 1)]
    used = [place for place in range(len(COLUMNS)) if any(row[place] for row in rows)]
    say_table([COLUMNS[place] for place in used], [[row[place] for place in used] for row in rows])


def _print_lift(view: SearchView) -> None:
    """Say in one line whether the search beat its random arm."""
    lift = view.lift
    if lift is None:
        return
    between = f", too few to say more: {lift.searched} against {lift.random} architectures"
    if lift.low is not None and lift.high is not None:
        between = f", {lift.level:.0%} interval {lift.low:+.4f} to {lift.high:+.4f}"
    means = f"mean {lift.search_mean:.4f} against {lift.random_mean:.4f}"
    say(f"\nagainst random: {lift.verdict} ({means}, lift {lift.difference:+.4f}{between})")


def _print_audit(audit: AuditView | None) -> None:
    """Say in one line whether the score that the search goes by was shown to rank."""
    if audit is None:
        return
    tau = "undefined" if audit.tau is None else f"{audit.tau:+.2f}"
    say(
        f"\naudit of the score, {audit.created_at:%Y-%m-%d}: Kendall's tau {tau}, 95% interval "
        f"{audit.low:+.2f} to {audit.high:+.2f} ({audit.short_epochs} against "
        f"{audit.long_epochs} epochs, {len(audit.rows)} architectures)"
    )
    if audit.warning:
        say(f"warning: {audit.warning}")


def _print_model(view: SearchView, model: ModelView | None, folder: Path | None) -> None:
    if model is None:
        failed = next((m.error for m in view.models if m.state is ModelState.FAILED), "")
        if failed:
            say(f"\nno model could be made: {failed}")
        elif view.best and view.spec["data"]:
            say(f"\nno model was made; make one with: nas export {view.id}")
        return
    accuracy = model.metrics.get("test_accuracy")
    tested = "" if accuracy is None else f", test accuracy {accuracy:.2%}"
    say(f"\nmodel of trial {model.trial}, {model.epochs} epochs{tested}")
    say(
        f"files: {folder}" if folder else f"files: on the server; nas export {view.id} fetches them"
    )
