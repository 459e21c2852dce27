"""A search like another: what is changed, what stays, what is refused; also by command."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from service import searches
from service.cli import app
from service.cloning import changed
from tests.service.making import digits_spec, finished, toy_spec


def spec_of(database, search_id: str) -> dict[str, object]:
    return searches.view(database, search_id).spec


def test_a_clone_has_the_description_of_the_other_and_a_name_of_its_own(client, database):
    first = finished(database, 3, name="first", seed=7)
    answer = client.post(f"/api/v1/searches/{first}/clone", json={})
    assert answer.status_code == 201
    made = answer.json()
    assert answer.headers["location"].endswith(made["id"])
    assert (made["name"], made["state"]) == ("first again", "pending")
    assert made["counts"]["total"] == 0
    assert made["spec"] == spec_of(database, first) | {"name": "first again"}


def test_fields_are_changed_one_by_one_also_inside_objects(client, database):
    first = searches.create(database, digits_spec(6))
    changes = {
        "name": "twin",
        "limits": {"hours": 2.0},
        "evaluator": {"options": {"recipe": {"epochs": 9}}},
    }
    made = client.post(f"/api/v1/searches/{first}/clone", json=changes).json()["spec"]
    expected = json.loads(json.dumps(spec_of(database, first)))
    expected["name"], expected["limits"]["hours"] = "twin", 2.0
    expected["evaluator"]["options"]["recipe"]["epochs"] = 9
    assert made == expected


def test_a_part_under_another_name_is_taken_whole(client, database):
    first = searches.create(database, toy_spec(6).model_copy(update={"seed": 5}))
    answer = client.post(
        f"/api/v1/searches/{first}/clone", json={"controller": "evolution", "space": "toy"}
    )
    made = answer.json()["spec"]
    assert made["controller"]["name"] == "evolution"
    assert made["controller"]["options"]["population"] > 0
    assert made["space"] == spec_of(database, first)["space"]


def test_images_from_elsewhere_do_not_keep_the_numbers_of_those_before():
    spec = {"data": {"source": "digits", "train_images": 40}, "seed": 1}
    assert changed(spec, {"data": {"source": "mnist"}})["data"] == {"source": "mnist"}
    assert changed(spec, {"data": {"image_size": 8}})["data"]["train_images"] == 40
    assert changed(spec, {"data": None})["data"] is None


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"limits": {"trials": 0}}, "limits.trials"),
        ({"limits": {"trials": "9"}}, "limits.trials"),
        ({"space": "moon"}, "space.name"),
        ({"controller": {"options": {"wings": 2}}}, "controller.options.wings"),
        ({"colour": "red"}, "colour"),
        ({"space": 3}, "space"),
    ],
)
def test_a_wrong_change_is_refused_with_its_field(client, database, changes, field):
    first = searches.create(database, toy_spec())
    answer = client.post(f"/api/v1/searches/{first}/clone", json=changes)
    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert len(searches.list(database).items) == 1


def test_a_repeat_with_the_same_key_makes_one_clone(client, database):
    first = searches.create(database, toy_spec())
    path, key = f"/api/v1/searches/{first}/clone", {"Idempotency-Key": "k"}
    one = client.post(path, json={"seed": 3}, headers=key).json()["id"]
    assert client.post(path, json={"seed": 3}, headers=key).json()["id"] == one
    assert client.post(path, json={"seed": 4}, headers=key).status_code == 422


def test_a_repeat_is_known_though_the_first_search_is_gone(client, database):
    first = searches.create(database, toy_spec())
    path, key = f"/api/v1/searches/{first}/clone", {"Idempotency-Key": "k"}
    one = client.post(path, json={"seed": 3}, headers=key).json()["id"]
    client.post(f"/api/v1/searches/{first}/stop")
    assert client.delete(f"/api/v1/searches/{first}").is_success
    again = client.post(path, json={"seed": 3}, headers=key)
    assert (again.status_code, again.json()["id"]) == (201, one)
    assert client.post(path, json={"seed": 3}).status_code == 404


def test_there_must_be_one_to_clone(client):
    assert client.post("/api/v1/searches/nothing/clone", json={}).status_code == 404


def test_the_command_line_clones_with_the_options_of_a_search(database, settings):
    finished(database, 3, name="first")
    given = ["--home", str(settings.home), "clone", "first", "--trials", "2", "--seed", "9"]
    done = CliRunner().invoke(app, [*given, "--set", "name=second", "--json"])
    assert done.exit_code == 0, done.output
    made = json.loads(done.stdout)["search"]
    assert (made["name"], made["state"], made["spec"]["seed"]) == ("second", "finished", 9)
    assert made["counts"]["done"] == 2
    later = CliRunner().invoke(app, [*given, "--controller", "moon", "--detach"])
    assert later.exit_code == 2
    assert "controller" in later.output
