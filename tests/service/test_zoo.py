"""The zoo through the API: all networks at once, one with its layers."""

from __future__ import annotations

import nas


def test_all_networks_are_listed_with_what_they_cost(client):
    items = client.get("/api/v1/zoo").json()["items"]
    assert [one["name"] for one in items] == nas.list_models()
    vgg = next(one for one in items if one["name"] == "vgg16")
    assert (vgg["params"], vgg["year"], vgg["paper"]["dataset"]) == (138_357_544, 2014, "ImageNet")
    assert vgg["recipe"]["weight_decay"] == 5e-4


def test_a_pattern_picks_networks(client):
    names = [one["name"] for one in client.get("/api/v1/zoo?pattern=lenet*").json()["items"]]
    assert names == nas.list_models("lenet*")


def test_a_network_has_layers_at_the_size_that_is_asked_for(client):
    whole = client.get("/api/v1/zoo/lenet5").json()
    assert sum(layer["params"] for layer in whole["layers"]) == whole["params"] == 61_706
    small = client.get("/api/v1/zoo/resnet18?size=32").json()
    assert (small["height"], small["layers"][0]["output"][1:]) == (32, [32, 32])


def test_what_cannot_be_built_is_one_clear_line(client):
    missing = client.get("/api/v1/zoo/nobody")
    assert (missing.status_code, missing.json()["field"]) == (404, "name")
    tiny = client.get("/api/v1/zoo/alexnet?size=32")
    assert (tiny.status_code, tiny.json()["field"]) == (422, "size")
    assert "63x63 or more" in tiny.json()["detail"]
