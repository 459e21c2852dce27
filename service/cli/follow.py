"""Follows a search or a model to its end, whoever runs it, and shows how far it is."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from nas.trial import State
from service.cli.failures import SearchFailed
from service.cli.screen import meter, say
from service.states import ENDED, MODEL_ENDED, ModelState, SearchState

if TYPE_CHECKING:
    from service.cli.desk import Desk
    from service.cli.screen import Meter
    from service.cli.work import Child
    from service.schemas import ModelView, SearchView

POLL_SECONDS = 0.5
PATIENCE_SECONDS = 60.0  # for somebody else's runner to come back before it is given up
SHOWN_RUNNING = 4
RUNNER, MODELLING = "service.runner", "service.modelling"


def run_search(desk: Desk, search_id: str) -> SearchView:
    """See a search through: start a runner unless somebody runs it, show progress, wait.

    Ends when the search has ended or is paused. Raises SearchFailed if its runner died, and
    KeyboardInterrupt once a runner of ours has ended after Ctrl-C.
    """
    if desk.cared_for(f"search-{search_id}"):
        say(f"search {search_id} runs in another process; Ctrl-C leaves it running", error=True)
        return _follow(desk, search_id, None)
    with desk.worker(RUNNER, search_id) as runner:
        return _follow(desk, search_id, runner)


def make_model(desk: Desk, model_id: str) -> ModelView:
    """See a model made: as ``run_search``. Raises SearchFailed if it cannot be made."""
    view = desk.model(model_id)
    if view.state not in MODEL_ENDED:
        if desk.cared_for(f"search-{view.search}"):
            view = _follow_model(desk, model_id, None)
        else:
            with desk.worker(MODELLING, model_id) as maker:
                view = _follow_model(desk, model_id, maker)
    if view.state is ModelState.FAILED:
        raise SearchFailed(f"the model of trial {view.trial} could not be made: {view.error}")
    return view


def _follow(desk: Desk, search_id: str, runner: Child | None) -> SearchView:
    alone_since = time.monotonic()
    with meter() as shown:
        while True:
            code = runner.ended if runner else None
            view = desk.view(search_id)
            _show_search(shown, desk, view)
            if view.state in ENDED or view.state is SearchState.PAUSED:
                return _checked(view)
            if runner is not None and code is not None:
                raise SearchFailed(died(runner, code, view.reason, f"nas resume {search_id}"))
            if runner is not None or desk.cared_for(f"search-{search_id}"):
                alone_since = time.monotonic()
            if time.monotonic() - alone_since > PATIENCE_SECONDS:
                raise SearchFailed(f"nothing runs the search any more; nas resume {search_id}")
            time.sleep(POLL_SECONDS)


def _follow_model(desk: Desk, model_id: str, maker: Child | None) -> ModelView:
    with meter() as shown:
        while True:
            code = maker.ended if maker else None
            view = desk.model(model_id)
            _show_model(shown, view)
            if view.state in MODEL_ENDED:
                return view
            if maker is not None and code is not None:
                raise SearchFailed(died(maker, code, view.error, f"nas export {view.search}"))
            time.sleep(POLL_SECONDS)


def _checked(view: SearchView) -> SearchView:
    if view.state is SearchState.FAILED:
        raise SearchFailed(f"search {view.id} failed: {view.reason}")
    return view


def died(process: Child, code: int, reason: str, again: str) -> str:
    """Say that a process of ours has died over its work, and how to go on."""
    how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
    why = f": {reason}" if reason else ""
    return f"the process that did the work {how}{why} (log: {process.log}); go on with: {again}"


def _show_search(shown: Meter, desk: Desk, view: SearchView) -> None:
    counts = view.counts
    done = counts.done + counts.failed + counts.stopped
    if view.state is SearchState.FINISHING and view.models:
        _show_model(shown, view.models[0])
    else:
        shown.show("trials", done, view.limits.trials, _state_text(desk, view))


def _state_text(desk: Desk, view: SearchView) -> str:
    parts = []
    if view.best:
        parts.append(f"best {view.best.reward:.4f} (trial {view.best.number})")
    if view.counts.failed:
        parts.append(f"{view.counts.failed} failed")
    if view.counts.running:
        page = desk.trials(view.id, sort="number", state=State.RUNNING, limit=SHOWN_RUNNING)
        names = [
            f"{t.number} (epoch {t.progress.step})" if t.progress else f"{t.number}"
            for t in page.items
        ]
        more = ", ..." if view.counts.running > len(names) else ""
        parts.append(f"running {', '.join(names)}{more}")
    if view.state is SearchState.RUNNING and (view.eta_seconds or 0) >= 1:
        parts.append(f"about {duration(view.eta_seconds or 0)} left")
    return ", ".join(parts) or str(view.state)


def _show_model(shown: Meter, model: ModelView) -> None:
    step = int(model.progress.get("step", 0))
    loss = (model.progress.get("metrics") or {}).get("train_loss")
    text = f"of trial {model.trial}" + (f", loss {loss:.3f}" if loss is not None else "")
    if step >= model.epochs and model.state not in MODEL_ENDED:
        text += ", now testing and exporting"
    shown.show("final training", step, model.epochs, text)


def duration(seconds: float) -> str:
    """Return a time for people: 45 s, 12 min, 3.5 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
