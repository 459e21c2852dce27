"""How far an experiment of Ray Tune is.

Tune pickles its callbacks, and takes the pickled ones when it goes on with an experiment in another
process. So a callback keeps nothing: what it tells is kept here, once a process.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ray import tune

if TYPE_CHECKING:
    from collections.abc import Callable

ENDED = ("TERMINATED", "ERROR")


@dataclass(slots=True)
class Course:
    """How many trials have ended, and whom to tell: ``progress(done, all, text)``."""

    trials: int = 0
    metric: str = ""
    progress: Callable[[int, int, str], None] | None = None
    done: int = -1

    def look(self, trials: list[Any]) -> None:
        """Count the trials that have ended, and tell if they have become more."""
        ended = [one for one in trials if one.status in ENDED]
        if len(ended) == self.done:
            return
        self.done = len(ended)
        best = max(
            (float((one.last_result or {}).get(self.metric, 0.0)) for one in ended), default=0
        )
        if self.progress is not None:
            self.progress(self.done, self.trials, f"best {self.metric} {best:.2%}")


NOW = Course()


class Telling(tune.Callback):
    """Looks at the trials after each step of the experiment."""

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        """Tell the course of this process."""
        del iteration, info
        NOW.look(trials)
