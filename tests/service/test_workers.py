"""What runs where, and the same service in figures for Prometheus."""

from __future__ import annotations

import re

from nas.store import Draft
from nas.trial import Outcome, Proposal
from service import searches, vitals
from service.store import SqlStore
from tests.service.making import digits_spec, finished, toy_spec

SAMPLE = re.compile(r'^[a-z_]+(\{([a-z]+="[^"\n]*",?)+\})? [0-9.e+-]+$')


NODES = [
    {
        "id": f"node{name}",
        "cluster": "10.0.0.2:6379",
        "name": name,
        "address": address,
        "alive": alive,
        "cpus": 4.0,
        "gpus": 1.0,
        "memory_bytes": 1 << 30,
    }
    for name, address, alive in (("b", "10.0.0.2", True), ("a", "10.0.0.1", False))
]


def at_work(database) -> str:
    """Return a search of three epochs a trial whose second trial is in its second."""
    spec = digits_spec(6)
    options = spec.evaluator.options | {"recipe": {"epochs": 3}}
    spec = spec.model_copy(
        update={"evaluator": spec.evaluator.model_copy(update={"options": options})}
    )
    search_id = searches.create(database, spec)
    store = SqlStore(database, search_id, "here/1")
    store.adopt()
    vitals.beat(database, vitals.RUNNER + search_id, {"nodes": NODES})
    first, second = store.start(
        [Draft(Proposal((0,) * 6), "a"), Draft(Proposal((1,) * 6), "b")], {}
    )
    store.launch(first.number, 1)
    store.finish(0, 1, Outcome(metrics={"accuracy": 0.5}, worker="local-0"), 0.5, [], {})
    store.launch(second.number, 1)
    store.progress(second.number, 1, 2, {"accuracy": 0.25})
    return search_id


def test_a_search_at_work_shows_its_runner_its_places_and_how_far_each_trial_is(client, database):
    finished(database, 2)
    search_id = at_work(database)
    found = client.get("/api/v1/workers").json()
    (crew,) = found["searches"]
    assert (crew["search"], crew["state"], crew["places"]) == (search_id, "running", 1)
    assert crew["runner"]["alive"]
    (running,) = crew["running"]
    assert (running["number"], running["epochs"], running["progress"]["step"]) == (1, 3, 2)
    assert running["started_at"].endswith("Z")
    (worker,) = crew["workers"]
    assert (worker["name"], worker["attempts"]) == ("local-0", 1)
    assert found["machine"]["cpus"] >= 1
    assert found["machine"]["memory_bytes"] > found["machine"]["memory_available_bytes"] > 0
    assert not found["ray"]["alive"]
    assert [node["searches"] for node in found["nodes"]] == [[search_id]] * 2
    assert [node | {"searches": []} for node in found["nodes"]] == [
        node | {"searches": []} for node in reversed(NODES)
    ]


def test_a_machine_that_two_searches_see_is_told_once_and_lives_if_one_sees_it_live(
    client, database
):
    first, second = at_work(database), at_work(database)
    seen = [node | {"alive": not node["alive"]} for node in NODES]
    vitals.beat(database, vitals.RUNNER + second, {"nodes": seen})
    nodes = client.get("/api/v1/workers").json()["nodes"]
    assert [(node["name"], node["alive"]) for node in nodes] == [("a", True), ("b", True)]
    assert nodes[0]["searches"] == sorted([first, second])
    vitals.silence(database, vitals.RUNNER + first)
    nodes = client.get("/api/v1/workers").json()["nodes"]
    assert [(node["name"], node["alive"]) for node in nodes] == [("a", True), ("b", False)]


def test_two_nodes_of_one_address_are_two_machines(client, database):
    search_id = at_work(database)
    here = NODES[0] | {"name": "here", "address": "127.0.0.1"}
    seen = [
        here | {"id": "one", "cluster": "127.0.0.1:6379"},
        here | {"id": "two", "cluster": "127.0.0.1:6379", "cpus": 8.0},
        here | {"id": "three", "cluster": "127.0.0.1:6380", "cpus": 16.0},
    ]
    vitals.beat(database, vitals.RUNNER + search_id, {"nodes": seen})
    nodes = client.get("/api/v1/workers").json()["nodes"]
    assert {(node["id"], node["cluster"], node["cpus"]) for node in nodes} == {
        (node["id"], node["cluster"], node["cpus"]) for node in seen
    }


def test_a_search_without_a_runner_says_so(client, database):
    searches.create(database, toy_spec(executor="local"))
    (crew,) = client.get("/api/v1/workers").json()["searches"]
    assert crew["runner"] is None
    assert (crew["places"], crew["running"], crew["workers"]) == (2, [], [])
    client.patch(f"/api/v1/searches/{crew['search']}", json={"workers": 7})
    assert client.get("/api/v1/workers").json()["searches"][0]["places"] == 7


def samples(client) -> dict[str, float]:
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = [line for line in answer.text.splitlines() if not line.startswith("# ")]
    assert all(SAMPLE.match(line) for line in lines)
    pairs = [line.rpartition(" ") for line in lines]
    assert len({name for name, _, _ in pairs}) == len(lines)  # every sample once
    return {name: float(value) for name, _, value in pairs}


def test_metrics_count_searches_and_trials_by_state(client, database):
    finished(database, 3)
    at_work(database)
    found = samples(client)
    assert found['nasturtium_searches{state="finished"}'] == 1
    assert found['nasturtium_searches{state="running"}'] == 1
    assert found['nasturtium_searches{state="failed"}'] == 0
    assert found['nasturtium_trials{state="done"}'] == 4
    assert found['nasturtium_trials{state="running"}'] == 1
    assert found["process_resident_memory_bytes"] > 1e7
    with database.read() as connection:
        from service import eventlog

        assert found["nasturtium_events"] == eventlog.last_seq(connection)


def test_metrics_count_requests_by_route_and_never_by_what_is_in_the_address(client, database):
    search_id = finished(database, 1)
    for _ in range(3):
        client.get(f"/api/v1/searches/{search_id}")
    client.get("/api/v1/searches/nothing")
    client.get("/nowhere")
    client.get("/api/v1/searches", headers={"Authorization": "Bearer no"})
    found = samples(client)
    route = 'route="/api/v1/searches/{search_id}"'
    name = "nasturtium_http_requests_total"
    assert found[f'{name}{{method="GET",{route},status="200"}}'] == 3
    assert found[f'{name}{{method="GET",{route},status="404"}}'] == 1
    assert found[f'{name}{{method="GET",route="none",status="401"}}'] == 1
    assert search_id not in client.get("/metrics").text
    seconds = "nasturtium_http_request_seconds"
    assert found[f"{seconds}_count{{{route}}}"] == 4
    assert found[f'{seconds}_bucket{{{route},le="+Inf"}}'] == 4
    assert 0 < found[f"{seconds}_sum{{{route}}}"] < 60
    bounds = [key for key in found if key.startswith(f"{seconds}_bucket{{{route}")]
    counts = [found[key] for key in bounds]
    assert counts == sorted(counts)


def test_events_that_nobody_has_handed_on_are_a_lag(client, database):
    broadcaster = client.app.state.broadcaster
    broadcaster.close()  # its task polls no more after this
    import time

    time.sleep(0.6)
    finished(database, 1)
    before = samples(client)["nasturtium_event_lag_seconds"]
    assert before > 0
    time.sleep(0.05)
    assert samples(client)["nasturtium_event_lag_seconds"] > before
