"""A search on a service: how it stands, its trials, what it is asked to do, what comes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from nas.client import columns, events, pictures
from nas.client.answers import (
    Best,
    Counts,
    DeletedView,
    Event,
    LiftView,
    ModelView,
    SearchView,
    read,
)
from nas.client.compared import Compared
from nas.client.errors import ClientError
from nas.client.finals import Finals
from nas.client.findings import (
    AuditView,
    FailureGroups,
    History,
    LineageView,
    OperationShares,
    ParetoView,
    PolicyView,
)
from nas.client.model import Model
from nas.client.trial import Trial, trial_of
from nas.client.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from types import EllipsisType

    from nas.client.columns import Columns
    from nas.client.wire import Wire

RESTING = frozenset({"finished", "stopped", "failed", "paused"})


class Search(Compared, Finals):
    """A search. ``view`` is what was seen last; :meth:`refresh` and the properties ask anew."""

    def __init__(self, wire: Wire, view: SearchView) -> None:
        """Keep what is known."""
        self.wire, self.view, self.id, self.name = wire, view, view.id, view.name
        self._path = f"searches/{view.id}"

    def __repr__(self) -> str:
        """Return a line that says what was seen last."""
        view = self.view
        return f"<Search {self.id} {self.name!r}, {view.state}, trials {pictures.counts(view)}>"

    def _repr_html_(self) -> str:
        """Return a summary with the best trial's cells, as they are now."""
        view, drawing = self.refresh(), None
        if view.best is not None:
            drawing = self.trial(view.best.number)._repr_svg_()
        return pictures.summary(view, drawing)

    # How it stands

    def refresh(self) -> SearchView:
        """Ask the service how the search stands."""
        self.view = read(SearchView, self.wire.get(self._path))
        return self.view

    @property
    def state(self) -> str:
        """Pending, running, paused, finishing, finished, stopped or failed."""
        return self.refresh().state

    @property
    def best(self) -> Best | None:
        """The finished trial with the highest reward."""
        return self.refresh().best

    @property
    def counts(self) -> Counts:
        """Trials by state."""
        return self.refresh().counts

    @property
    def verdict(self) -> LiftView | None:
        """The search arm against its random arm, None without one."""
        return self.refresh().lift

    def wait(self, *, progress: bool = False, timeout: float | None = None) -> Search:
        """Wait until the search has ended or is paused.

        ``progress`` writes how far it is to standard error. Raises ClientError if the search
        failed, or ``timeout`` seconds were not enough.
        """
        view = until(self.refresh, lambda one: one.state in RESTING, _text, progress, timeout)
        if view.state == "failed":
            raise ClientError(f"search {self.id} failed: {view.reason}", field="state")
        return self

    def events(self, after: int = 0) -> Iterator[Event]:
        """Yield what happened in this search after event ``after``, and what happens, for ever."""
        return events.follow(self.wire, self.id, after)

    # Its trials

    def trials(
        self,
        *,
        sort: str = "number",
        state: str | None = None,
        filter: str | None = None,
        page: int = 500,
    ) -> Iterator[Trial]:
        """Yield all trials; ``page`` are fetched at a time.

        ``sort`` is "number", "reward", "seconds", "attempt", "budget" or a metric, with a minus
        sign falling; those that lack it come last. ``filter`` is such as
        "accuracy>0.9 and params<4e6 and state=done".
        """
        after: str | None = None
        while True:
            found = self.wire.get(
                f"{self._path}/trials",
                sort=sort,
                state=state,
                filter=filter,
                limit=page,
                after=after,
            )
            for one in found["items"]:
                yield trial_of(self.wire, self.id, one)
            after = found["next"]
            if after is None:
                return

    def trial(self, number: int) -> Trial:
        """Return one trial; its ``detail()`` has the curve, the attempts and the architecture."""
        return trial_of(self.wire, self.id, self.wire.get(f"{self._path}/trials/{number}"))

    def history(self, after: int = -1, *, since: int = 0) -> History:
        """Return rewards, states and the controller's figures of the trials after a number.

        ``since`` is the ``seq`` of an earlier answer: only what has changed after it.
        """
        return read(History, self.wire.get(f"{self._path}/history", after=after, since=since))

    def columns(self, after: int = -1, *, since: int = 0) -> Columns:
        """Return the same as arrays, for very many trials."""
        return columns.fetch(self.wire, f"{self._path}/history", after, since)

    def lineage(self) -> LineageView:
        """Return from which trial each was changed, and how, where the controller does so."""
        return read(LineageView, self.wire.get(f"{self._path}/lineage"))

    def policy(self) -> PolicyView:
        """Return how the policy of reinforce or ppo has changed; empty for others."""
        return read(PolicyView, self.wire.get(f"{self._path}/policy"))

    def front(self, objectives: Sequence[str] = ()) -> ParetoView:
        """Return the Pareto front; objectives are metrics, ``-params`` where less is better."""
        named = ",".join(objectives)
        return read(ParetoView, self.wire.get(f"{self._path}/pareto", objectives=named))

    def failures(self) -> FailureGroups:
        """Return the failed trials grouped by cause, the most frequent first."""
        return read(FailureGroups, self.wire.get(f"{self._path}/failures"))

    def operations(self, top: int = 10) -> OperationShares:
        """Return how often each operation stands in the cells of the best trials, and of all."""
        return read(OperationShares, self.wire.get(f"{self._path}/operations", top=top))

    def log(self, tail: int = 500, *, trial: int | None = None) -> str:
        """Return the last lines that its processes have printed.

        With ``trial``, those up to the line that says how the trial ended.
        """
        return self.wire.text(f"{self._path}/logs", tail=tail, trial=trial)

    # What it is asked to do

    def change(
        self,
        *,
        trials: int | None = None,
        hours: float | EllipsisType | None = ...,
        workers: int | None = None,
    ) -> Search:
        """Change the limits, also while it runs; ``hours=None`` takes that limit away.

        ``workers`` trials run at the same time; with fewer, running ones go on to their end.
        """
        asked: dict[str, Any] = {"trials": trials, "workers": workers}
        body = {name: value for name, value in asked.items() if value is not None}
        if hours is not ...:
            body["hours"] = hours
        return self._seen(self.wire.send("PATCH", self._path, body))

    def clone(self, changes: dict[str, Any] | None = None, /, **parts: Any) -> Search:
        """Start a search like this one with some fields changed, and return it.

        ``search.clone(name="longer", limits={"trials": 100})``; objects are changed field by field.
        """
        body = {**(changes or {}), **parts}
        answer = self.wire.send("POST", f"{self._path}/clone", body, key=str(uuid4()))
        return Search(self.wire, read(SearchView, answer))

    def pause(self) -> Search:
        """Let running trials end, start no more."""
        return self._seen(self.wire.send("POST", f"{self._path}/pause"))

    def resume(self) -> Search:
        """Go on where it was, whatever ended it."""
        return self._seen(self.wire.send("POST", f"{self._path}/resume"))

    def stop(self) -> Search:
        """End the search now; finished trials stay, and the best one's model is made."""
        return self._seen(self.wire.send("POST", f"{self._path}/stop"))

    def delete(self) -> DeletedView:
        """Throw the search away, with its trials and models; :meth:`restore` takes it back."""
        return read(DeletedView, self.wire.send("DELETE", self._path))

    def restore(self) -> Search:
        """Take the search back that was thrown away, while it can be."""
        return self._seen(self.wire.send("POST", f"{self._path}/restore"))

    # What comes of it

    def models(self) -> list[Model]:
        """Return its models, the newest first."""
        found = self.wire.get(f"{self._path}/models")
        return [Model(self.wire, read(ModelView, one)) for one in found["items"]]

    def request_model(
        self, trial: int | None = None, *, epochs: int | None = None, formats: Sequence[str] = ()
    ) -> Model:
        """Ask for the model of a trial, by default of the best; none is made twice."""
        body = {"trial": trial, "epochs": epochs, "formats": list(formats)}
        return Model(
            self.wire, read(ModelView, self.wire.send("POST", f"{self._path}/models", body))
        )

    def export(
        self,
        folder: Path | str,
        *,
        trial: int | None = None,
        epochs: int | None = None,
        formats: Sequence[str] = (),
        progress: bool = False,
        timeout: float | None = None,
    ) -> Path:
        """Ask for a model, wait until it is made, download its files, and return the folder."""
        model = self.request_model(trial, epochs=epochs, formats=formats)
        return model.wait(progress=progress, timeout=timeout).download(folder)

    def audit(self) -> AuditView | None:
        """Return the newest audit of the score that the search goes by, None without one."""
        found = self.wire.get(f"{self._path}/audit")
        return None if found is None else read(AuditView, found)

    def _seen(self, data: Any) -> Search:
        self.view = read(SearchView, data)
        return self


def _text(view: SearchView) -> str:
    best = f", best {pictures.score(view)} (trial {view.best.number})" if view.best else ""
    return f"{view.name}: {view.state}, trials {pictures.counts(view)}{best}"
