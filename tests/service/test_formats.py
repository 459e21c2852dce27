"""Export formats of a model: asked for with it, or later, then made from its weights."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from service import modelling, models, searches
from service.db import Database
from service.settings import Settings
from service.states import ModelState
from tests.service.making import digits_spec, run, stopping

if TYPE_CHECKING:
    from collections.abc import Iterator

REFUSES = '''
"""A format that can never be written."""
from nas.export import Exporter, ExportError


class Refuses(Exporter):
    """Never works."""

    name, file = "refuses", "refuses.txt"

    def write(self, folder, subject):
        raise ExportError("there is no way to write this")

    def run(self, folder, batches):
        return []
'''


@pytest.fixture(scope="module")
def settings(tmp_path_factory) -> Settings:
    return Settings.load(home=tmp_path_factory.mktemp("formats") / "home")


@pytest.fixture(scope="module")
def database(settings) -> Iterator[Database]:
    with Database.open(settings) as opened:
        yield opened


@pytest.fixture(scope="module")
def search_id(database) -> str:
    """A search with a trial for each test that makes a model."""
    made = searches.create(database, digits_spec(4, final_epochs=0))
    assert run(database, made) == 0
    return made


def make(database, model_id):
    with stopping() as stop:
        return modelling.make(database, model_id, stop)


def hashes(view) -> dict[str, str]:
    return {file.name: file.sha256 for file in view.files}


def test_formats_asked_for_with_a_model_are_made_and_measured_on_the_test_images(
    client, database, search_id
):
    answer = client.post(
        f"/api/v1/searches/{search_id}/models", json={"trial": 0, "formats": ["int8"]}
    )
    assert answer.status_code == 202
    assert answer.json()["formats"] == ["int8"]
    view = make(database, answer.json()["id"])
    assert (view.state, view.error) == (ModelState.DONE, "")
    assert {"model.py", "weights.safetensors", "weights-int8.safetensors"} <= set(hashes(view))
    card = json.loads((models.folder(database, view.id) / "card.json").read_text())
    found = {one["name"]: one["agreement"] for one in card["formats"]}
    assert found["safetensors"] is found["source"] is None
    assert found["int8"]["noise"] is False
    assert found["int8"]["images"] == card["card"]["data"]["test"]
    accuracy = card["card"]["metrics"]["test_accuracy"]
    assert found["int8"]["accuracy_before"] == pytest.approx(accuracy)
    text = (models.folder(database, view.id) / "README.md").read_text()
    assert f"accuracy {found['int8']['accuracy']:.2%} instead of {accuracy:.2%}" in text


def test_a_format_asked_for_later_is_made_without_training_again(client, database, search_id):
    path = f"/api/v1/searches/{search_id}/models"
    model_id = client.post(path, json={"trial": 1}).json()["id"]
    before = make(database, model_id)
    again = client.post(path, json={"trial": 1, "formats": ["bf16"]}).json()
    assert (again["id"], again["state"], again["formats"]) == (model_id, "pending", ["bf16"])
    # Meanwhile its files can be had.
    assert client.get(before.files[0].url).status_code == 200
    after = make(database, model_id)
    assert after.state is ModelState.DONE
    assert after.metrics == before.metrics
    old, new = hashes(before), hashes(after)
    assert set(new) - set(old) == {"weights-bf16.safetensors"}
    assert {name for name in old if old[name] != new[name]} <= {"card.json", "README.md"}
    # The same once more is nothing to do.
    assert client.post(path, json={"trial": 1, "formats": ["bf16"]}).json()["state"] == "done"


def test_a_format_that_cannot_be_written_leaves_the_model_as_it_was(
    database, search_id, tmp_path, monkeypatch
):
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "refuses.py").write_text(REFUSES)
    monkeypatch.setenv("NAS_PLUGINS", str(tmp_path))
    before = make(database, models.request(database, search_id, 2))
    model_id = models.request(database, search_id, 2, formats=["refuses"])
    after = make(database, model_id)
    assert (after.state, after.error) == (ModelState.DONE, "there is no way to write this")
    assert (after.files, after.formats) == (before.files, [])


def test_more_formats_asked_for_while_it_is_made_are_made_too(database, search_id):
    model_id = models.request(database, search_id, 3)
    models.begin(database, model_id)
    assert models.request(database, search_id, 3, formats=["bf16"]) == model_id
    assert models.view(database, model_id).state is ModelState.RUNNING
    assert not models.done(database, model_id, [], files=[])
    assert models.view(database, model_id).state is ModelState.RUNNING
    assert models.done(database, model_id, ["bf16"])
    assert models.view(database, model_id).state is ModelState.DONE


def test_all_formats_may_be_more_than_the_last_time(database, search_id):
    model_id = models.request(database, search_id, 3, epochs=2, formats=["all"])
    models.begin(database, model_id)
    for _ in range(2):
        assert models.done(database, model_id, ["all"])
        models.request(database, search_id, 3, epochs=2)
        assert models.view(database, model_id).state is ModelState.DONE
        assert models.request(database, search_id, 3, epochs=2, formats=["all"]) == model_id
        assert models.view(database, model_id).state is ModelState.PENDING


def test_an_unknown_format_is_refused_with_those_that_there_are(client, search_id):
    path = f"/api/v1/searches/{search_id}/models"
    answer = client.post(path, json={"formats": ["onxx"]})
    assert (answer.status_code, answer.json()["field"]) == (422, "formats")
    assert {"onnx", "pt2", "int8", "all"} <= set(answer.json()["allowed"])


def test_a_missing_package_is_named_with_the_extra_that_brings_it(client, search_id, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    path = f"/api/v1/searches/{search_id}/models"
    answer = client.post(path, json={"formats": ["onnx"]})
    assert answer.status_code == 422
    assert answer.json()["detail"] == (
        "formats: onnx needs onnxscript: pip install 'nasturtium[onnx]'"
    )


def test_the_catalog_lists_the_formats(client):
    formats = {one["name"]: one for one in client.get("/api/v1/catalog").json()["formats"]}
    assert formats["onnx"]["file"] == "model.onnx"
    assert formats["int8"]["lossy"] is True
    assert formats["source"]["lossy"] is False
    assert all(one["summary"] and one["missing"] == "" for one in formats.values())
