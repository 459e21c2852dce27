"""Fine-tunings: advice and a model like the others, going on after a kill, stopped, refused."""

from __future__ import annotations

import json
import os
import shutil
import signal
from typing import TYPE_CHECKING

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from sqlalchemy import delete

from nas.data import DataSpec
from nas.events import EventKind
from nas.store import LostOwnership
from service import eventlog, finetunes, finetuning, models, searches
from service.db import Database
from service.finetunes import FINETUNE, Fence
from service.settings import Settings
from service.states import JobState
from service.tables import model
from service.trainings import Trainings
from service.tuning import FinetuneRequest
from tests.service.living import until
from tests.service.making import digits_spec, run, stopping

if TYPE_CHECKING:
    from pathlib import Path

    from service.tuning import FinetuneView


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """Return a HOME with a search that has a model, to be copied."""
    torch.set_num_threads(1)
    settings = Settings.load(home=tmp_path_factory.mktemp("searched") / "home")
    with Database.open(settings) as database:
        assert run(database, searches.create(database, digits_spec(1))) == 0
    return settings.home


@pytest.fixture
def settings(tmp_path, home) -> Settings:
    return Settings.load(home=shutil.copytree(home, tmp_path / "home"))


@pytest.fixture
def source(database) -> str:
    """Return the id of the search's model."""
    return models.of_search(database, searches.resolve(database, "last"))[0].id


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    """Return a folder of two classes of small images: dark, and with a light square."""
    top = tmp_path_factory.mktemp("photos")
    for name, light in (("dark", 0), ("light", 150)):
        (top / name).mkdir()
        for number in range(20):
            image = Image.new("L", (8, 8), 10 + number)
            image.paste(20 + number + light, (2, 2, 6, 6))
            image.save(top / name / f"{number}.png")
    return top


def wish(source: str, photos: Path, **more: object) -> FinetuneRequest:
    return FinetuneRequest(model=source, data=DataSpec(source=str(photos)), **more)


def tune(database: Database, wanted: FinetuneRequest) -> FinetuneView:
    """Ask for a fine-tuning and carry it out in this process as the supervisor's does."""
    made = finetunes.request(database, wanted)
    with stopping() as stop:
        return finetuning.train(database, made, stop)


def test_the_result_is_a_model_with_the_advice_and_can_be_the_start_of_another(
    client, database, source, photos
):
    stopped = finetunes.request(database, wish(source, photos))
    (database.settings.home / "finetunes" / stopped).mkdir(parents=True)
    finetunes.stop(database, stopped)
    done = tune(database, wish(source, photos, strategy="linear", recipe={"epochs": 2}))
    assert (done.state, done.error) == (JobState.DONE, "")
    plan = done.plan
    assert (plan.strategy, plan.epochs) == ("linear", 2)
    assert plan.recommended in ("linear", "all")
    assert plan.reasons[0].startswith("34 images, ") or "images" in plan.reasons[0]
    assert 0 <= plan.similarity.fresh <= 1
    assert plan.similarity.images > 20
    model = client.get(f"/api/v1/models/{done.model}").json()
    assert (model["state"], model["search"], model["trial"]) == ("done", None, None)
    assert 0 <= model["metrics"]["test_accuracy"] <= 1
    by_name = {one["name"]: one for one in model["files"]}
    weights = client.get(by_name["weights.safetensors"]["url"])
    assert weights.headers["ETag"] == f'"{by_name["weights.safetensors"]["sha256"]}"'
    before, after = (
        load_file(models.folder(database, one) / "weights.safetensors")
        for one in (source, done.model)
    )
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert len(changed) == 2  # the classifier alone
    guess = client.post(
        f"/api/v1/models/{done.model}/predict", json={"arrays": [[[[200] * 8] * 8]]}
    )
    assert {one["name"] for one in guess.json()["predictions"][0]} == {"dark", "light"}
    assert not list((database.settings.home / "finetunes").iterdir())
    again = tune(database, wish(done.model, photos, strategy="auto", recipe={"epochs": 1}))
    assert again.state is JobState.DONE
    assert again.plan.strategy == again.plan.recommended
    listed = client.get("/api/v1/finetunes?limit=1").json()
    assert [one["id"] for one in listed["items"]] == [again.id]
    following = client.get(f"/api/v1/finetunes?after={listed['next']}").json()
    assert following["items"][0] == json.loads(done.model_dump_json())
    assert [one["id"] for one in following["items"]] == [done.id, stopped]
    assert following["next"] is None
    with database.read() as connection:
        told = [e.payload for e in eventlog.after(connection, 0) if "finetune" in e.payload]
    assert [one["state"] for one in told if one["finetune"] == done.id][::3][0] == "pending"
    assert told[-1]["model"] == again.model


def test_a_killed_one_goes_on_from_its_last_epoch_to_the_same_model(database, source, photos):
    wanted = wish(source, photos, strategy="all", recipe={"epochs": 60})
    expected = tune(database, wanted)
    made = finetunes.request(database, wanted)
    trainings = Trainings(database)
    try:

        def trains() -> bool:
            trainings.step()
            now = finetunes.view(database, made)
            assert now.state is not JobState.DONE, "too short"
            return now.progress is not None and now.progress.step >= 2

        until(trains, 90, "some epochs")
        os.kill(trainings.jobs[0].pid, signal.SIGKILL)

        def over() -> bool:
            trainings.step()
            return finetunes.view(database, made).state not in (JobState.PENDING, JobState.RUNNING)

        until(over, 90, "the end")
    finally:
        for job in trainings.jobs:
            job.kill_after(0.0)
    ended = finetunes.view(database, made)
    assert (ended.state, ended.plan) == (JobState.DONE, expected.plan)
    kept, whole = (
        load_file(models.folder(database, one.model) / "weights.safetensors")
        for one in (ended, expected)
    )
    assert all(torch.equal(kept[name], whole[name]) for name in whole)


def test_what_is_asked_for_by_the_api_waits_and_can_be_stopped_and_the_late_write_no_more(
    client, database, source, photos
):
    body = {"model": source, "data": {"source": str(photos)}}
    answer = client.post("/api/v1/finetunes", json=body)
    assert answer.status_code == 202, answer.text
    place = answer.headers["Location"]
    assert client.get(place).json() == answer.json()
    assert answer.json()["state"] == "pending"
    made = answer.json()["id"]
    fence = Fence(FINETUNE, database, made, FINETUNE.begin(database, made))
    fence.note(3, {"train_loss": 0.5})
    assert client.get(place).json()["progress"] == {"step": 3, "metrics": {"train_loss": 0.5}}
    assert client.post(f"{place}/stop").json()["state"] == "stopped"
    assert client.post(f"{place}/stop").status_code == 409
    with pytest.raises(LostOwnership, match="stopped"):
        fence.done("abc", [], 1, {})
    assert client.get("/api/v1/models/abc").status_code == 404


def test_a_repeat_with_the_same_key_is_the_same_fine_tuning(client, source, photos):
    key = {"Idempotency-Key": "once"}
    body = {"model": source, "data": {"source": str(photos)}}
    first = client.post("/api/v1/finetunes", json=body, headers=key)
    again = client.post("/api/v1/finetunes", json=body, headers=key)
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.json() == first.json()
    assert again.headers["location"] == first.headers["location"]
    other = client.post("/api/v1/finetunes", json=body | {"seed": 1}, headers=key)
    assert (other.status_code, other.json()["field"]) == (422, "Idempotency-Key")
    without = client.post("/api/v1/finetunes", json=body)
    assert without.json()["id"] != first.json()["id"]


def test_a_repeat_is_known_though_the_images_and_the_model_are_gone(
    client, database, source, photos, tmp_path
):
    place = shutil.copytree(photos, tmp_path / "photos")
    body = {"model": source, "data": {"source": str(place)}}
    key = {"Idempotency-Key": "once"}
    first = client.post("/api/v1/finetunes", json=body, headers=key)
    shutil.rmtree(place)
    with database.write() as connection:
        connection.execute(delete(model))
    again = client.post("/api/v1/finetunes", json=body, headers=key)
    assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])
    assert client.post("/api/v1/finetunes", json=body).status_code == 404


def test_what_cannot_be_tuned_is_refused_in_one_line(client, database, source, photos, tmp_path):
    data = {"source": str(photos)}
    for wrong, status, field in (
        ({}, 422, "model"),
        ({"model": source, "zoo": "lenet5"}, 422, "model"),
        ({"model": "nothing"}, 404, "model"),
        ({"model": source, "weights": "/x.pth"}, 422, "weights"),
        ({"zoo": "lenet6", "weights": "/x.pth"}, 422, "zoo"),
        ({"zoo": "lenet5"}, 422, "weights"),
        ({"zoo": "lenet5", "weights": str(tmp_path / "no.pth")}, 422, "weights"),
        ({"model": source, "recipe": {"epochs": 0}}, 422, "recipe.epochs"),
        ({"model": source, "recipe": {"speed": 1}}, 422, "recipe.speed"),
        ({"model": source, "data": {"source": str(tmp_path / "no")}}, 422, "data.source"),
    ):
        answer = client.post("/api/v1/finetunes", json={"data": data} | wrong)
        assert (answer.status_code, answer.json()["field"]) == (status, field), answer.text
    assert client.get("/api/v1/finetunes/none").status_code == 404
    # What only the images tell is the reason of its failure.
    bad = tmp_path / "weights.pth"
    torch.save({"some": torch.zeros(2)}, bad)
    failed = tune(
        database,
        FinetuneRequest(zoo="lenet5", weights=str(bad), data=DataSpec(source=str(photos))),
    )
    assert failed.state is JobState.FAILED
    assert "they are of another network" in failed.error
    with database.read() as connection:
        last = [e for e in eventlog.after(connection, 0) if e.kind is EventKind.FINETUNE_STATE][-1]
    assert (last.payload["state"], last.payload["error"]) == ("failed", failed.error)
