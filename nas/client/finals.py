"""The finals of a search: the best again from scratch, with several seeds."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from nas.client.answers import read
from nas.client.findings import FinalsView
from nas.client.waiting import until

if TYPE_CHECKING:
    from nas.client.wire import Wire

ENDED = frozenset({"done", "failed", "stopped"})


class Finals:
    """What a search has of its finals."""

    wire: Wire
    _path: str

    def finals(self, *, top: int = 3, epochs: int | None = None) -> FinalsView:
        """Return the finals as far as they are."""
        return read(FinalsView, self.wire.get(f"{self._path}/finals", top=top, epochs=epochs))

    def train_finals(
        self, *, top: int = 3, seeds: int = 3, epochs: int | None = None
    ) -> FinalsView:
        """Ask for the best architectures from scratch with several seeds; return what is known."""
        body = {"top": top, "seeds": seeds, "epochs": epochs}
        answer = self.wire.send("POST", f"{self._path}/finals", body, key=str(uuid4()))
        return read(FinalsView, answer)

    def wait_finals(
        self,
        *,
        top: int = 3,
        epochs: int | None = None,
        progress: bool = False,
        timeout: float | None = None,
    ) -> FinalsView:
        """Wait until the finals that are being trained have ended, and return them."""
        return until(
            lambda: self.finals(top=top, epochs=epochs),
            lambda one: one.round is None or one.round.state in ENDED,
            _text,
            progress,
            timeout,
        )

    def stop_finals(self) -> FinalsView:
        """End the training of finals; what has been trained is kept."""
        # Not again by itself: a second one is refused, because nothing is trained any more.
        return read(FinalsView, self.wire.send("POST", f"{self._path}/finals/stop", again=False))


def _text(view: FinalsView) -> str:
    now = view.round
    if now is None:
        return "no finals were asked for"
    failed = f", {now.failed} failed" if now.failed else ""
    return f"finals: {now.state}, trainings {now.done + now.failed} of {now.total}{failed}"
