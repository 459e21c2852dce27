"""The search loop: ask, submit, wait, tell, record. Start and restart are the same code."""

from __future__ import annotations

import time
from collections import Counter, deque
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING

from nas.execution import Finished, Job
from nas.objective import EXCESS
from nas.store import Control, Desired, Draft, Told
from nas.trial import (
    FINAL,
    Failure,
    FailureKind,
    Outcome,
    State,
    TrialFailure,
)
from searchspaces import SpaceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from nas.controllers import Controller
    from nas.execution import Executor
    from nas.objective import Objective
    from nas.store import Store
    from nas.trial import Proposal, Result, Trial
    from searchspaces import SearchSpace

STOP_GRACE_SECONDS = 10.0  # how long a stopped search waits for its trials' next report


class End(StrEnum):
    """Why the loop has ended."""

    FINISHED = "finished"  # the budget is spent, or the controller has nothing more to propose
    STOPPED = "stopped"
    PAUSED = "paused"
    INTERRUPTED = "interrupted"  # this process is to go; another goes on from the store


def run(  # noqa: PLR0913 - a search has these collaborators, and the rest are keywords
    space: SearchSpace,
    controller: Controller,
    objective: Objective,
    executor: Executor,
    store: Store,
    *,
    attempts: int = 3,
    ordered: bool = False,
    interrupted: Callable[[], bool] = lambda: False,
    poll: float = 0.5,
) -> End:
    """Run a search until it ends, and return why.

    ``attempts`` bounds how often a trial is tried on failing machines. ``ordered`` tells results
    in trial order. ``interrupted`` is looked at every ``poll`` seconds. The executor is the
    caller's to close.

    Raises LostOwnership when another process has taken the search over.
    """
    loop = _Loop(space, controller, objective, executor, store, attempts, ordered)
    loop.restore()
    while True:
        if interrupted():
            return End.INTERRUPTED
        control = store.control()
        end = loop.step(control)
        if end is not None:
            return end
        loop.collect(poll)


class _Loop:
    """The state of one run of the loop; everything in it can be rebuilt from the store."""

    def __init__(
        self,
        space: SearchSpace,
        controller: Controller,
        objective: Objective,
        executor: Executor,
        store: Store,
        attempts: int,
        ordered: bool,
    ) -> None:
        self.space, self.controller, self.objective = space, controller, objective
        self.executor, self.store = executor, store
        self.attempts, self.ordered = attempts, ordered
        self.queue: deque[Trial] = deque()
        self.running: dict[int, Trial] = {}
        self.cache: dict[tuple[str, int | None], Trial] = {}
        self.held: dict[int, Result] = {}  # ended, not yet told: an earlier one is still running
        self.losses: Counter[int] = Counter()
        self.next_told = 0
        self.count = 0
        self.exhausted = False
        self.stopping_since: float | None = None

    def restore(self) -> None:
        """Take the search over from the store: snapshot, finished results, unfinished trials."""
        self.queue.extend(self.store.adopt())  # first: from here on no earlier owner can write
        snapshot = self.store.snapshot()
        if snapshot is not None:
            self.controller.load_state_dict(snapshot)
        trials = self.store.trials()
        self.count = len(trials)
        for trial in trials:
            if trial.state is State.DONE:
                self.cache.setdefault((trial.key, trial.proposal.budget), trial)
            if trial.state in FINAL and not trial.told:
                self.held[trial.number] = trial.result
        untold = [trial.number for trial in trials if not trial.told]
        self.next_told = min(untold, default=self.count)

    def step(self, control: Control) -> End | None:
        """Launch what may be launched; return an end, or None to go on."""
        if control.desired is Desired.STOP:
            return self._stop()
        self.stopping_since = None
        if control.desired is Desired.PAUSE:
            return None if self.running else End.PAUSED
        if control.workers not in (None, self.executor.workers):
            self.executor.resize(control.workers)
        self._launch_queue()
        if not self._spent(control):
            self._ask(control)
            self._launch_queue()
        if self.running or self.queue:
            return None
        return End.FINISHED if self._spent(control) or self.exhausted else None

    def collect(self, timeout: float) -> None:
        """Wait for workers and record what they say."""
        if not self.running and self.executor.free() > 0:
            return
        for update in self.executor.wait(timeout):
            trial = self.running.get(update.number)
            if trial is None or trial.attempt != update.attempt:
                continue
            if isinstance(update, Finished):
                del self.running[update.number]
                self._complete(trial, update.outcome)
            else:
                self.store.progress(update.number, update.attempt, update.step, update.metrics)

    def _spent(self, control: Control) -> bool:
        hours = control.hours
        late = hours is not None and control.seconds >= hours * 3600
        return late or self.count >= control.trials

    def _ask(self, control: Control) -> None:
        room = min(self.executor.free() - len(self.queue), control.trials - self.count)
        if self.ordered:
            independent = self.controller.independent()
            room = room if independent is None else min(room, independent)
        if room <= 0:
            return
        proposals = self.controller.ask(room)
        if len(proposals) > room:
            raise RuntimeError(
                f"controller {self.controller.name!r} gave {len(proposals)} proposals, {room} asked"
            )
        self.exhausted = not proposals
        if proposals:
            drafts = [Draft(proposal, self._key(proposal)) for proposal in proposals]
            self.queue.extend(self.store.start(drafts, self.controller.state_dict()))
            self.count += len(drafts)

    def _key(self, proposal: Proposal) -> str:
        """Return the canonical key, empty where the decisions are no architecture."""
        try:
            return self.space.decode(proposal.decisions).key()
        except SpaceError:
            return ""

    def _launch_queue(self) -> None:
        while self.queue and self.executor.free() > 0:
            self._launch(self.queue.popleft())

    def _launch(self, trial: Trial) -> None:
        self.store.launch(trial.number, trial.attempt)
        known = self._without_training(trial)
        if known is not None:
            self._complete(trial, known)
            return
        self.running[trial.number] = trial
        proposal = trial.proposal
        self.executor.submit(
            Job(trial.number, trial.attempt, proposal.decisions, trial.seed, proposal.budget)
        )

    def _without_training(self, trial: Trial) -> Outcome | None:
        """Return the outcome of a repeat or of an invalid architecture, None if it must run."""
        if not trial.key:
            try:
                self.space.decode(trial.proposal.decisions)
            except SpaceError as error:
                return Outcome(failure=Failure(FailureKind.INVALID, str(error)))
        twin = self.cache.get((trial.key, trial.proposal.budget))
        if twin is None:
            return None
        return Outcome(metrics=twin.metrics, cached_from=twin.number)

    def _complete(self, trial: Trial, outcome: Outcome) -> None:
        failure = outcome.failure
        machine = failure is not None and not failure.kind.blames_architecture
        if machine and failure is not None and self._may_try_again(trial):
            self.queue.append(self.store.requeue(trial.number, trial.attempt, failure))
            return
        outcome, reward = self._judge(outcome)
        ended = replace(
            trial,
            state=outcome.state,
            metrics=outcome.metrics,
            reward=reward,
            failure=outcome.failure,
        )
        if ended.state is State.DONE:
            self.cache.setdefault((trial.key, trial.proposal.budget), ended)
        told = self._tell(ended.result)
        self.store.finish(
            trial.number, trial.attempt, outcome, reward, told, self.controller.state_dict()
        )

    def _may_try_again(self, trial: Trial) -> bool:
        """Count a failure of the machine under a trial; those of earlier runners do not count.

        So a trial that always kills its worker ends, and one that was only unlucky when this
        search was killed and resumed does not.
        """
        self.losses[trial.number] += 1
        return self.losses[trial.number] < self.attempts

    def _judge(self, outcome: Outcome) -> tuple[Outcome, float | None]:
        """Return the outcome and its reward: the floor for a bad architecture, None for no news."""
        if outcome.stopped:
            return outcome, None
        if outcome.failure is None:
            try:
                return self._measured(outcome)
            except TrialFailure as error:
                failure = Failure(error.kind, str(error))
                outcome = Outcome(failure=failure, worker=outcome.worker)
        blamed = outcome.failure is not None and outcome.failure.kind.blames_architecture
        return outcome, self.objective.floor if blamed else None

    def _measured(self, outcome: Outcome) -> tuple[Outcome, float]:
        """Return the reward, and the outcome with how far it is above the objective's limits."""
        reward = self.objective.reward(outcome.metrics)
        excess = self.objective.excess(outcome.metrics)
        if excess > 0:
            outcome = replace(outcome, metrics={**outcome.metrics, EXCESS: excess})
        return outcome, reward

    def _tell(self, result: Result) -> list[Told]:
        """Tell what can be told now, in order if the search is ordered."""
        self.held[result.number] = result
        if not self.ordered:
            numbers = list(self.held)
        else:
            numbers = []
            while self.next_told in self.held and self.next_told not in numbers:
                numbers.append(self.next_told)
                self.next_told += 1
        told = []
        for number in numbers:
            self.controller.tell(self.held.pop(number))
            told.append(Told(number, self.controller.figures()))
        return told

    def _stop(self) -> End | None:
        """Stop what runs at its next report, or after a grace; then end what never started."""
        if self.stopping_since is None:
            self.stopping_since = time.monotonic()
            for number in self.running:
                self.executor.cancel(number)
        waited = time.monotonic() - self.stopping_since
        if self.running and waited < STOP_GRACE_SECONDS:
            return None
        leftover = [*self.running.values(), *self.queue]
        self.running.clear()
        self.queue.clear()
        for trial in leftover:
            self._complete(trial, Outcome(stopped=True))
        return End.STOPPED
