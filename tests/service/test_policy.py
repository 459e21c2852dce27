"""How a policy changes: pictures that are probabilities, thinned, and taken over by a restart."""

from __future__ import annotations

import torch

from nas.catalog import REGISTRIES
from nas.controllers.policy_history import MOST, PolicyHistory, pictures
from nas.spec import Part
from nas.trial import Result
from service import searches
from tests.service.making import finished, run, toy_spec


def test_the_pictures_of_a_search_are_probabilities_of_its_decisions(client, database):
    spec = toy_spec(24).model_copy(
        update={
            "controller": Part(name="ppo", options={"batch": 4, "learning_rate": 0.05}),
            "control_fraction": 0.25,
        }
    )
    search_id = searches.create(database, spec)
    assert run(database, search_id) == 0
    found = client.get(f"/api/v1/searches/{search_id}/policy").json()
    choices = REGISTRIES["space"].create("toy", {}).choices
    assert found["told"] == list(range(4, found["told"][-1] + 1, 4))
    assert [one["name"] for one in found["choices"]] == [one.name for one in choices]
    for shown, choice in zip(found["choices"], choices, strict=True):
        assert shown["options"] == list(choice.options)
        assert len(shown["shares"]) == len(found["told"]) >= 4
        for shares in shown["shares"]:
            assert abs(sum(shares) - 255) <= len(choice)  # each is rounded by itself
    assert any(one["shares"][0] != one["shares"][-1] for one in found["choices"])


def test_a_search_without_a_policy_has_none(client, database):
    found = client.get(f"/api/v1/searches/{finished(database, 3)}/policy").json()
    assert found == {"every": 1, "told": [], "choices": []}


def test_a_picture_is_the_mean_of_what_the_policy_draws():
    space = REGISTRIES["space"].create("toy", {})
    made = REGISTRIES["controller"].create("reinforce", {}, space=space, seed=3)
    shares = made.policy.shares(4000, torch.Generator().manual_seed(1))
    drawn = torch.tensor([one for one, _ in made.policy.samples(4000, made.generator)])
    at = 0
    for place, choice in enumerate(space.choices):
        counted = torch.bincount(drawn[:, place], minlength=len(choice)) / 4000
        # Three standard errors of a share near 1/4 over 4,000 draws: 0.02.
        assert torch.allclose(shares[at : at + len(choice)], counted, atol=0.03)
        at += len(choice)
    assert at == len(shares)


def test_more_pictures_than_are_kept_are_thinned_evenly_and_outlive_a_restart():
    space = REGISTRIES["space"].create("toy", {})
    made = REGISTRIES["controller"].create("reinforce", {"hidden": 2}, space=space, seed=3)
    for told in range(1, 4 * MOST + 50):
        made.history.note(made.policy, told)
    history = made.history
    assert len(history.pictures) <= MOST
    assert history.told == list(range(8, 4 * MOST + 50, 8))
    other = PolicyHistory(0, 1)
    other.load(history.state())
    assert vars(other) == vars(history)
    assert pictures(history.state()) == history.pictures


def test_a_memory_from_before_pictures_were_kept_is_taken_over():
    space = REGISTRIES["space"].create("toy", {})
    made = REGISTRIES["controller"].create("reinforce", {}, space=space, seed=3)
    state = made.state_dict()
    made.load_state_dict({name: one for name, one in state.items() if name != "policy_history"})
    for number in range(5):
        (proposal,) = made.ask(1)
        made.tell(Result(number, proposal, 0.5, {}))
    assert made.history.told == [4]
