"""The comparison of a search's cells with other networks: ask for it, wait for it, stop it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from nas.client.answers import read
from nas.client.findings import ComparisonView
from nas.client.waiting import until

if TYPE_CHECKING:
    from nas.client.wire import Wire

ENDED = frozenset({"done", "failed", "stopped"})


class Compared:
    """What a search has of its comparisons."""

    wire: Wire
    _path: str

    def comparison(self) -> ComparisonView | None:
        """Return the newest comparison with other networks as far as it is, None without one."""
        found = self.wire.get(f"{self._path}/comparison")
        return None if found is None else read(ComparisonView, found)

    def compare(self, **wanted: Any) -> ComparisonView:
        """Ask for the best cells, random ones and published networks, trained alike.

        ``search.compare(top=2, random=1, zoo=["resnet20_cifar"], epochs=20, seeds=3)``.
        """
        answer = self.wire.send("POST", f"{self._path}/comparison", wanted, key=str(uuid4()))
        return read(ComparisonView, answer)

    def wait_comparison(
        self, *, progress: bool = False, timeout: float | None = None
    ) -> ComparisonView | None:
        """Wait until the comparison that is being trained has ended, and return it."""
        return until(
            self.comparison,
            lambda one: one is None or one.state in ENDED,
            _text,
            progress,
            timeout,
        )

    def stop_comparison(self) -> ComparisonView:
        """End the comparison that is being trained; what has been trained is kept."""
        place = f"{self._path}/comparison/stop"
        return read(ComparisonView, self.wire.send("POST", place, again=False))


def _text(view: ComparisonView | None) -> str:
    if view is None:
        return "no comparison was asked for"
    return f"comparison: {view.state}, trainings {view.done + view.failed} of {view.total}"
