"""The random arm around a controller: its pattern, its snapshot, and that it teaches nothing."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from nas.controllers.catalog import CONTROLLERS
from nas.honesty.arms import Arms, with_random_arm
from nas.trial import Result
from searchspaces.nasnet import NASNet
from searchspaces.toy import Toy

every_controller = pytest.mark.parametrize("name", ["random", "reinforce", "surrogate"])
SPACE = Toy()


def armed(name, seed=0, fraction=0.3, space=SPACE):
    return Arms(CONTROLLERS.create(name, space=space, seed=seed), fraction)


def step(controller, number):
    (proposal,) = controller.ask(1)
    reward = SPACE.value(proposal.decisions)
    controller.tell(Result(number, proposal, reward, {"accuracy": reward}))
    return proposal


@pytest.mark.parametrize("fraction", [0.1, 0.25, 0.3, 0.5, 0.9])
def test_the_random_arm_gets_its_share_evenly(fraction):
    arms = [p.note["arm"] for p in armed("random", fraction=fraction).ask(200)]
    for end in range(1, 201):
        assert abs(arms[:end].count("random") - fraction * end) < 1
    assert set(arms) == {"random", "search"}


@every_controller
@pytest.mark.parametrize("cut", [0, 1, 4, 9])
def test_a_search_stopped_and_resumed_is_the_same_search(name, cut):
    whole = armed(name, seed=1)
    wanted = [step(whole, number) for number in range(20)]
    first = armed(name, seed=1)
    head = [step(first, number) for number in range(cut)]
    second = armed(name, seed=99)
    second.load_state_dict(json.loads(json.dumps(first.state_dict())))
    assert head + [step(second, number) for number in range(cut, 20)] == wanted
    assert second.state_dict() == whole.state_dict()


@every_controller
def test_asking_for_many_is_asking_many_times_for_one(name):
    together, alone = armed(name, seed=4), armed(name, seed=4)
    count = min(5, together.independent() or 5)
    assert together.ask(count) == [p for _ in range(count) for p in alone.ask(1)]


@every_controller
def test_the_controller_goes_its_way_as_if_there_were_no_random_arm(name):
    alone = CONTROLLERS.create(name, space=SPACE, seed=3)
    own = [step(alone, number) for number in range(14)]
    beside = armed(name, seed=3, fraction=0.5)
    mixed = [step(beside, number) for number in range(28)]
    searched = [p for p in mixed if p.note["arm"] == "search"]
    assert [p.decisions for p in searched] == [p.decisions for p in own]
    assert [{k: v for k, v in p.note.items() if k != "arm"} for p in searched] == [
        p.note for p in own
    ]
    assert beside.inner.state_dict() == alone.state_dict()
    assert beside.figures() == alone.figures()


@every_controller
def test_no_outstanding_result_could_change_what_is_called_independent(name):
    for asked in range(8):
        controller = armed(name, seed=2, fraction=0.4)
        for number in range(asked):
            step(controller, number)
        free = controller.independent()
        if free is None:
            continue
        waiting = controller.ask(free)
        assert len(waiting) == free
        assert controller.independent() == 0
        for number, proposal in enumerate(waiting, asked):
            controller.tell(Result(number, proposal, 0.5, {}))
        assert controller.independent() > 0


def test_the_random_arm_draws_uniformly_from_the_space():
    points = [p for p in armed("random", fraction=0.5).ask(4000) if p.note["arm"] == "random"]
    for place in range(len(SPACE.choices)):
        counts = Counter(p.decisions[place] for p in points)
        assert all(abs(counts[option] - 500) < 100 for option in range(4))


def test_proposals_are_of_the_space_and_no_more_than_asked_for():
    space = NASNet()
    controller = armed("reinforce", space=space)
    for free in (1, 2, 7):
        proposals = controller.ask(free)
        assert len(proposals) <= free
        assert all(space.check(p.decisions) == p.decisions for p in proposals)


def test_a_random_trial_has_the_budget_of_the_last_one_of_the_controller():
    controller = armed("random", fraction=0.5)
    ask = controller.inner.ask
    controller.inner.ask = lambda free: [
        type(p)(p.decisions, budget=3, note=p.note) for p in ask(free)
    ]
    assert [p.budget for p in controller.ask(4)] == [3, 3, 3, 3]


def test_without_a_share_the_controller_stays_itself():
    controller = CONTROLLERS.create("random", space=SPACE, seed=0)
    assert with_random_arm(controller, 0.0) is controller
    assert isinstance(with_random_arm(controller, 0.1), Arms)
    with pytest.raises(ValueError, match="control_fraction"):
        Arms(controller, 1.0)
