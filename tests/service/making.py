"""What tests of the service make: searches that end in a moment, run by the real runner."""

from __future__ import annotations

import random
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import insert

from nas.data import DataSpec
from nas.spec import Execution, Final, Limits, Part, SearchSpec
from nas.trial import State
from searchspaces.toy import Toy
from service import finals, retraining, searches
from service.clock import MICROS, now
from service.processes import Stop
from service.runner import Runner
from service.tables import trial

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.db import Database
    from service.schemas import RoundView


MODEL_ROW = {  # of the table of models, less its search and trial
    "id": "m",
    "state": "done",
    "epochs": 1,
    "progress": {},
    "metrics": {},
    "error": "",
    "folder": "models/m",
    "files": [],
    "created_at": 0,
}


def toy_spec(trials: int = 5, *, executor: str = "inline", seconds: float = 0.0, **more: object):
    """Return a search of the toy space, without images."""
    return SearchSpec(
        space=Part(name="toy"),
        controller=Part(name="random"),
        evaluator=Part(name="toy", options={"seconds": seconds}),
        limits=Limits(trials=trials),
        execution=Execution(executor=executor),
        **more,
    )


def digits_spec(trials: int = 2, *, final_epochs: int = 1) -> SearchSpec:
    """Return a search that really trains: chains of four filters on a few digits, one epoch."""
    return SearchSpec(
        name="small digits",
        space=Part(name="toy"),
        controller=Part(name="random"),
        evaluator=Part(
            name="trained",
            options={"recipe": {"epochs": 1}, "scale": {"filters": 4}},
        ),
        data=DataSpec(train_images=200, test_images=50),
        limits=Limits(trials=trials),
        execution=Execution(executor="inline"),
        final=Final(epochs=final_epochs),
    )


@contextmanager
def stopping() -> Iterator[Stop]:
    """Give a Stop; the signal handlers are put back afterwards."""
    before = {n: signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield Stop(patience=None)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run(database: Database, search_id: str) -> int:
    """Run a search in this process as the runner does, and return the exit code."""
    with stopping() as stop:
        return Runner(database, search_id, stop).run()


def finished(database: Database, trials: int = 5, **more: object) -> str:
    """Return the id of a toy search that has run to its end."""
    search_id = searches.create(database, toy_spec(trials, **more))
    assert run(database, search_id) == 0
    return search_id


def retrain(database: Database, search_id: str, **wanted: int) -> RoundView:
    """Ask for finals and train them in this process as the supervisor's does."""
    round_id = finals.request(database, search_id, **wanted)
    with stopping() as stop:
        return retraining.train(database, round_id, stop)


def fill(database: Database, search_id: str, count: int) -> None:
    """Give a search of the toy space so many finished trials, as if they had been run."""
    space = Toy()
    rng = random.Random(count)
    begun = now() - MICROS * count

    def row(number: int) -> dict[str, object]:
        decisions = space.sample(rng)
        accuracy = space.value(decisions) + rng.gauss(0, 0.01)
        return {
            "search_id": search_id,
            "number": number,
            "decisions": list(decisions),
            "key": space.decode(decisions).key(),
            "note": {},
            "seed": number,
            "state": State.DONE,
            "attempt": 1,
            "metrics": {"accuracy": accuracy, "params": rng.randrange(10_000, 100_000)},
            "reward": accuracy,
            "told": True,
            "figures": {"baseline": 0.5, "entropy": 2.0 - number / count},
            "created_at": begun + MICROS * number,
            "started_at": begun + MICROS * number,
            "finished_at": begun + MICROS * number + MICROS // 2,
        }

    for first in range(0, count, 5000):
        rows = [row(number) for number in range(first, min(count, first + 5000))]
        with database.write() as connection:
            connection.execute(insert(trial), rows)
