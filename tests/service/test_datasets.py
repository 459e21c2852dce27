"""Data sets by name: registered, uploaded, refused, cut off, used by a search, removed."""

from __future__ import annotations

import hashlib
import io
import json
import socket
import threading
import zipfile
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import insert, update

from nas.data import DataSpec
from nas.events import EventKind
from nas.spec import SearchSpec
from nas.store import Desired
from service import cloning, datasets, eventlog, examining, searches, tokens, uploads
from service.db import Database
from service.errors import UserError
from service.settings import Settings
from service.tables import dataset, search
from service.tokens import Scope
from tests.service.living import Api, until
from tests.service.making import digits_spec, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATH = "/api/v1/datasets"


def picture(shade: int = 0, mode: str = "L") -> bytes:
    file = io.BytesIO()
    colour = shade if mode == "L" else (shade, 0, 0)
    Image.new(mode, (8, 8), colour).save(file, "PNG")
    return file.getvalue()


def zipped(names: dict[str, bytes] | None = None) -> bytes:
    """Return a .zip; without names, one of 24 images that a search can use."""
    if names is None:
        names = {
            f"{kind}/{n}.png": picture(shade + n)
            for kind, shade in (("dark", 0), ("light", 200))
            for n in range(12)
        }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in names.items():
            archive.writestr(name, content)
    return file.getvalue()


def arrays(**more: np.ndarray) -> bytes:
    file = io.BytesIO()
    given = {"x_train": np.zeros((24, 8, 8, 3), np.uint8), "y_train": np.arange(24) % 3} | more
    np.savez_compressed(file, **given)
    return file.getvalue()


def files(settings: Settings) -> list[str]:
    """Return the names of what lies in the folder of uploads."""
    return sorted(one.name for one in settings.folder("datasets").iterdir())


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.load(home=tmp_path / "home", upload_bytes=50_000)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "photos"
    for kind in ("dark", "light"):
        (place / kind).mkdir(parents=True)
        for n in range(6):
            (place / kind / f"{n}.png").write_bytes(picture(n, "RGB"))
    return place


def test_the_built_in_ones_are_listed_with_their_figures(client):
    items = client.get(PATH).json()["items"]
    assert [(one["name"], one["kind"]) for one in items[:2]] == [
        ("digits", "embedded"),
        ("mnist", "download"),
    ]
    digits = client.get(f"{PATH}/digits").json()
    assert digits == items[0]
    assert (digits["classes"], digits["train"], digits["test"]) == (10, 1797, 0)
    assert (digits["channels"], digits["height"], digits["state"]) == (1, 8, "ready")
    hundred = client.get(f"{PATH}/cifar100").json()
    assert (len(hundred["class_names"]), hundred["train"], hundred["test"]) == (100, 50000, 10000)
    assert hundred["reason"] == "downloaded on first use"


def test_a_folder_is_registered_listed_and_forgotten_and_never_touched(client, folder):
    answer = client.post(PATH, json={"name": "photos", "path": str(folder)})
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert answer.headers["location"] == f"{PATH}/photos"
    assert (made["kind"], made["state"], made["path"]) == ("folder", "ready", str(folder))
    assert (made["class_names"], made["train"], made["channels"]) == (["dark", "light"], 12, 3)
    assert made["smallest"] == made["largest"] == {"height": 8, "width": 8}
    assert made["size_bytes"] == sum(one.stat().st_size for one in folder.rglob("*.png"))
    assert client.get(PATH).json()["items"][-1] == client.get(f"{PATH}/photos").json() == made
    offered = client.get("/api/v1/catalog").json()["datasets"][-1]
    assert offered == {
        "name": "photos",
        "summary": f"12 colour images of 8x8, 2 classes; {folder}",
    }
    assert client.delete(f"{PATH}/photos").json() == made
    assert client.get(f"{PATH}/photos").status_code == 404
    assert len(list(folder.rglob("*.png"))) == 12


def test_a_repeat_with_the_same_key_is_the_same_data_set(client, folder):
    body, key = {"name": "photos", "path": str(folder)}, {"Idempotency-Key": "once"}
    first = client.post(PATH, json=body, headers=key)
    again = client.post(PATH, json=body, headers=key)
    assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
    assert client.post(PATH, json=body).status_code == 409
    other = client.post(PATH, json=body | {"name": "pictures"}, headers=key)
    assert (other.status_code, other.json()["field"]) == (422, "Idempotency-Key")


class Turn:
    """The turn to read a data set, given to nobody before it is opened."""

    def __init__(self) -> None:
        self.asked, self.opened, self.lock = threading.Semaphore(0), threading.Event(), Lock()

    def acquire(self, timeout: float) -> bool:
        self.asked.release()
        return self.opened.wait(timeout) and self.lock.acquire(timeout=timeout)

    def release(self) -> None:
        self.lock.release()


def test_two_at_once_with_the_same_key_are_one_data_set(client, folder, monkeypatch):
    turn, answers = Turn(), []
    monkeypatch.setattr(examining, "_turn", turn)
    body, key = {"name": "photos", "path": str(folder)}, {"Idempotency-Key": "once"}

    def send() -> None:
        answers.append(client.post(PATH, json=body, headers=key))

    threads = [threading.Thread(target=send) for _ in range(2)]
    for thread in threads:
        thread.start()
    assert all(turn.asked.acquire(timeout=30) for _ in threads)  # both have found no earlier one
    turn.opened.set()
    for thread in threads:
        thread.join()
    assert [one.status_code for one in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()


def test_a_repeat_needs_no_folder_any_more_but_the_data_set(client, folder):
    body, key = {"name": "photos", "path": str(folder)}, {"Idempotency-Key": "once"}
    first = client.post(PATH, json=body, headers=key)
    folder.rename(folder.with_name("moved"))
    again = client.post(PATH, json=body, headers=key)
    assert (again.status_code, again.json()["created_at"]) == (201, first.json()["created_at"])
    client.delete(f"{PATH}/photos")
    gone = client.post(PATH, json=body, headers=key)
    assert (gone.status_code, gone.json()["field"]) == (409, "Idempotency-Key")
    assert "is gone: no data set 'photos'" in gone.json()["detail"]
    assert (gone.json()["value"], gone.json()["allowed"]) == ("once", "a new key to make it again")


@pytest.mark.parametrize(
    ("body", "field", "text"),
    [
        ({"name": "../up", "path": "/x"}, "name", "pattern"),
        ({"name": "Up", "path": "/x"}, "name", "pattern"),
        ({"name": "a" * 65, "path": "/x"}, "name", "pattern"),
        ({"name": "digits", "path": "/x"}, "name", "built-in"),
        ({"name": "pets", "path": "/no/such/folder"}, "path", "No such file"),
        ({"name": "pets", "path": "~nobody-here/x"}, "path", "No such file"),
        ({"name": "pets", "path": "nul\x00"}, "path", "pattern"),
        ({"name": "pets"}, "path", "required"),
        ({"name": "pets", "path": "/x", "kind": "zip"}, "kind", "not permitted"),
    ],
)
def test_what_cannot_be_registered_names_the_field(client, body, field, text):
    answer = client.post(PATH, json=body)
    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert text in answer.json()["detail"]


def told(database: Database) -> list[tuple[str, str, str]]:
    """Return name, state and reason of what the events say of data sets."""
    with database.read() as connection:
        events = eventlog.after(connection, 0)
    found = [one for one in events if one.kind is EventKind.DATASET_STATE]
    assert all(one.search is None for one in found)
    return [(e.payload["dataset"], e.payload["state"], e.payload.get("reason", "")) for e in found]


def test_what_becomes_of_a_data_set_is_told_by_events(client, database, folder):
    client.post(PATH, json={"name": "photos", "path": str(folder)})
    client.put(f"{PATH}/shades/file", content=zipped())
    client.delete(f"{PATH}/photos")
    client.put(f"{PATH}/shades/file", content=zipped())  # is refused: nothing has changed
    client.put(f"{PATH}/bad/file", content=b"not a zip")
    assert told(database) == [
        ("photos", "ready", ""),
        ("shades", "pending", ""),
        ("shades", "ready", ""),
        ("photos", "removed", ""),
        ("bad", "pending", ""),
        ("bad", "failed", "bad: neither a .zip of images nor a .npz"),
    ]


def test_a_folder_without_images_says_so(client, tmp_path):
    (tmp_path / "empty").mkdir()
    answer = client.post(PATH, json={"name": "empty", "path": str(tmp_path / "empty")})
    assert (answer.status_code, answer.json()["field"]) == (422, "path")
    assert answer.json()["detail"].startswith(f"{tmp_path / 'empty'}: no images in it; allowed are")


def test_an_upload_is_kept_under_its_name_with_its_hash(client, settings):
    content = zipped()
    answer = client.put(f"{PATH}/shades/file", content=content)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert answer.headers["location"] == f"{PATH}/shades"
    assert made["sha256"] == hashlib.sha256(content).hexdigest()
    assert (made["kind"], made["path"], made["size_bytes"]) == ("upload", None, len(content))
    assert (made["class_names"], made["train"], made["channels"]) == (["dark", "light"], 24, 1)
    (name,) = files(settings)
    assert (settings.folder("datasets") / name).read_bytes() == content
    assert name.startswith("shades-")
    assert name.endswith(".zip")

    again = client.put(f"{PATH}/shades/file", content=content)
    assert (again.status_code, again.json()["field"]) == (409, "name")
    taken = client.post(PATH, json={"name": "shades", "path": "/tmp"})
    assert (taken.status_code, taken.json()["field"]) == (409, "name")
    assert files(settings) == [name]

    assert client.delete(f"{PATH}/shades").json() == made
    assert files(settings) == []


def test_arrays_are_known_by_their_contents(client, settings):
    assert client.put(f"{PATH}/arrays/file", content=arrays()).json()["classes"] == 3
    assert files(settings)[0].endswith(".npz")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "the file is empty"),
        (b"not a zip", "pets: neither a .zip of images nor a .npz"),
        (b"PK, but no more", "pets: neither a .zip of images nor a .npz: File is not a zip file"),
        (zipped()[:-30], "neither a .zip of images nor a .npz"),
        (zipped({"readme.txt": b"hello"}), "pets: no images in it"),
        (zipped({"../../up/0.png": picture()}), "leads out of the archive"),
        (zipped({"/etc/cat/0.png": picture()}), "leads out of the archive"),
        (zipped({"cat/0.png": b"0" * 300_000}), "300000 bytes unpacked, allowed are 200000"),
        (arrays(x_train=np.zeros((24, 99, 99), np.uint8)), "unpacked, allowed are 50000"),
        (arrays(y_train=np.zeros(3, np.uint8)), "3 labels for 24 images"),
        (zipped({f"{k}/{n}.png": b"none" for k in "ab" for n in range(9)}), "cannot be read as an"),
    ],
)
def test_what_is_no_data_set_is_refused_and_leaves_nothing(client, settings, content, text):
    answer = client.put(f"{PATH}/pets/file", content=content)
    assert answer.status_code == 422, answer.text
    assert answer.json()["field"] == "body"
    assert text in answer.json()["detail"]
    assert str(settings.home) not in answer.json()["detail"]
    assert files(settings) == []
    assert client.get(f"{PATH}/pets").status_code == 404


@pytest.mark.parametrize("name", ["digits", "UP", "a.b", "%2e%2e", "..%2f..%2fetc", "a" * 65])
def test_a_name_that_is_not_allowed_is_refused(client, settings, name):
    answer = client.put(f"{PATH}/{name}/file", content=zipped())
    assert answer.status_code in (404, 405, 422)
    assert answer.headers["content-type"] == "application/problem+json"
    assert files(settings) == []


def test_a_full_disk_is_told_before_anything_is_written(client, settings, monkeypatch):
    monkeypatch.setattr(uploads, "SPARE_BYTES", 2**62)
    answer = client.put(f"{PATH}/pets/file", content=zipped())
    assert answer.status_code == 507
    assert "disk is too full" in answer.json()["detail"]
    assert files(settings) == []


def test_what_is_built_in_cannot_be_removed_and_what_is_not_there_neither(client):
    answer = client.delete(f"{PATH}/digits")
    assert (answer.status_code, answer.json()["field"]) == (422, "name")
    assert client.delete(f"{PATH}/nothing").status_code == 404


def test_reading_needs_read_and_writing_needs_write(anonymous, database):
    made = tokens.create(database, "looker", Scope.READ)
    looker = {"Authorization": f"Bearer {made.token}"}
    assert anonymous.get(PATH, headers=looker).status_code == 200
    for method, path in (("POST", PATH), ("PUT", f"{PATH}/a/file"), ("DELETE", f"{PATH}/a")):
        answer = anonymous.request(method, path, headers=looker)
        assert (answer.status_code, answer.json()["allowed"]) == (403, "write")
        assert anonymous.request(method, path).status_code == 401


def test_a_folder_that_has_gone_is_told(client, folder):
    client.post(PATH, json={"name": "photos", "path": str(folder)})
    folder.rename(folder.with_name("moved"))
    found = client.get(f"{PATH}/photos").json()
    assert (found["state"], found["reason"]) == ("failed", f"{folder} is not there any more")
    assert client.get("/api/v1/catalog").json()["datasets"][-1]["name"] != "photos"


def test_a_search_on_an_upload_runs_to_its_end_and_keeps_it_until_then(client, database):
    client.put(f"{PATH}/shades/file", content=zipped())
    body = digits_spec(1).model_dump(mode="json")
    body["data"] = {"source": "shades", "path": "/etc/passwd"}  # a path of the sender's is ignored
    estimated = client.post("/api/v1/estimate", json=body | {"data": {"source": "shade"}})
    assert (estimated.status_code, estimated.json()["field"]) == (422, "data.source")
    cheap = {"evaluator": "zero_cost", "objective": {"metric": "params"}}
    estimated = client.post("/api/v1/estimate", json=body | cheap)
    assert estimated.status_code == 200, estimated.text
    answer = client.post("/api/v1/searches", json=body)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    data = made["spec"]["data"]
    assert data["source"] == "shades"
    assert data["path"].startswith(str(database.settings.folder("datasets")))

    refused = client.delete(f"{PATH}/shades")
    assert (refused.status_code, refused.json()["field"]) == (409, "name")
    assert made["id"] in refused.json()["detail"]
    assert run(database, made["id"]) == 0
    view = client.get(f"/api/v1/searches/{made['id']}").json()
    assert (view["state"], view["counts"]["done"]) == ("finished", 1)

    # It is found again by who goes on, asks for more, or does the same again.
    client.patch(f"/api/v1/searches/{made['id']}", json={"trials": 2})
    assert client.post(f"/api/v1/searches/{made['id']}/resume").is_success
    assert run(database, made["id"]) == 0
    assert client.get(f"/api/v1/searches/{made['id']}").json()["counts"]["done"] == 2
    again = client.post(f"/api/v1/searches/{made['id']}/clone", json={"name": "again"}).json()
    assert again["spec"]["data"] == data
    searches.request(database, again["id"], Desired.STOP)

    assert client.post(f"/api/v1/searches/{made['id']}/finals", json={"epochs": 1}).is_success
    assert "used by search" in client.delete(f"{PATH}/shades").json()["detail"]
    client.post(f"/api/v1/searches/{made['id']}/finals/stop")
    assert client.delete(f"{PATH}/shades").status_code == 200
    lost = client.post("/api/v1/searches", json=body)
    assert (lost.status_code, lost.json()["field"]) == (422, "data.source")
    assert "registered" in lost.json()["detail"]


def test_a_search_made_while_its_images_are_removed_is_refused(client, database):
    client.put(f"{PATH}/shades/file", content=zipped())
    spec = digits_spec(1).model_copy(update={"data": DataSpec(source="shades")})
    with database.write() as connection:
        connection.execute(update(dataset).values(path="elsewhere"))
    with pytest.raises(UserError, match="elsewhere"):
        searches.create(database, spec)


def test_a_clone_has_the_images_that_the_name_has_now(client, database, folder):
    client.post(PATH, json={"name": "photos", "path": str(folder)})
    spec = digits_spec(1).model_copy(update={"data": DataSpec(source="photos")})
    first = searches.create(database, spec)
    searches.request(database, first, Desired.STOP)
    assert client.delete(f"{PATH}/photos").status_code == 200
    client.put(f"{PATH}/photos/file", content=zipped())
    second = searches.create(database, cloning.described(database, first, {}))
    paths = [searches.view(database, one).spec["data"]["path"] for one in (first, second)]
    assert paths[0] == str(folder)
    assert "datasets/photos-" in paths[1]


def test_a_finetuning_finds_the_images_and_keeps_them(client, database, folder, tmp_path):
    client.post(PATH, json={"name": "photos", "path": str(folder)})
    weights = tmp_path / "weights.safetensors"
    weights.write_bytes(b"")
    body = {"zoo": "resnet18", "weights": str(weights), "data": {"source": "photos"}}
    made = client.post("/api/v1/finetunes", json=body)
    assert made.status_code == 202, made.text
    assert made.json()["wish"]["data"]["path"] == str(folder)
    assert made.json()["id"] in client.delete(f"{PATH}/photos").json()["detail"]
    client.post(f"/api/v1/finetunes/{made.json()['id']}/stop")
    assert client.delete(f"{PATH}/photos").status_code == 200


def test_leftovers_go_and_what_is_there_or_growing_stays(database):
    place = database.settings.folder("datasets")
    kept = place / "kept-00000000.zip"
    for file in (kept, place / "dead-00000000.part", place / "dead-11111111.zip"):
        file.write_bytes(b"x")
    about = {"name": "kept", "kind": "upload", "about": {}, "sha256": "", "created_at": 0}
    with database.write() as connection:
        connection.execute(insert(dataset).values(**about, path=str(kept), state="ready"))
        dead = about | {"name": "dead", "path": str(place / "dead-00000000.part")}
        connection.execute(insert(dataset).values(**dead, state="pending"))
    growing = uploads.Upload(database, "growing")
    uploads.tidy(database)
    assert files(database.settings) == [growing.path.name, kept.name]
    assert [one.name for one in datasets.registered(database)] == ["growing", "kept"]
    why = "the process that received it has ended"
    assert told(database) == [("dead", "failed", why), ("growing", "pending", "")]
    assert datasets.view(database, "growing").state == "pending"
    growing.abort()
    assert files(database.settings) == [kept.name]
    assert told(database)[-1] == ("growing", "failed", "it was cut off")


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    """The API in a process of its own: sockets can be cut, and it can be killed."""
    living = Api(Settings.load(home=tmp_path / "living", upload_bytes=3_000_000))
    try:
        with living.client() as asking:
            assert asking.get("/healthz").status_code == 200
        yield living
    finally:
        living.close()


def begun(api: Api, name: str, head: str) -> socket.socket:
    """Return a connection that has sent the head of an upload and 100,000 bytes."""
    connection = socket.create_connection(("127.0.0.1", api.settings.port))
    host = f"Host: 127.0.0.1:{api.settings.port}\r\n"
    token = f"Authorization: {api.headers['Authorization']}\r\n"
    request = f"PUT {PATH}/{name}/file HTTP/1.1\r\n{host}{token}{head}\r\n"
    body = f"{100_000:x}\r\n" if "chunked" in head else ""
    connection.sendall((request + "\r\n" + body).encode() + b"x" * 100_000)
    return connection


def state_of(api: Api, name: str) -> str | None:
    with api.client() as client:
        return client.get(f"{PATH}/{name}").json().get("state")


def test_uploads_that_are_cut_doubled_too_large_or_killed_leave_nothing(api):
    settings = api.settings
    cut = begun(api, "cut", "Content-Length: 2000000")
    until(lambda: state_of(api, "cut") == "pending", what="the upload to begin")
    with api.client() as client:  # a second of the same name
        second = client.put(f"{PATH}/cut/file", content=zipped())
        assert (second.status_code, second.json()["detail"]) == (
            409,
            "data set cut is being uploaded",
        )
        assert client.delete(f"{PATH}/cut").status_code == 409
        body = digits_spec(1).model_dump(mode="json") | {"data": {"source": "cut"}}
        assert client.post("/api/v1/searches", json=body).status_code == 409
        assert len(files(settings)) == 1
        cut.close()
        until(lambda: state_of(api, "cut") is None, what="the end of what was cut")
        assert files(settings) == []
        with client.stream("GET", "/api/v1/events") as stream:
            lines = (line for line in stream.iter_lines() if line.startswith("data: "))
            heard = [json.loads(next(lines).removeprefix("data: ")) for _ in range(2)]
        assert [one["kind"] for one in heard] == ["dataset.state"] * 2
        assert [one["payload"] for one in heard] == [
            {"dataset": "cut", "state": "pending"},
            {"dataset": "cut", "state": "failed", "reason": "it was cut off"},
        ]

        # Too large: by what the head says, and by what comes without its saying so.
        large = client.put(f"{PATH}/large/file", content=b"x" * 3_000_001)
        assert large.status_code == 413
        pieces = (b"x" * 100_000 for _ in range(40))
        large = client.put(f"{PATH}/large/file", content=pieces)
        assert (large.status_code, large.json()["field"]) == (413, "body")
        assert "3000000 bytes (NAS_UPLOAD_BYTES" in large.json()["detail"]
        assert files(settings) == []
        pieces = (zipped()[i : i + 100] for i in range(0, len(zipped()), 100))
        assert client.put(f"{PATH}/small/file", content=pieces).status_code == 201
        (small,) = files(settings)

    with begun(api, "killed", "Transfer-Encoding: chunked"):
        until(lambda: state_of(api, "killed") == "pending", what="the upload to begin")
        api.kill()
    assert len(files(settings)) == 2
    api.start()
    until(lambda: state_of(api, "small") == "ready", what="the API")
    assert state_of(api, "killed") is None
    assert files(settings) == [small]


def test_of_two_uploads_at_once_one_is_kept(client, settings):
    answers = []

    def send() -> None:
        answers.append(client.put(f"{PATH}/twice/file", content=zipped()).status_code)

    threads = [threading.Thread(target=send) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [201, 409]
    assert len(files(settings)) == 1


def test_a_description_without_a_registered_name_is_as_it_was(database):
    spec = SearchSpec.model_validate({"data": {"source": "digits"}})
    with Database.open(database.settings) as again:
        search_id = searches.create(again, spec)
        with again.read() as connection:
            row = connection.execute(search.select().where(search.c.id == search_id)).one()
    assert "path" not in row.spec["data"]
