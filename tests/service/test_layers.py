"""The layers of a trial through the API: their sums are what the search measured."""

from __future__ import annotations

from service import layers, searches
from tests.service.making import digits_spec, finished, run


def test_the_layers_of_a_trial_sum_to_what_its_evaluator_measured(client, database):
    search_id = searches.create(database, digits_spec(1))
    assert run(database, search_id) == 0
    path = f"/api/v1/searches/{search_id}/trials/0"
    trial = client.get(path).json()
    before = layers._measured.cache_info().hits
    found = client.get(f"{path}/layers").json()
    assert found["params"] == trial["metrics"]["params"]
    assert found["madds"] == trial["metrics"]["madds"]
    assert sum(one["params"] for one in found["layers"]) == found["params"]
    assert sum(one["madds"] for one in found["layers"]) == found["madds"]
    assert found["layers"][-1]["output"] == [10]
    assert found["memory_peak_bytes"] > 0
    assert client.get(f"{path}/layers").json() == found
    assert layers._measured.cache_info().hits == before + 1


def test_where_there_are_no_layers_the_answer_says_why(client, database):
    search_id = finished(database, 1)
    answer = client.get(f"/api/v1/searches/{search_id}/trials/0/layers")
    assert answer.status_code == 404
    assert answer.json()["detail"] == "a search without images has no layers"
    answer = client.get(f"/api/v1/searches/{search_id}/trials/7/layers")
    assert answer.status_code == 404
    assert "7" in answer.json()["detail"]
