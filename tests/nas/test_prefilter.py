"""The pre-filter: it drops the worst once its score is shown to rank, and only then."""

from __future__ import annotations

import json
import random
import statistics

import pytest

from nas.controllers.catalog import CONTROLLERS
from nas.prefilter import Prefilter
from nas.trial import Result
from searchspaces.toy import Toy

SPACE = Toy()


def noisy(decisions):
    """A score that ranks: the value with noise that depends on the point alone."""
    return SPACE.value(decisions) + random.Random(str(decisions)).gauss(0, 0.1)


def unrelated(decisions):
    return random.Random(str(decisions)).random()


def reverse(decisions):
    return -noisy(decisions)


def filtered(score, name="random", seed=0):
    return Prefilter(CONTROLLERS.create(name, space=SPACE, seed=seed), score)


def play(controller, trials):
    rewards = []
    for number in range(trials):
        (proposal,) = controller.ask(1)
        rewards.append(SPACE.value(proposal.decisions))
        controller.tell(Result(number, proposal, rewards[-1], {}))
    return rewards


def test_a_score_that_ranks_drops_a_quarter_and_raises_the_mean():
    controller = filtered(noisy)
    rewards = play(controller, 150)
    plain = play(CONTROLLERS.create("random", space=SPACE, seed=1), 150)
    assert controller.trusted()
    assert controller.figures()["prefilter_tau"] > 0.3
    assert 0.1 < controller.dropped / (150 + controller.dropped) < 0.4
    assert statistics.fmean(rewards[30:]) > statistics.fmean(plain[30:]) + 0.02


def test_a_score_the_wrong_way_round_never_drops_anything():
    controller = filtered(reverse)
    play(controller, 100)
    assert controller.dropped == 0
    assert controller.tau() < 0


def test_an_unrelated_score_hardly_drops_anything():
    dropped = 0
    for seed in range(4):
        controller = filtered(unrelated, seed=seed)
        play(controller, 80)
        dropped += controller.dropped
    assert dropped < 0.1 * 4 * 80


@pytest.mark.parametrize("name", ["random", "reinforce", "evolution"])
def test_a_search_stopped_and_resumed_is_the_same_search(name):
    whole = filtered(noisy, name)
    head = play(whole, 30)
    again = filtered(noisy, name, seed=5)
    again.load_state_dict(json.loads(json.dumps(whole.state_dict())))
    assert play(whole, 20) == play(again, 20)
    assert len(head) == 30


def test_an_unknown_score_lets_a_proposal_through():
    controller = filtered(lambda _: None)
    play(controller, 20)
    assert (controller.dropped, controller.tau()) == (0, None)
    with pytest.raises(ValueError, match="drop is 1"):
        Prefilter(controller, noisy, drop=1)
