"""A crash before or after any commit of a search: the next runner goes on as if nothing was.

The fault is in SQLite's own commit, so that what is tested is the real store, loop and runner.
"""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import event

from nas.catalog import REGISTRIES
from nas.events import EventKind
from nas.loop import run as run_loop
from nas.spec import Part
from nas.trial import FINAL
from service import eventlog, searches, specs
from service.db import Database
from service.settings import Settings
from service.states import SearchState
from service.store import SqlStore
from tests.service.making import run, toy_spec

if TYPE_CHECKING:
    from collections.abc import Iterator

TRIALS = 5


class PowerCut(BaseException):
    """The process ends here."""


@contextmanager
def cut(database: Database, at: int, after: bool) -> Iterator[None]:
    """Raise PowerCut at the ``at``-th commit of a write: before it takes effect, or after."""
    seen = Counter()

    def on_commit(connection) -> None:
        if not connection.get_execution_options().get("nas_write"):
            return
        seen["commits"] += 1
        if seen["commits"] == at:
            if after:
                connection.connection.commit()
                connection.exec_driver_sql("BEGIN")
            raise PowerCut

    event.listen(database.engine, "commit", on_commit)
    try:
        yield
    finally:
        event.remove(database.engine, "commit", on_commit)


def loop(database: Database, search_id: str) -> None:
    """Run a search without the runner's threads: a commit then has one number, always the same."""
    spec = specs.stored(searches.view(database, search_id).spec)
    space = REGISTRIES["space"].create(spec.space.name, spec.space.options)
    controller = REGISTRIES["controller"].create(
        spec.controller.name, spec.controller.options, space=space, seed=spec.seed
    )
    executor = REGISTRIES["executor"].get("inline")(
        spec.setup(database.settings.home), spec.execution
    )
    store = SqlStore(database, search_id, "test")
    store.end(run_loop(space, controller, spec.objective, executor, store))


def facts(database: Database, search_id: str) -> list[tuple]:
    """Return what must not depend on crashes."""
    trials = SqlStore(database, search_id, "").trials()
    return [(t.number, t.proposal, t.seed, t.state, t.metrics, t.reward, t.told) for t in trials]


def check(database: Database, search_id: str) -> None:
    """Assert the invariants that hold after every drill."""
    trials = SqlStore(database, search_id, "").trials()
    assert [t.number for t in trials] == list(range(TRIALS))
    assert all(t.state in FINAL and t.told for t in trials)
    with database.read() as connection:
        events = eventlog.after(connection, 0, limit=100_000)
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
    assert [e.seq for e in events] == list(range(1, len(events) + 1))
    done = Counter(
        e.trial for e in events if e.kind is EventKind.TRIAL_DONE and e.search == search_id
    )
    assert done == dict.fromkeys(range(TRIALS), 1)


@pytest.mark.parametrize(
    ("controller", "after"),
    [("random", False), ("random", True), ("reinforce", False)],
    ids=["random-before", "random-after", "reinforce-before"],
)
def test_a_crash_at_any_commit_changes_no_trial(tmp_path, controller, after):
    spec = toy_spec(TRIALS).model_copy(update={"controller": Part(name=controller)})
    with Database.open(Settings.load(home=tmp_path / "home")) as database:
        whole = searches.create(database, spec)
        loop(database, whole)
        expected = facts(database, whole)
        for at in range(1, 200):
            search_id = searches.create(database, spec)
            crashed = False
            with cut(database, at, after):
                try:
                    loop(database, search_id)
                except PowerCut:
                    crashed = True
            if not crashed:
                break
            if searches.view(database, search_id).state is not SearchState.FINISHED:
                loop(database, search_id)
            assert facts(database, search_id) == expected, f"crash at commit {at}"
            check(database, search_id)
    assert at > 3 * TRIALS


def test_crash_after_crash_still_ends_with_every_trial_once(tmp_path):
    with Database.open(Settings.load(home=tmp_path / "home")) as database:
        search_id = searches.create(database, toy_spec(TRIALS))
        for at in range(1, 60):
            with cut(database, at % 4 + 1, after=bool(at % 2)):
                try:
                    loop(database, search_id)
                    break
                except PowerCut:
                    continue
        if searches.view(database, search_id).state is not SearchState.FINISHED:
            assert run(database, search_id) == 0
        check(database, search_id)
