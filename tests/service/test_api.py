"""The API over HTTP: creation, views, errors of one shape, downloads."""

from __future__ import annotations

import json

import pytest

from service import models, searches
from service.clock import now
from service.errors import StorageError
from service.states import ModelState
from tests.service.making import digits_spec, finished, run, toy_spec

JSON = "application/json"
TOY = {
    "space": "toy",
    "controller": "random",
    "evaluator": "toy",
    "execution": {"executor": "inline"},
    "limits": {"trials": 3},
}


def test_a_search_is_created_and_found_at_its_location(client):
    answer = client.post("/api/v1/searches", json=TOY | {"name": "mine"})
    assert answer.status_code == 201
    assert client.get(answer.headers["location"]).json() == answer.json()
    assert answer.json()["name"] == "mine"
    assert answer.json()["created_at"].endswith("Z")


def test_a_part_may_be_given_by_name_or_with_options(client):
    evaluator = {"name": "toy", "options": {"seconds": 0.5}}
    answer = client.post("/api/v1/searches", json=TOY | {"evaluator": evaluator})
    assert answer.json()["spec"]["evaluator"] == evaluator


def test_a_repeat_with_the_same_key_is_the_same_search(client):
    headers = {"Idempotency-Key": "k1"}
    first = client.post("/api/v1/searches", json=TOY, headers=headers)
    again = client.post("/api/v1/searches", json=TOY, headers=headers)
    other = client.post("/api/v1/searches", json=TOY | {"seed": 1}, headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json()["id"] == again.json()["id"]
    assert (other.status_code, other.json()["field"]) == (422, "Idempotency-Key")


def test_a_limit_on_latency_makes_the_trials_measure_it(client):
    limit = {"metric": "latency_ms", "at_most": 5}
    answer = client.post("/api/v1/searches", json={"objective": {"limits": [limit]}})
    kept = client.get(f"/api/v1/searches/{answer.json()['id']}").json()["spec"]
    assert kept["evaluator"]["options"]["latency"] is True


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"space": "nope"}, "space.name"),
        ({"space": 7}, "space"),
        ({"limits": {"trials": 0}}, "limits.trials"),
        ({"limits": {"trials": True}}, "limits.trials"),
        ({"limits": {"trials": "3"}}, "limits.trials"),
        ({"limits": {"trials": 10**30}}, "limits.trials"),
        ({"limits": {"hours": 0}}, "limits.hours"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**63}, "seed"),
        ({"ordered": 1}, "ordered"),
        ({"name": ""}, "name"),
        ({"name": "a/b"}, "name"),
        ({"execution": {"workers": 0}}, "execution.workers"),
        ({"execution": {"executor": "cloud"}}, "execution.executor"),
        ({"evaluator": {"name": "toy", "options": {"seconds": "x"}}}, "evaluator.options.seconds"),
        ({"evaluator": {"name": "toy", "options": {"speed": 1}}}, "evaluator.options.speed"),
        ({"controller": {"name": "random", "option": {}}}, "controller.option"),
        ({"evaluator": "trained", "data": {"source": "/no/such"}}, "data.source"),
        ({"evaluator": "trained", "data": {"test_fraction": 2}}, "data.test_fraction"),
        ({"colour": "red"}, "colour"),
        ({"objective": {"metric": "valu"}}, "objective.metric"),
        ({"objective": {"pareto": ["-cost"]}}, "objective.pareto.0"),
        (
            {"objective": {"limits": [{"metric": "weight", "at_most": 1}]}},
            "objective.limits.0.metric",
        ),
        (
            {"objective": {"trade_off": {"metric": "weight", "target": 1}}},
            "objective.trade_off.metric",
        ),
        ({"prefilter": {}}, "prefilter"),
    ],
)
def test_a_wrong_body_is_a_422_that_names_the_field(client, change, field):
    answer = client.post("/api/v1/searches", json=TOY | change)
    problem = answer.json()
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["field"] == field
    assert problem["status"] == 422
    assert problem["detail"]
    assert "Traceback" not in answer.text
    assert client.get("/api/v1/searches").json() == {"items": [], "next": None}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"\xff\xfe",
        b'{"seed": NaN}',
        b'{"limits": {"hours": 1e999}}',
        b'{"name": "\\ud800"}',
        b"[" * 100_000,
        b'{"evaluator": {"name": "toy", "options": {"seconds": Infinity}}}',
    ],
)
def test_a_body_that_is_no_search_is_never_a_500(client, body):
    answer = client.post(
        "/api/v1/searches", content=body, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/searches/none",
        "/api/v1/searches/none/trials",
        "/api/v1/searches/none/trials/0",
        "/api/v1/searches/none/history",
        "/api/v1/searches/none/models",
        "/api/v1/models/none",
        "/api/v1/models/none/files/x",
        "/api/v1/searches/none/trials/0/cells/normal.svg",
        "/api/v1/nowhere",
    ],
)
def test_what_is_not_there_is_a_404_of_the_one_shape(client, path):
    answer = client.get(path)
    assert (answer.status_code, answer.json()["status"]) == (404, 404)
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_wrong_method_is_a_405_of_the_one_shape(client):
    answer = client.delete("/api/v1/searches")
    assert (answer.status_code, answer.json()["title"]) == (405, "Method Not Allowed")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=99999999999999999999", "limit"),
        ("limit=x", "limit"),
        ("after=!", "after"),
        ("state=happy", "state"),
        ("sort=name", "sort"),
        ("lmit=5", "lmit"),
    ],
)
def test_a_wrong_query_is_a_422_that_names_the_parameter(client, database, query, field):
    search_id = finished(database, trials=1)
    answer = client.get(f"/api/v1/searches/{search_id}/trials?{query}")
    assert (answer.status_code, answer.json()["field"]) == (422, field)


@pytest.mark.parametrize(
    ("method", "path", "given", "field", "value"),
    [
        ("POST", "", {"json": {"limits": {"trials": 0}}}, "limits.trials", 0),
        ("POST", "", {"json": {"space": "moon"}}, "space.name", "moon"),
        ("POST", "", {"json": []}, "body", []),
        ("POST", "", {"content": b"{", "headers": {"Content-Type": JSON}}, "body", {}),
        ("POST", "", {"content": b"{}", "headers": {"Content-Type": "text/plain"}}, "body", None),
        ("POST", "", {"content": b"", "headers": {"Content-Type": JSON}}, "body", None),
        ("PATCH", "/{id}", {"json": {"workers": 0}}, "workers", 0),
        ("POST", "/{id}/pause", {}, "state", "finished"),
        ("POST", "/{id}/resume", {}, "state", "finished"),
        ("GET", "/{id}/trials?filter=accuracy~1", {}, "filter", "accuracy~1"),
        ("GET", "/{id}/trials?sort=up", {}, "sort", "up"),
        ("GET", "/{id}/trials?after=zzz", {}, "after", "zzz"),
        ("GET", "/{id}/trials?lmit=3", {}, "lmit", "3"),
        ("GET", "/{id}/trials/0/cells/none.svg", {}, "cell", "none"),
        ("GET", "/{id}/pareto?objectives=a,a", {}, "objectives", ["a", "a"]),
        ("GET", "/{id}/logs?tail=0", {}, "tail", "0"),
        ("POST", "/{id}/models", {"json": {"trial": -1}}, "trial", -1),
        ("POST", "/{id}/finals", {"json": {"top": 0}}, "top", 0),
        ("POST", "/{id}/comparison", {"json": {"zoo": ["nobody"]}}, "zoo", "nobody"),
        ("POST", "/{id}/clone", {"json": {"space": "moon"}}, "space.name", "moon"),
        ("GET", "/../events?after=x", {}, "after", "x"),
        ("GET", "/../zoo/alexnet?size=3", {}, "size", 3),
        ("GET", "/../compare?searches=a", {}, "searches", ["a"]),
        ("POST", "/../datasets", {"json": {"name": "a", "path": "/none"}}, "path", "/none"),
        ("POST", "/../tokens", {"json": {"name": "a", "scope": "root"}}, "scope", "root"),
    ],
)
def test_a_refusal_names_the_field_its_value_and_what_is_allowed(
    client, database, method, path, given, field, value
):
    place = "/api/v1/searches" + path.replace("{id}", finished(database, trials=1))
    answer = client.request(method, place.replace("/searches/..", ""), **given)
    problem = answer.json()
    assert answer.status_code in {404, 409, 422}
    assert answer.headers["content-type"] == "application/problem+json"
    assert (problem["field"], problem.get("value")) == (field, value)
    assert problem["allowed"], problem
    assert problem["detail"]


def test_pause_resume_and_stop_are_wishes(client):
    search_id = client.post("/api/v1/searches", json=TOY).json()["id"]
    for verb, desired in (("pause", "pause"), ("resume", "run"), ("stop", "stop")):
        answer = client.post(f"/api/v1/searches/{search_id}/{verb}", json={})
        assert (answer.status_code, answer.json()["desired"]) == (202, desired)
    answer = client.post(f"/api/v1/searches/{search_id}/pause")
    assert (answer.status_code, answer.json()["field"]) == (409, "state")


def test_limits_can_be_patched_one_by_one(client):
    search_id = client.post("/api/v1/searches", json=TOY).json()["id"]
    path = f"/api/v1/searches/{search_id}"
    limits = {"trials": 3, "hours": None, "workers": 2}
    for change in ({"hours": 2}, {"trials": 9}, {"workers": 5}, {"hours": None}):
        limits |= change
        assert client.patch(path, json=change).json()["limits"] == limits
    assert client.patch(path, json={"trials": 0}).json()["field"] == "trials"
    assert client.patch(path, json={"workers": 10_001}).json()["allowed"] == {"le": 10_000}
    assert client.patch(path, json={"name": "x"}).json()["field"] == "name"


def test_trials_are_shown_with_drawings_that_may_be_kept(client, database):
    search_id = finished(database, trials=4)
    page = client.get(f"/api/v1/searches/{search_id}/trials?sort=-reward&limit=3").json()
    assert len(page["items"]) == 3
    assert page["next"]
    best = page["items"][0]
    detail = client.get(f"/api/v1/searches/{search_id}/trials/{best['number']}").json()
    assert {key: detail[key] for key in best} == best
    svg = client.get(f"/api/v1/searches/{search_id}/trials/{best['number']}/cells/chain.svg")
    assert svg.headers["content-type"] == "image/svg+xml"
    assert "immutable" in svg.headers["cache-control"]
    assert svg.text.startswith("<svg")


def test_the_catalog_lists_everything_that_is_registered_with_its_options(client):
    catalog = client.get("/api/v1/catalog").json()
    names = {key: [one["name"] for one in catalog[key]] for key in ("spaces", "controllers")}
    assert {"nasnet", "toy"} <= set(names["spaces"])
    assert {"random", "reinforce"} <= set(names["controllers"])
    nasnet = next(one for one in catalog["spaces"] if one["name"] == "nasnet")
    assert nasnet["schema"]["properties"]["blocks"]["maximum"] == 10
    assert int(nasnet["size"]) == (720**2 * 338**5) ** 2
    assert {one["name"]: one["needs_data"] for one in catalog["evaluators"]}["trained"] is True
    assert client.post("/api/v1/searches", json=catalog["defaults"]).status_code == 201


def test_health_tells_of_each_part_by_itself(client):
    health = client.get("/api/v1/health").json()
    assert health["database"]["ok"]
    assert health["supervisor"]["alive"] is False
    assert (health["runners"], health["ray"]["alive"]) == ([], False)
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ok"}


def test_a_model_is_made_tested_and_downloaded_by_its_listed_names_only(client, database):
    search_id = searches.create(database, digits_spec())
    assert run(database, search_id) == 0
    view = client.get(f"/api/v1/searches/{search_id}").json()
    assert view["state"] == "finished", view["reason"]
    (model,) = view["models"]
    assert (model["state"], model["trial"]) == ("done", view["best"]["number"])
    assert 0 <= model["metrics"]["test_accuracy"] <= 1
    assert model["progress"]["step"] == model["epochs"] == 1
    names = {one["name"] for one in model["files"]}
    assert {"model.py", "weights.safetensors", "card.json", "README.md"} <= names
    for one in model["files"]:
        answer = client.get(one["url"])
        assert answer.status_code == 200
        assert len(answer.content) == one["size_bytes"]
        assert answer.headers["etag"] == f'"{one["sha256"]}"'
        assert "attachment" in answer.headers["content-disposition"]
        again = client.get(one["url"], headers={"If-None-Match": answer.headers["etag"]})
        assert again.status_code == 304
    card = json.loads(client.get(model["files"][0]["url"].rsplit("/", 1)[0] + "/card.json").text)
    assert card["card"]["search"]["id"] == search_id
    assert client.get(f"/api/v1/models/{model['id']}/files/nope").status_code == 404


def test_a_file_that_became_a_link_is_not_served(client, database, settings):
    search_id = searches.create(database, digits_spec(final_epochs=0))
    run(database, search_id)
    model_id = models.request(database, search_id)
    folder = models.folder(database, model_id)
    folder.mkdir(parents=True)
    (folder / "model.py").symlink_to(settings.home / "token")
    listed = [{"name": "model.py", "size_bytes": 1, "sha256": "0"}]
    models.change(database, model_id, state=ModelState.DONE, files=listed, ended_at=now())
    answer = client.get(f"/api/v1/models/{model_id}/files/model.py")
    assert answer.status_code == 404


def test_the_same_model_is_asked_for_once(client, database):
    search_id = searches.create(database, digits_spec(final_epochs=0))
    run(database, search_id)
    path = f"/api/v1/searches/{search_id}/models"
    first = client.post(path, json={"trial": 0, "epochs": 2})
    again = client.post(path, json={"trial": 0, "epochs": 2})
    other = client.post(path, json={"trial": 0, "epochs": 3})
    assert first.status_code == again.status_code == other.status_code == 202
    assert first.json()["id"] == again.json()["id"] != other.json()["id"]
    assert len(client.get(path).json()["items"]) == 2
    assert client.post(path, json={"trial": 99}).status_code == 404
    assert client.post(path, json={"epochs": 0}).json()["field"] == "epochs"


@pytest.mark.parametrize(("full", "status"), [(True, 507), (False, 503)])
def test_a_disk_that_is_full_or_busy_is_said_so(client, full, status):
    async def endpoint():
        raise StorageError("the disk", full=full)

    client.app.add_api_route("/api/v1/broken", endpoint)
    answer = client.get("/api/v1/broken")
    assert (answer.status_code, answer.headers["retry-after"]) == (status, "5")


def test_a_defect_is_a_500_of_the_one_shape_without_its_secrets(client, caplog):
    async def endpoint():
        raise RuntimeError("the password is hunter2")

    client.app.add_api_route("/api/v1/broken", endpoint)
    answer = client.get("/api/v1/broken")
    assert (answer.status_code, answer.json()["status"]) == (500, 500)
    assert "hunter2" not in answer.text
    assert "hunter2" in caplog.text
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_name_with_markup_comes_back_as_data(client):
    name = "<img src=x onerror=alert(1)>"
    answer = client.post("/api/v1/searches", json=TOY | {"name": name})
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["name"] == name


def test_a_search_that_runs_shows_its_running_trials(client, database):
    search_id = searches.create(database, toy_spec(2))
    run(database, search_id)
    history = client.get(f"/api/v1/searches/{search_id}/history").json()
    assert history["number"] == [0, 1]
    assert history["state"] == ["done", "done"]
