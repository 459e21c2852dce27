"""Objectives: a metric, hard limits, MnasNet's trade-off, further objectives."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from nas.objective import Limit, Objective, TradeOff
from nas.spec import Part, SearchSpec
from nas.trial import FailureKind, TrialFailure

METRICS = {"accuracy": 0.8, "loss": 0.5, "params": 2e6, "latency_ms": 10.0}


def limited(at_most, floor=0.0, metric="params"):
    return Objective(limits=(Limit(metric=metric, at_most=at_most),), floor=floor)


def test_the_reward_is_the_metric_or_its_negative():
    assert Objective().reward(METRICS) == 0.8
    assert Objective(metric="loss", minimise=True, floor=-9).reward(METRICS) == -0.5


@pytest.mark.parametrize("value", [None, float("nan"), True, "0.8"])
def test_a_metric_that_is_no_number_fails_the_trial(value):
    for objective in (Objective(), limited(1, metric="accuracy")):
        with pytest.raises(TrialFailure) as caught:
            objective.reward({"accuracy": value, "params": 1.0})
        assert caught.value.kind is FailureKind.BAD_METRIC


def test_within_the_limits_the_accuracy_alone_counts():
    assert limited(2e6).reward(METRICS) == 0.8
    assert limited(2e6).excess(METRICS) == 0


def test_above_a_limit_every_reward_is_below_the_floor_and_falls_with_the_excess():
    rewards = [limited(most, floor=0.1).reward(METRICS) for most in (1.9e6, 1e6, 1e5, 1.0)]
    assert rewards == sorted(rewards, reverse=True)
    assert all(-0.9 < reward < 0.1 for reward in rewards)
    assert limited(1e6).excess(METRICS) == pytest.approx(1.0)
    assert limited(1e6).reward(METRICS) == pytest.approx(-0.5)


def test_a_limit_on_what_was_not_measured_names_it():
    with pytest.raises(TrialFailure, match="madds"):
        limited(1, metric="madds").reward(METRICS)


def test_the_trade_off_is_that_of_mnasnet():
    soft = Objective(trade_off=TradeOff(metric="latency_ms", target=5.0))
    assert soft.reward(METRICS) == pytest.approx(0.8 * 2**-0.07)
    # Section 3.1: a model with twice the latency earns the same for 5 % more accuracy.
    assert pytest.approx(1, abs=1e-3) == 2**-0.07 * 1.05
    hard = TradeOff(metric="latency_ms", target=20.0, alpha=0.0, beta=-1.0)
    assert hard.factor(10.0) == 1
    assert hard.factor(40.0) == 0.5
    assert TradeOff(metric="x", target=1.0).factor(1.0) == 1


def test_a_trade_off_of_a_metric_to_minimise_is_refused():
    with pytest.raises(ValidationError, match="minimise"):
        Objective(minimise=True, floor=-9, trade_off=TradeOff(metric="params", target=1.0))


def test_a_failure_is_never_the_best_of_a_metric_to_minimise():
    with pytest.raises(ValidationError, match="floor is 0"):
        Objective(metric="loss", minimise=True)


def test_all_objectives_have_the_sign_of_their_direction():
    both = Objective(pareto=("-params", "recall"))
    assert both.objectives == ("accuracy", "-params", "recall")
    assert Objective(metric="loss", minimise=True, floor=-9).objectives == ("-loss",)


def test_a_limit_on_latency_makes_the_evaluator_measure_it():
    plain = SearchSpec(space=Part(name="toy"))
    assert plain.checked().evaluator.options["latency"] is False
    limit = plain.model_copy(update={"objective": limited(5.0, metric="latency_ms")})
    assert limit.checked().evaluator.options["latency"] is True


def test_the_objectives_of_the_front_reach_a_controller_that_takes_them():
    spec = SearchSpec(
        space=Part(name="toy"),
        controller=Part(name="nsga2"),
        objective=Objective(pareto=("-params",)),
    )
    assert spec.checked().controller.options["objectives"] == ["-params"]
