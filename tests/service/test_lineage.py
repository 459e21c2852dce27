"""Which trial each was changed from: true of every one, for the controllers that change trials."""

from __future__ import annotations

import pytest

from nas.catalog import REGISTRIES
from nas.spec import Part
from service import searches
from tests.service.making import finished, run, toy_spec


def ran(database, controller: Part, trials: int, **more: object) -> str:
    spec = toy_spec(trials).model_copy(update={"controller": controller, **more})
    search_id = searches.create(database, spec)
    assert run(database, search_id) == 0
    return search_id


@pytest.mark.parametrize(
    ("controller", "more"),
    [
        (Part(name="evolution", options={"population": 4, "sample": 2}), {}),
        (Part(name="local_search", options={"starts": 3}), {}),
        (Part(name="evolution", options={"population": 4, "sample": 2}), {"control_fraction": 0.3}),
    ],
)
def test_every_child_differs_from_its_parent_in_the_decision_that_is_named(
    client, database, controller, more
):
    search_id = ran(database, controller, 30, **more)
    path = f"/api/v1/searches/{search_id}"
    found = client.get(f"{path}/lineage").json()
    trials = client.get(f"{path}/trials").json()["items"]
    choices = REGISTRIES["space"].create("toy", {}).choices
    assert found["trials"] == 30
    assert len(found["number"]) > 10
    for number, parent, change in zip(
        found["number"], found["parent"], found["change"], strict=True
    ):
        assert parent < number
        old, new = trials[parent]["decisions"], trials[number]["decisions"]
        (place,) = [i for i in range(len(choices)) if old[i] != new[i]]
        options = choices[place].options
        expected = {"choice": choices[place].name, "before": options[old[place]]}
        assert change == expected | {"after": options[new[place]]}
        assert trials[number]["arm"] != "random"
    last = found["number"][-1]
    detail = client.get(f"{path}/trials/{last}").json()
    assert (detail["parent"], detail["change"]) == (found["parent"][-1], found["change"][-1])


def test_trials_that_were_drawn_have_no_parent(client, database):
    search_id = finished(database, 3)
    found = client.get(f"/api/v1/searches/{search_id}/lineage").json()
    assert found == {"number": [], "parent": [], "change": [], "trials": 3}
    detail = client.get(f"/api/v1/searches/{search_id}/trials/1").json()
    assert (detail["parent"], detail["change"]) == (None, None)


def test_a_memory_from_before_parents_were_noted_is_taken_over():
    space = REGISTRIES["space"].create("toy", {})
    for name, options, old in (
        ("evolution", {"population": 2}, {"members": [[[0] * 6, 0.5], [[1] * 6, 0.6]]}),
        ("local_search", {"starts": 1}, {"place": [[0] * 6, 0.5], "queue": [[1, 0, 0, 0, 0, 0]]}),
    ):
        made = REGISTRIES["controller"].create(name, options, space=space, seed=1)
        state = made.state_dict() | old | {"asked": 2, "told": 2}
        state.pop("number", None)
        made.load_state_dict({**state, "random": 0})
        (proposal,) = made.ask(1)
        assert proposal.note == {}
