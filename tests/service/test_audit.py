"""An audit is kept, and found by the searches whose score it is about, and by no others."""

from __future__ import annotations

import json

import pytest
import torch
from typer.testing import CliRunner

from nas.honesty.audit import Audited, summarise
from service import auditlog, searches
from service.cli import app
from service.specs import complete
from tests.service.making import digits_spec, finished, run

WORDS = ["--space", "toy", "--filters", "4", "--train-images", "100", "--epochs", "1"]


def nas(database, *arguments):
    return CliRunner().invoke(app, ["--home", str(database.settings.home), *arguments])


def told(count=10):
    """Return an audit in which the short scores rank."""
    return summarise(
        [Audited((i,), 10.0 * i, (i / 20, i / 20 + 0.01), (i / 10, i / 10)) for i in range(count)]
    )


def test_an_audit_is_kept_and_shown_with_every_search_that_trains_the_same(client, database):
    spec = digits_spec(1, final_epochs=0)
    search_id = searches.create(database, spec)
    url = f"/api/v1/searches/{search_id}/audit"
    answer = client.get(url)
    assert (answer.status_code, answer.json()) == (200, None)
    described = complete(spec, database.settings.data_root)
    auditlog.keep(database, described, told(3), 1, 5)
    kept = auditlog.keep(database, described, told(), 1, 9)
    found = client.get(url).json()
    assert found == json.loads(kept.model_dump_json())  # the newer of the two
    assert (found["tau"], found["short_epochs"], found["long_epochs"]) == (1.0, 1, 9)
    assert 0 < found["low"] <= found["high"] <= 1
    assert found["warning"] == ""
    assert found["rows"][3] == {
        "decisions": [3],
        "cost": 30,
        "short": [0.15, 0.16],
        "long": [0.3] * 2,
    }
    # A search goes by the same score whatever its controller, seed and limits are.
    same = searches.create(database, spec.model_copy(update={"seed": 9, "name": "same"}))
    assert client.get(f"/api/v1/searches/{same}/audit").json() == found
    longer = described.evaluator.options | {"recipe": {"epochs": 2}}
    evaluator = spec.evaluator.model_copy(update={"options": longer})
    other = searches.create(database, spec.model_copy(update={"evaluator": evaluator}))
    assert client.get(f"/api/v1/searches/{other}/audit").json() is None
    assert client.get("/api/v1/searches/none/audit").status_code == 404


def test_nas_audit_of_a_search_is_named_by_nas_show(client, database):
    torch.set_num_threads(1)
    search_id = searches.create(database, digits_spec(2, final_epochs=0))
    assert run(database, search_id) == 0
    assert "audit" not in nas(database, "show", search_id).stdout
    numbers = ["--long-epochs", "2", "--architectures", "3", "--seeds", "2"]
    printed = nas(database, "audit", "--search", search_id, *numbers, "--json")
    assert printed.exit_code == 0, printed.output
    found = json.loads(printed.stdout)
    assert found == client.get(f"/api/v1/searches/{search_id}/audit").json()
    assert [len(row["long"]) for row in found["rows"]] == [2, 2, 2]
    shown = nas(database, "show", search_id).stdout
    assert "95% interval -1.00 to +1.00 (1 against 2 epochs, 3 architectures)" in shown
    assert f"warning: {found['warning']}" in shown
    assert json.loads(nas(database, "show", search_id, "--json").stdout)["audit"] == found


@pytest.mark.parametrize("more", [["--epochs", "2"], ["--spec", "a.json"]])
def test_a_search_says_all_that_is_audited(database, more):
    search_id = finished(database, 1)
    refused = nas(database, "audit", "--search", search_id, *more)
    assert refused.exit_code == 2
    assert f"{more[0]} does not go with --search" in refused.stderr
    nothing = nas(database, "audit", "--search", search_id)
    assert "an audit compares trainings" in nothing.stderr


def test_the_audit_of_the_options_of_a_search_is_that_of_the_search(client, database):
    torch.set_num_threads(1)
    numbers = ["--long-epochs", "2", "--architectures", "2", "--seeds", "1"]
    printed = nas(database, "audit", *WORDS, *numbers, "--json")
    assert printed.exit_code == 0, printed.output
    from service.cli.options import build_spec

    flags = {"space": "toy", "filters": 4, "train_images": "100", "epochs": 1}
    search_id = searches.create(database, build_spec(flags | {"trials": 9, "seed": 4}, None, []))
    assert client.get(f"/api/v1/searches/{search_id}/audit").json() == json.loads(printed.stdout)
