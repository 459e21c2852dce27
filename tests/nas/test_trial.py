"""Trials: the table of state changes, who is to blame, and seeds."""

from __future__ import annotations

import pytest

from nas.trial import FINAL, NEXT, Failure, FailureKind, Outcome, State, trial_seed


def test_final_states_lead_nowhere_and_every_state_can_be_reached():
    assert {State.DONE, State.FAILED, State.STOPPED} == FINAL
    reached = {State.PENDING} | {state for following in NEXT.values() for state in following}
    assert reached == set(State)


@pytest.mark.parametrize("kind", list(FailureKind))
def test_only_failures_of_the_machine_are_not_the_architectures_doing(kind):
    machine = {FailureKind.LOST, FailureKind.DISK_FULL, FailureKind.UNAVAILABLE}
    assert kind.blames_architecture is (kind not in machine)


def test_an_outcome_knows_the_state_it_leads_to():
    assert Outcome(metrics={"accuracy": 1.0}).state is State.DONE
    assert Outcome(failure=Failure(FailureKind.ERROR, "x")).state is State.FAILED
    assert Outcome(stopped=True).state is State.STOPPED


def test_seeds_differ_between_trials_and_searches_and_never_change():
    seeds = {trial_seed(search, number) for search in range(20) for number in range(50)}
    assert len(seeds) == 1000
    assert all(0 <= seed < 2**53 for seed in seeds)
    assert trial_seed(0, 0) == 2993405329634522
