"""An architecture by its decisions: the one that a trial would be, and why others are none."""

from __future__ import annotations

import random

import pytest

from nas.catalog import REGISTRIES
from service import searches
from tests.service.making import digits_spec, run

PATH = "/api/v1/architectures/preview"


def test_a_preview_is_what_the_trial_turned_out_to_be(client, database):
    search_id = searches.create(database, digits_spec(2, final_epochs=0))
    assert run(database, search_id) == 0
    page = f"/api/v1/searches/{search_id}/trials"
    for one in client.get(page).json()["items"]:
        asked = {
            "space": "toy",
            "decisions": one["decisions"],
            "task": {"channels": 1, "height": 8, "width": 8, "classes": 10},
            "scale": {"filters": 4},
        }
        found = client.post(PATH, json=asked).json()
        assert found["key"] == one["key"]
        assert found["params"] == one["metrics"]["params"]
        assert found["madds"] == one["metrics"]["madds"]
        assert sum(layer["params"] for layer in found["layers"]) == found["params"]
        assert found["barcode"] == one["barcode"]
        detail = client.get(f"{page}/{one['number']}").json()
        for name in ("arch", "cells", "text"):
            assert found[name] == detail[name]
        for cell in found["cells"]:
            drawn = client.get(f"{page}/{one['number']}/cells/{cell}.svg").text
            assert found["svg"][cell] == drawn


@pytest.mark.parametrize("name", ["nasnet", "nasbench201", "mobile"])
def test_the_costs_are_those_of_the_network_that_is_built(client, name):
    from nas.profile import profile
    from searchspaces import Task
    from searchspaces.scale import Scale

    space = REGISTRIES["space"].create(name, {})
    decisions = space.sample(random.Random(3))
    found = client.post(PATH, json={"space": name, "decisions": list(decisions)}).json()
    task = Task(3, 32, 32, 10)
    cost = profile(space.build(space.decode(decisions), task, Scale()), task)
    assert (found["params"], found["madds"]) == (cost.params, cost.madds)


@pytest.mark.parametrize(
    ("body", "field", "value"),
    [
        ({"space": "toy", "decisions": [0, 0, 0, 9, 0, 0]}, "decisions.3", 9),
        ({"space": "toy", "decisions": [-1, 0, 0, 0, 0, 0]}, "decisions.0", -1),
        ({"space": "toy", "decisions": [0]}, "decisions", 1),
        ({"space": "moon", "decisions": []}, "space.name", "moon"),
        (
            {"space": {"name": "toy", "options": {"legs": 4}}, "decisions": []},
            "space.options.legs",
            4,
        ),
        ({"space": "toy", "decisions": [0.5]}, "decisions.0", 0.5),
        ({"space": "toy", "decisions": [0] * 6, "task": {"height": 0}}, "task.height", 0),
    ],
)
def test_what_is_wrong_is_named_with_its_value_and_what_is_allowed(client, body, field, value):
    answer = client.post(PATH, json=body)
    problem = answer.json()
    assert (answer.status_code, problem["field"], problem["value"]) == (422, field, value)


def test_a_wrong_decision_says_what_there_is_to_choose(client):
    answer = client.post(PATH, json={"space": "toy", "decisions": [0, 0, 0, 9, 0, 0]}).json()
    assert answer["allowed"] == "0 to 3"
    assert "chain.3.op) is 9, allowed are 0 to 3: identity, conv" in answer["detail"]


def test_images_too_small_for_the_network_are_refused_as_such(client):
    nasnet = REGISTRIES["space"].create("nasnet", {})
    body = {
        "space": "nasnet",
        "decisions": list(nasnet.sample(random.Random(0))),
        "task": {"channels": 3, "height": 2, "width": 2, "classes": 2},
        "scale": {"stem": "imagenet", "auxiliary": True},
    }
    answer = client.post(PATH, json=body)
    assert (answer.status_code, answer.json()["field"]) == (422, "task")
    assert answer.json()["value"]["height"] == 2


def test_a_point_that_is_no_network_is_refused_as_such(client):
    count = len(REGISTRIES["space"].create("nasbench101", {}).choices)
    answer = client.post(PATH, json={"space": "nasbench101", "decisions": [0] * count})
    assert (answer.status_code, answer.json()["field"]) == (422, "decisions")
    assert "no path leads from the input" in answer.json()["detail"]
