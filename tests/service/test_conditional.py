"""ETags, 304 and HEAD of every GET, and which methods a path takes."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import insert

from nas.data import DataSpec
from nas.spec import Part
from service import searches
from service.app import create_app
from service.auth import token_of
from service.db import Database
from service.finetunes import FINETUNE
from service.settings import Settings
from service.tables import model
from service.tuning import FinetuneRequest
from tests.conftest import ROOT
from tests.service.making import MODEL_ROW, digits_spec, finished, run, toy_spec

if TYPE_CHECKING:
    from collections.abc import Iterator

PATHS = json.loads((ROOT / "tests" / "golden" / "openapi.json").read_text())["paths"]
FILE = "/api/v1/models/{model_id}/files/{name}"
UNTAGGED = {"/metrics", "/api/v1/events"}  # one is new each time, the other never ends
VERBS = {"delete", "get", "patch", "post", "put"}
SEARCHES = {
    "images": digits_spec(2, final_epochs=0),
    "policy": toy_spec(3).model_copy(update={"controller": Part(name="reinforce")}),
    "lineage": toy_spec(3).model_copy(update={"controller": Part(name="evolution")}),
}
CARD = {"name": "card.json", "size_bytes": 2, "sha256": hashlib.sha256(b"{}").hexdigest()}
MODEL = {**MODEL_ROW, "files": [CARD]}


@pytest.fixture
def search_id(database) -> str:
    return finished(database, trials=3)


@pytest.fixture(scope="module")
def house(tmp_path_factory) -> Iterator[House]:
    """Return a service with something at every path."""
    settings = Settings.load(home=tmp_path_factory.mktemp("conditional") / "home")
    with Database.open(settings) as database:
        made = {name: searches.create(database, spec) for name, spec in SEARCHES.items()}
        for search_id in made.values():
            assert run(database, search_id) == 0
        place = settings.folder("models") / "m"
        place.mkdir(parents=True)
        (place / "card.json").write_text("{}")
        with database.write() as connection:
            connection.execute(insert(model).values(**MODEL, search_id=made["images"], trial=1))
            wish = FinetuneRequest(model="m", data=DataSpec()).model_dump(mode="json")
            tuning = FINETUNE.add(connection, wish=wish, plan={})
    names = {"model_id": "m", "finetune_id": tuning, "number": "1", "cell": "chain"}
    with TestClient(create_app(settings), base_url="http://localhost:8000") as client:
        client.headers["Authorization"] = f"Bearer {token_of(settings)}"
        yield House(client, made, names)


@dataclass(frozen=True)
class House:
    """A client, the ids of searches by what they are for, and what stands in paths."""

    client: TestClient
    searches: dict[str, str]
    names: dict[str, str]

    def filled(self, path: str) -> str:
        """Return a path with something that is there."""
        last = path.rpartition("/")[2]
        named = {"zoo": "lenet5", "files": "card.json", "datasets": "digits"}
        kind = next((name for part, name in named.items() if f"/{part}/" in path), "")
        search_id = self.searches.get(last, self.searches["images"])
        names = self.names | {"name": kind, "search_id": search_id}
        ids = ",".join(self.searches.values())
        return path.format(**names) + (f"?searches={ids}" if last == "compare" else "")


@pytest.mark.parametrize("path", [path for path, found in PATHS.items() if "get" in found])
def test_an_answer_to_get_has_a_tag_and_the_same_comes_by_head(house, path):
    client, place = house.client, house.filled(path)
    head = client.head(place)
    assert (head.status_code, head.content) == (200, b"")
    assert ("content-length" in head.headers) == (path == FILE)
    if path == "/api/v1/events":
        assert head.headers["content-type"].startswith("text/event-stream")
        return
    answer = client.get(place)
    assert answer.status_code == 200, answer.text
    assert head.headers["content-type"] == answer.headers["content-type"]
    if path in UNTAGGED:
        return
    tag = answer.headers["etag"]
    if path not in {"/api/v1/workers", "/api/v1/health"}:  # load and pulses never stand still
        assert head.headers["etag"] == tag
        same = client.get(place, headers={"If-None-Match": f'"other", {tag}'})
        assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
    other = client.get(place, headers={"If-None-Match": '"other"'})
    assert other.status_code == 200
    assert len(other.content) == pytest.approx(len(answer.content), abs=20)


def test_a_tag_is_another_when_the_answer_is(client, database):
    search_id = searches.create(database, toy_spec())
    place = f"/api/v1/searches/{search_id}"
    tag = client.get(place).headers["etag"]
    assert client.get(place, headers={"If-None-Match": tag}).status_code == 304
    searches.change_limits(database, search_id, trials=9)
    changed = client.get(place, headers={"If-None-Match": tag})
    assert (changed.status_code, changed.json()["limits"]["trials"]) == (200, 9)
    assert changed.headers["etag"] != tag


class Browser:
    """A client that keeps answers as browsers do, as far as Cache-Control lets it."""

    def __init__(self, client) -> None:
        self.client, self.kept = client, {}

    def get(self, place: str) -> tuple[int, bytes]:
        """Return the status on the way and the content, of what is kept where that still holds."""
        kept = self.kept.get(place)
        given = {"If-None-Match": kept.headers["etag"]} if kept else {}
        answer = self.client.get(place, headers=given)
        orders = answer.headers["cache-control"]
        assert "max-age" not in orders
        assert "public" not in orders
        if answer.status_code == 200 and "no-store" not in orders:
            assert orders == "private, no-cache"
            self.kept[place] = answer
        return answer.status_code, (kept if answer.status_code == 304 else answer).content


def test_a_browser_asks_whether_what_it_keeps_still_holds(client, database, search_id):
    browser = Browser(client)
    for path in ("searches", f"searches/{search_id}", f"searches/{search_id}/trials", "catalog"):
        first = browser.get(f"/api/v1/{path}")
        again = browser.get(f"/api/v1/{path}")
        assert (first[0], again) == (200, (304, first[1])), path
    searches.change_limits(database, search_id, trials=9)
    status, content = browser.get(f"/api/v1/searches/{search_id}")
    assert (status, json.loads(content)["limits"]["trials"]) == (200, 9)


@pytest.mark.parametrize(
    ("place", "status"),
    [("tokens", 200), ("health", 200), ("events", 200), ("searches/none", 404), ("metrics", 404)],
)
def test_what_is_secret_wrong_or_new_each_time_is_kept_nowhere(client, place, status):
    answer = (client.head if place == "events" else client.get)(f"/api/v1/{place}")
    assert (answer.status_code, answer.headers["cache-control"]) == (status, "no-store")


def test_what_is_made_is_kept_nowhere_and_what_is_refused_neither(client, anonymous):
    made = client.post("/api/v1/tokens", json={"name": "x"})
    assert (made.status_code, made.headers["cache-control"]) == (201, "no-store")
    del client.headers["Authorization"]
    refused = anonymous.get("/api/v1/searches", headers={"If-None-Match": "*"})
    assert (refused.status_code, refused.headers["cache-control"]) == (401, "no-store")


def test_columns_and_what_is_gzipped_have_a_tag_too(client, search_id):
    for path, accept in (("history", "application/octet-stream"), ("trials", "application/json")):
        place = f"/api/v1/searches/{search_id}/{path}"
        first = client.get(place, headers={"Accept": accept})
        assert first.headers["content-type"] == accept
        again = client.get(place, headers={"Accept": accept, "If-None-Match": "*"})
        assert again.status_code == 304
    catalog = client.get("/api/v1/catalog")
    assert catalog.headers["content-encoding"] == "gzip"
    tag = {"If-None-Match": catalog.headers["etag"]}
    assert client.get("/api/v1/catalog", headers=tag).status_code == 304


@pytest.mark.parametrize("query", ["after=3", "after=now", "search=x&after=0"])
def test_the_stream_is_told_of_by_head_with_the_parameters_of_get(client, query):
    head = client.head(f"/api/v1/events?{query}")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"].startswith("text/event-stream")


@pytest.mark.parametrize("query", ["after=-1", "after=then", "before=3"])
def test_what_the_stream_refuses_is_refused_by_head_too(client, query):
    head, answer = (ask(f"/api/v1/events?{query}") for ask in (client.head, client.get))
    assert head.status_code == answer.status_code == 422


def test_errors_have_no_tag(client):
    assert "etag" not in client.get("/api/v1/searches/none").headers


@pytest.mark.parametrize("path", PATHS)
def test_a_method_that_a_path_does_not_take_is_refused_with_those_that_it_takes(client, path):
    takes = {one.upper() for one in PATHS[path]} | ({"HEAD"} if "get" in PATHS[path] else set())
    for verb in sorted(VERBS - set(PATHS[path])):
        answer = client.request(verb, re.sub(r"[{}]", "", path))
        assert answer.status_code == 405
        assert answer.headers["allow"] == ", ".join(sorted(takes))
        problem = answer.json()
        assert (problem["field"], problem["value"]) == ("method", verb.upper())
        assert problem["allowed"] == sorted(takes)


def test_the_files_of_the_page_say_so_too(anonymous):
    assert anonymous.delete("/static/app.js").headers["allow"] == "GET, HEAD"


def test_a_place_where_nothing_is_says_so(client):
    answer = client.get("/api/v1/nowhere").json()
    assert (answer["field"], answer["value"]) == ("path", "/api/v1/nowhere")
    assert answer["detail"] == "there is nothing at /api/v1/nowhere"
