"""Predictions over HTTP: the same answers as in Python, limits, errors, many at once."""

from __future__ import annotations

import base64
import io
import random
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from types import SimpleNamespace

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from nas.export import export
from nas.predict import Predictor
from searchspaces import Task
from searchspaces.catalog import SPACES
from searchspaces.scale import Scale
from service import models, predicting, searches
from service.app import create_app
from service.auth import token_of
from service.clock import now
from service.db import Database
from service.guard import MOST_BODY_BYTES, MOST_IMAGE_BYTES
from service.routes.predict import MOST_IMAGES, MOST_PIXELS
from service.settings import Settings
from service.states import ModelState
from tests.conftest import ROOT
from tests.service.making import digits_spec, run

TASK, SCALE = Task(1, 8, 8, 10), Scale(filters=4)
CARD = {"classes": tuple("0123456789"), "mean": (0.3,), "std": (0.4,)}

# Pillow would hand it to Ghostscript.
POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\nshowpage\n"


def exported(folder, seed: int) -> list[dict[str, object]]:
    space = SPACES.create("toy")
    arch = space.decode(space.sample(random.Random(seed)))
    model = space.build(arch, TASK, SCALE)
    return [asdict(one) for one in export(folder, model, arch, TASK, SCALE, card=CARD)]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """An API with a model of trial 0 that is done, and one of trial 1 that waits."""
    settings = Settings.load(home=tmp_path_factory.mktemp("predict") / "home")
    with Database.open(settings) as database:
        search_id = searches.create(database, digits_spec(2, final_epochs=0))
        assert run(database, search_id) == 0
        done, waits = (models.request(database, search_id, trial) for trial in (0, 1))
        folder = models.folder(database, done)
        files = exported(folder, 0)
        models.change(database, done, state=ModelState.DONE, files=files, ended_at=now())
    app = create_app(settings)
    with TestClient(app, base_url="http://localhost:8000", raise_server_exceptions=False) as client:
        client.headers["Authorization"] = f"Bearer {token_of(settings)}"
        yield SimpleNamespace(
            client=client, url=f"/api/v1/models/{done}/predict", waits=waits, folder=folder
        )


@pytest.fixture
def post(world):
    def send(json=None, url=world.url, **more):
        return world.client.post(url, json=json, **more)

    return send


def png(seed: int, side: int = 8) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def text(content: bytes) -> str:
    return base64.b64encode(content).decode()


def test_images_get_the_answers_of_the_folder(post, world):
    contents = [png(seed, side) for seed, side in ((0, 8), (1, 8), (2, 20))]
    answer = post({"images": [text(content) for content in contents]}, params={"top": 3})
    assert answer.status_code == 200
    predictor = Predictor(world.folder)
    images = predictor.pictures({str(n): one for n, one in enumerate(contents)})
    wanted = predictor.guesses(predictor.probabilities(images), 3)
    given = answer.json()["predictions"]
    assert [[g["name"] for g in row] for row in given] == [[g.name for g in row] for row in wanted]
    for ours, theirs in zip(wanted, given, strict=True):
        for one, other in zip(ours, theirs, strict=True):
            assert one.probability == pytest.approx(other["probability"], abs=1e-6)
            assert one.number == other["number"]


def test_one_file_as_the_body_and_arrays_are_the_same_as_base64(post):
    content = png(5)
    pixels = np.asarray(Image.open(io.BytesIO(content))).tolist()
    first = post({"images": [text(content)]}).json()
    assert post(content=content, headers={"Content-Type": "image/png"}).json() == first
    assert post({"arrays": [[pixels]]}).json() == first
    assert len(first["predictions"][0]) == 5


def test_many_clients_at_once_get_each_their_own_answer(post):
    alone = [post({"images": [text(png(seed))]}).json() for seed in range(12)]
    with ThreadPoolExecutor(12) as pool:
        together = list(
            pool.map(lambda seed: post({"images": [text(png(seed))]}).json(), range(12))
        )
    for one, other in zip(alone, together, strict=True):
        first, second = one["predictions"][0], other["predictions"][0]
        assert [g["name"] for g in first] == [g["name"] for g in second]
        for g, h in zip(first, second, strict=True):
            assert g["probability"] == pytest.approx(h["probability"], abs=1e-5)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "images"),
        ({"images": [], "arrays": None}, "images"),
        ({"images": [""], "arrays": [[[[0]]]]}, "images"),
        ({"images": ["?"]}, "images.0"),
        ({"images": [text(png(0)), text(b"no image")]}, "images.1"),
        ({"images": [text(POSTSCRIPT)]}, "images.0"),
        ({"images": [""] * (MOST_IMAGES + 1)}, "images"),
        ({"arrays": [[[[256]]]]}, "arrays.0.0.0.0"),
        ({"arrays": [[[[1.5]]]]}, "arrays.0.0.0.0"),
        ({"arrays": [[[[0, 0], [0]]]]}, "arrays"),
        ({"arrays": [[[[0]], [[0]]]]}, "arrays"),
        ({"arrays": [[]]}, "arrays"),
        ({"pictures": []}, "pictures"),
    ],
)
def test_a_wrong_body_is_a_422_that_names_the_field(post, body, field):
    answer = post(body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["field"] == field


def test_top_has_limits(post):
    for top in (0, 1001):
        answer = post({"images": [text(png(0))]}, params={"top": top})
        assert (answer.status_code, answer.json()["field"]) == (422, "top")


def test_too_many_bytes_are_a_413_with_and_without_a_length(post):
    def pieces():
        for _ in range(MOST_IMAGE_BYTES // 2**20 + 1):
            yield b" " * 2**20

    for content in (b" " * (MOST_IMAGE_BYTES + 1), pieces()):
        answer = post(content=content, headers={"Content-Type": "application/json"})
        assert answer.status_code == 413


def test_more_than_other_routes_take_is_taken_here_alone(post, world):
    content = b" " * (MOST_BODY_BYTES + 1)
    headers = {"Content-Type": "application/json"}
    assert post(content=content, headers=headers).status_code == 422
    other = world.client.post("/api/v1/searches", content=content, headers=headers)
    assert other.status_code == 413


def test_a_small_file_with_a_huge_picture_is_a_413(post):
    side = int(MOST_PIXELS**0.5) + 1
    out = io.BytesIO()
    Image.new("1", (side, side)).save(out, "PNG")
    assert len(out.getvalue()) < 100_000
    answer = post({"images": [text(out.getvalue())]})
    assert answer.status_code == 413
    assert f"allowed: {MOST_PIXELS:,}" in answer.json()["detail"]


def test_more_images_than_fit_in_memory_for_a_network_are_a_413(post, world, monkeypatch):
    monkeypatch.setattr(predicting, "WAITING_BYTES", 3 * 4 * 64)
    world.client.app.state.serving.close()  # it is read again, with the smaller limit
    assert post({"images": [text(png(0))] * 3}).status_code == 200
    answer = post({"images": [text(png(0))] * 4})
    assert answer.status_code == 413
    assert answer.json()["detail"] == "4 images for this network (allowed: 3)"
    world.client.app.state.serving.close()


def test_another_content_type_is_a_415(post):
    assert post(content=b"x", headers={"Content-Type": "text/plain"}).status_code == 415
    answer = post(content=b"not json", headers={"Content-Type": "application/json"})
    found = answer.json()
    assert (answer.status_code, found["field"], found["allowed"]) == (
        422,
        "body",
        "application/json",
    )
    assert re.match(r"body: no JSON: .* line 1 column 2", found["detail"]), found


def test_a_model_that_is_not_there_or_not_made_is_said_so(post, world):
    body = {"images": [text(png(0))]}
    assert post(body, url="/api/v1/models/nope/predict").status_code == 404
    answer = post(body, url=f"/api/v1/models/{world.waits}/predict")
    assert (answer.status_code, answer.json()["field"]) == (409, "model")
    assert "is pending: it has no network yet" in answer.json()["detail"]


def test_the_api_starts_without_torch():
    code = (
        "import sys; from service.app import create_app; import service.routes.predict;"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
