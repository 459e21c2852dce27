"""What trials have in common, through the API: causes of failures, operations of the best."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from nas.spec import Part
from service import searches
from service.insights import signature
from tests.service.making import finished, run, toy_spec

PLUGINS = Path(__file__).resolve().parents[1] / "browser" / "plugins"


def trials(client, search_id):
    return client.get(f"/api/v1/searches/{search_id}/trials?limit=200").json()["items"]


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("the loss was nan in epoch 2, step 16", "the loss was nan in epoch #, step #"),
        ("cannot read '/data/a b.jpg': truncated", "cannot read #: truncated"),
        ("no file /tmp/x/y.pt\nand more", "no file #"),
        ("object at 0x7f3a", "object at #"),
        ("", ""),
    ],
)
def test_a_signature_is_a_message_without_its_particulars(message, expected):
    assert signature(message) == expected


def test_failures_are_grouped_by_their_cause(client, database, monkeypatch):
    monkeypatch.setenv("NAS_PLUGINS", str(PLUGINS))
    spec = toy_spec(30).model_copy(update={"evaluator": Part(name="moody")})
    search_id = searches.create(database, spec)
    assert run(database, search_id) == 0
    found = client.get(f"/api/v1/searches/{search_id}/failures").json()
    failed = [one for one in trials(client, search_id) if one["state"] == "failed"]
    assert found["failed"] == len(failed) > 0
    kinds = Counter(one["failure"]["kind"] for one in failed)
    assert {group["kind"]: group["count"] for group in found["items"]} == kinds
    assert [group["count"] for group in found["items"]] == sorted(kinds.values(), reverse=True)
    for group in found["items"]:
        members = [one["number"] for one in failed if one["failure"]["kind"] == group["kind"]]
        assert group["numbers"] == members[:20]
        assert group["last"] == members[-1]
        assert not group["machine"]


def test_the_operations_of_the_best_stand_beside_those_of_all(client, database):
    search_id = finished(database, 60)
    path = f"/api/v1/searches/{search_id}/operations"
    found = client.get(f"{path}?top=5").json()
    different = {one["key"]: one for one in trials(client, search_id)}
    assert (found["top"], found["read"], found["different"]) == (5, len(different), len(different))
    best = sorted(different.values(), key=lambda one: (-one["reward"], one["number"]))[:5]
    labels = ("identity", "conv_3x3", "sep_3x3", "max_3x3")  # the toy space's operations in order
    counts = Counter(labels[index] for one in best for index in one["decisions"])
    shares = {one["operation"]: one["top"] for one in found["items"]}
    assert shares == {name: pytest.approx(counts[name] / 30) for name in labels}
    assert sum(one["all"] for one in found["items"]) == pytest.approx(1)
    assert {one["cell"] for one in found["items"]} == {"chain"}


def test_a_search_without_trials_has_neither(client, database):
    search_id = searches.create(database, toy_spec(3))
    path = f"/api/v1/searches/{search_id}"
    assert client.get(f"{path}/failures").json() == {"items": [], "failed": 0}
    assert client.get(f"{path}/operations").json()["items"] == []
    assert client.get("/api/v1/searches/nobody/failures").status_code == 404
    assert client.get(f"{path}/operations?top=0").json()["field"] == "top"
