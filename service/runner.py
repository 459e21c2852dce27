"""Runs one search: ``python -m service.runner SEARCH_ID``. Start and restart are the same.

Exit codes: 0 the search has ended, is paused, or was interrupted and goes on with the next runner;
1 the machine failed, try again; 2 the search cannot run and is marked as failed; 75 another process
runs it.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
import threading
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

from nas.catalog import REGISTRIES
from nas.data import DataError
from nas.honesty.arms import with_random_arm
from nas.loop import End, run
from nas.store import Desired, LostOwnership
from searchspaces import SpaceError
from searchspaces.registry import RegistryError
from searchspaces.scale import Scale
from service import modelling, models, searches, specs, vitals
from service.db import Database
from service.errors import NotFound, StorageError, UserError
from service.processes import (
    EXIT_BUSY,
    LockHeld,
    Stop,
    die_with_parent,
    file_lock,
    leave,
    parent_pid,
)
from service.settings import Settings
from service.states import ENDED, MODEL_ENDED, ModelState, SearchState
from service.store import SqlStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from nas.controllers import Controller
    from nas.execution import Executor, Node
    from nas.spec import SearchSpec

EXIT_DONE, EXIT_CRASH, EXIT_FAILED = 0, 1, 2
LOCK_SECONDS = 2.0  # somebody may hold the lock for a moment, to see whether anyone does
_log = logging.getLogger(__name__)


class Runner:
    """The process that owns a search, from its adoption to its end."""

    def __init__(self, database: Database, search_id: str, stop: Stop) -> None:
        """Prepare to run a search of the database until ``stop`` is asked."""
        self.database, self.search_id, self.stop = database, search_id, stop
        self.nodes: Callable[[], tuple[Node, ...]] = tuple
        self.store = SqlStore(database, search_id, f"{socket.gethostname()}/{os.getpid()}")

    def run(self) -> int:
        """Run the search to its end and return the exit code; the caller holds its lock."""
        if searches.view(self.database, self.search_id).state in ENDED:
            return EXIT_DONE
        with self._beating():
            try:
                return self._run()
            except LostOwnership as error:
                _log.warning("%s", error)
                return EXIT_BUSY
            except (UserError, RegistryError, SpaceError, DataError, ValueError) as error:
                _log.exception("the search cannot run")
                return self._give_up(f"failed: {_line(error)}", EXIT_FAILED)
            except Exception as error:
                _log.exception("the runner failed")
                return self._give_up(f"pending: {_line(error)}", EXIT_CRASH)

    def _run(self) -> int:
        view = searches.view(self.database, self.search_id)
        spec = specs.complete(specs.stored(view.spec), self.database.settings.data_root)
        reason = self._search(spec)
        _log.info("the loop has ended: %s", reason)
        if reason is End.INTERRUPTED:
            self.store.end("pending")
        elif reason is End.PAUSED:
            self.store.end("paused")
        else:
            self.store.end(self._conclude(spec, reason))
        return EXIT_DONE

    def _search(self, spec: SearchSpec) -> End:
        """Run the loop with what the spec names."""
        space = REGISTRIES["space"].create(spec.space.name, spec.space.options)
        controller = REGISTRIES["controller"].create(
            spec.controller.name, spec.controller.options, space=space, seed=spec.seed
        )
        if spec.prefilter and spec.data:
            controller = _prefiltered(controller, spec, self.database.settings.data_root)
        _one_thread()
        with self._executor(spec) as executor:
            return run(
                space,
                with_random_arm(controller, spec.control_fraction),
                spec.objective,
                executor,
                self.store,
                attempts=spec.execution.attempts,
                ordered=spec.ordered,
                interrupted=self.stop.asked,
            )

    @contextmanager
    def _executor(self, spec: SearchSpec) -> Iterator[Executor]:
        setup = spec.setup(self.database.settings.data_root)
        cls = REGISTRIES["executor"].get(spec.execution.executor)
        changed = self.store.control().workers
        workers = spec.execution.workers if changed is None else changed
        executor: Executor = cls(setup, spec.execution.model_copy(update={"workers": workers}))
        self.nodes = lambda: executor.nodes
        try:
            yield executor
        finally:
            self.nodes = tuple
            executor.close()

    def _conclude(self, spec: SearchSpec, reason: End) -> str:
        """Make the model of the best trial, and return how the search ends."""
        view = searches.view(self.database, self.search_id)
        if not (spec.final.epochs and spec.data and view.best):
            return str(reason)
        self.store.finishing()
        before = self.store.control().desired

        def leave() -> bool:
            wish = self.store.control().desired
            return wish is Desired.PAUSE or wish is not before

        model_id = models.request(self.database, self.search_id)
        made = self._made(model_id, leave)
        if made is ModelState.FAILED:
            error = models.view(self.database, model_id).error
            return f"{reason}: the model of the best trial could not be made: {error}"
        if made is ModelState.DONE:
            return str(reason)
        if self.stop.asked():
            return str(SearchState.PENDING)
        if self.store.control().desired is Desired.PAUSE:
            return str(SearchState.PAUSED)
        modelling.fail(self.database, model_id, "stopped")
        return f"{reason}: the final training was stopped"

    def _made(self, model_id: str, leave: Callable[[], bool]) -> ModelState:
        """Make the model, or wait while another process does."""
        while True:
            try:
                return modelling.make(self.database, model_id, self.stop, leave).state
            except LockHeld:
                state = models.view(self.database, model_id).state
                if state in MODEL_ENDED or leave() or self.stop.asked():
                    return state
                self.stop.wait(0.5)

    def _give_up(self, reason: str, code: int) -> int:
        try:
            if self.store.epoch is None:
                self.store.adopt()
            self.store.end(reason)
        except (LostOwnership, StorageError):
            _log.exception("the reason cannot be kept: %s", reason)
            return EXIT_CRASH
        return code

    @contextmanager
    def _beating(self) -> Iterator[None]:
        """Beat in a thread inside the block; a lost search asks this process to stop."""
        over = threading.Event()
        thread = threading.Thread(target=self._beat, args=(over,), name="heartbeat", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            vitals.silence(self.database, vitals.RUNNER + self.search_id)

    def _beat(self, over: threading.Event) -> None:
        while True:
            try:
                nodes = [asdict(node) for node in self.nodes()]
                vitals.beat(self.database, vitals.RUNNER + self.search_id, {"nodes": nodes})
                if self.store.epoch is not None:
                    self.store.heartbeat()
            except LostOwnership:
                self.stop.ask()
            except StorageError as error:
                _log.warning("no heartbeat: %s", error)
            if over.wait(vitals.BEAT_SECONDS):
                return


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:1000] or type(error).__name__


def _prefiltered(controller: Controller, spec: SearchSpec, root: Path) -> Controller:
    """Return the controller behind the filter that the spec asks for."""
    from nas.data import load_search
    from nas.evaluators.zero_cost import scorer
    from nas.prefilter import Prefilter

    if spec.prefilter is None or spec.data is None:
        return controller
    data = load_search(spec.data, spec.seed, root)
    scale = Scale.model_validate(spec.evaluator.options.get("scale", {}))
    score = scorer(controller.space, data, scale, spec.prefilter.score, spec.seed)
    return Prefilter(controller, score, drop=spec.prefilter.drop)


def _one_thread() -> None:
    """Let torch use one thread, if it is here: a small policy network is five times faster so."""
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


def main(arguments: list[str]) -> int:
    """Run the search named by the one argument; return the exit code."""
    die_with_parent(parent_pid())
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    stop = Stop()
    (search_id,) = arguments
    try:
        with Database.open(Settings.load()) as database:
            lock = database.settings.folder("locks") / f"search-{search_id}.lock"
            with file_lock(lock, wait=LOCK_SECONDS):
                return Runner(database, search_id, stop).run()
    except LockHeld as error:
        _log.warning("%s", error)
        return EXIT_BUSY
    except (UserError, NotFound) as error:
        _log.error("%s", error)
        return EXIT_FAILED


if __name__ == "__main__":
    leave(main(sys.argv[1:]))
