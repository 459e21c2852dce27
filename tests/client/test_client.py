"""The client against a real service: every route, pages, waiting, downloads, notebooks, errors."""

from __future__ import annotations

import dataclasses
import json
import shutil
import threading
from pathlib import Path
from typing import TYPE_CHECKING, get_type_hints
from xml.etree import ElementTree

import pytest
from PIL import Image

from nas.client import Client, ClientError, answers, datasets, findings, finetunes, offers
from service import searches
from service.auth import token_of
from tests.conftest import ROOT
from tests.service.making import run, toy_spec
from tests.test_architecture import loaded_by

if TYPE_CHECKING:
    from collections.abc import Callable

    from nas.client.datasets import DatasetView
    from tests.client.conftest import House

OPENAPI = json.loads((ROOT / "tests" / "golden" / "openapi.json").read_text())
NOT_OF_THE_CLIENT = {"post /api/v1/login", "post /api/v1/logout", "get /healthz", "get /readyz"}
NOT_OF_THE_CLIENT |= {"get /metrics"}  # for Prometheus
NOT_OF_THE_CLIENT |= {"head /api/v1/models/{model_id}/files/{name}"}
BLACK = [[[[0] * 8] * 8]]
SEARCH = "/api/v1/searches/{search_id}"
MODEL = "/api/v1/models/{model_id}"
FINETUNE = "/api/v1/finetunes/{finetune_id}"


def routes(client: Client, house: House, folder) -> dict[str, Callable[[], object]]:
    """Return what the client does for each route."""
    digits, toy = client.search(house.digits), client.search(house.toy)
    fresh = client.create(toy_spec(3).model_dump(mode="json"), name="fresh")
    model, all_three = digits.models()[0], {house.toy, house.digits, fresh.id}
    return {
        "get /api/v1/catalog": lambda: client.catalog().spaces[0].schema["type"] == "object",
        "get /api/v1/events": lambda: next(client.events()).kind == "search.created",
        "get /api/v1/health": lambda: client.health().database.ok,
        "get /api/v1/meta": lambda: client.meta().name == "nasturtium",
        "post /api/v1/architectures/preview": lambda: client.preview("toy", [0] * 6).params > 0,
        "post /api/v1/estimate": lambda: client.estimate(evaluator="toy", space="toy").basis,
        "post /api/v1/tokens": lambda: client.create_token("guest").token.startswith("nas_"),
        "get /api/v1/tokens": lambda: client.tokens()[0].name == "guest",
        "delete /api/v1/tokens/{token_id}": lambda: client.revoke_token(client.tokens()[0].id).id,
        "post /api/v1/datasets": lambda: client.add_dataset("here", photos(folder)).train == 12,
        "get /api/v1/datasets": lambda: client.datasets()[0].name == "digits",
        "get /api/v1/datasets/{name}": lambda: client.dataset("here").class_names == ["a", "b"],
        "put /api/v1/datasets/{name}/file": lambda: uploaded(client, folder).sha256,
        "delete /api/v1/datasets/{name}": lambda: [
            client.remove_dataset(name).name for name in ("here", "sent")
        ],
        "get /api/v1/workers": lambda: client.workers().machine.cpus > 0,
        "get /api/v1/zoo": lambda: client.zoo("lenet*")[0].params > 0,
        "get /api/v1/zoo/{name}": lambda: client.network("lenet5").layers[-1].output == [10],
        "get /api/v1/searches": lambda: {one.id for one in client.searches(page=1)} >= all_three,
        "get /api/v1/compare": lambda: client.compare([toy, digits.id]).items[0].trials == 7,
        "post /api/v1/searches": lambda: client.search(fresh.id).name == "fresh",
        f"get {SEARCH}": lambda: digits.state == "finished",
        f"patch {SEARCH}": lambda: fresh.change(trials=9, workers=3).view.limits.workers == 3,
        f"post {SEARCH}/clone": lambda: fresh.clone(name="twin").stop().name == "twin",
        f"post {SEARCH}/pause": lambda: fresh.pause().view.state == "paused",
        f"post {SEARCH}/resume": lambda: fresh.resume().view.desired == "run",
        f"post {SEARCH}/stop": lambda: fresh.stop().view.state == "stopped",
        f"delete {SEARCH}": lambda: fresh.delete().id == fresh.id,
        f"post {SEARCH}/restore": lambda: fresh.restore().view.state == "stopped",
        f"get {SEARCH}/trials": lambda: len(list(toy.trials(page=3))) == 7,
        f"get {SEARCH}/trials/{{number}}": lambda: toy.trial(1).detail().arch["space"] == "toy",
        f"get {SEARCH}/trials/{{number}}/layers": lambda: digits.trial(1).layers().layers[0].params,
        f"get {SEARCH}/trials/{{number}}/cells/{{cell}}.svg": lambda: "<svg" in cell(toy.trial(1)),
        f"get {SEARCH}/history": lambda: toy.history(after=4).number == [5, 6],
        f"get {SEARCH}/lineage": lambda: toy.lineage().trials == 7,
        f"get {SEARCH}/policy": lambda: toy.policy().every == 1,
        f"get {SEARCH}/pareto": lambda: digits.front(["accuracy", "-params"]).measured == 2,
        f"get {SEARCH}/failures": lambda: digits.failures().failed == 0,
        f"get {SEARCH}/operations": lambda: toy.operations(top=2).items[0].operation,
        f"get {SEARCH}/logs": lambda: logged(house) == toy.log(tail=2, trial=1),
        f"get {SEARCH}/comparison": lambda: digits.comparison() is None,
        f"post {SEARCH}/comparison": lambda: digits.compare(zoo=["lenet5"], seeds=2).total == 6,
        f"post {SEARCH}/comparison/stop": lambda: digits.stop_comparison().state == "stopped",
        f"get {SEARCH}/audit": lambda: digits.audit() is None,
        f"get {SEARCH}/models": lambda: digits.models()[0].view.search == digits.id,
        f"post {SEARCH}/models": lambda: digits.request_model().id == model.id,
        "post /api/v1/finetunes": lambda: client.start_finetune(model=model.id).plan is None,
        "get /api/v1/finetunes": lambda: next(client.finetunes(page=1)).wish.model == model.id,
        f"get {FINETUNE}": lambda: client.finetune(newest(client)).state == "pending",
        f"post {FINETUNE}/stop": lambda: client.stop_finetune(newest(client)).state == "stopped",
        f"get {MODEL}": lambda: client.model(model.id).wait().state == "done",
        f"get {MODEL}/files/{{name}}": lambda: digits.export(folder / "it").joinpath("card.json"),
        f"post {MODEL}/predict": lambda: (
            len(digits.models()[0].predict(arrays=BLACK, top=10)[0]) == 10
        ),
        f"get {SEARCH}/finals": lambda: digits.finals(top=2).finalists[0].selection is not None,
        f"post {SEARCH}/finals": lambda: digits.train_finals(top=1, seeds=2).round.total == 2,
        f"post {SEARCH}/finals/stop": lambda: digits.stop_finals().round.state == "stopped",
    }


def logged(house: House) -> str:
    """Return what a log of the first search says, which was run without one."""
    folder = house.home / "logs"
    folder.mkdir(exist_ok=True)
    lines = ["a first line", "a print", "trial 1, attempt 1: done", "more"]
    (folder / f"cli-{house.toy}.log").write_text("".join(f"{line}\n" for line in lines))
    return "a print\ntrial 1, attempt 1: done\n"


def photos(folder: Path) -> Path:
    """Return a folder of twelve images of two classes."""
    for number in range(12):
        place = folder / "photos" / "ab"[number % 2]
        place.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8), number).save(place / f"{number}.png")
    return folder / "photos"


def uploaded(client: Client, folder: Path) -> DatasetView:
    """Upload the same images, and watch how far it is."""
    file = Path(shutil.make_archive(str(folder / "photos"), "zip", folder / "photos"))
    told: list[tuple[int, int]] = []
    made = client.upload_dataset("sent", file, progress=lambda *now: told.append(now))
    assert told[-1] == (file.stat().st_size, file.stat().st_size)
    assert (made.train, made.kind) == (12, "upload")
    with pytest.raises(ClientError, match="is there already") as caught:
        client.upload_dataset("sent", large(folder))
    assert (caught.value.status, caught.value.field) == (409, "name")
    return made


def large(folder: Path) -> Path:
    """Return a file that no socket takes at once: a refusal has to come through all the same."""
    file = folder / "large.zip"
    with file.open("wb") as opened:
        opened.truncate(2**26)
    return file


def newest(client: Client) -> str:
    return next(client.finetunes()).id


def cell(trial) -> str:
    return trial.svg(trial.cells[0])


def test_an_estimate_without_measuring_comes_at_once(client):
    assert client.estimate(space="toy", measure=False).basis.startswith("not measured yet: ")


def test_every_route_has_a_method_with_a_typed_answer(client, house, tmp_path):
    table = routes(client, house, tmp_path)
    documented = {f"{m} {p}" for p, methods in OPENAPI["paths"].items() for m in methods}
    assert set(table) == documented - NOT_OF_THE_CLIENT
    for route, call in table.items():
        assert call(), route


def records() -> list[type]:
    modules = (answers, datasets, findings, finetunes, offers)
    found = [one for module in modules for one in vars(module).values()]
    return [one for one in found if dataclasses.is_dataclass(one) and isinstance(one, type)]


@pytest.mark.parametrize("record", [one for one in records() if one is not answers.Event])
def test_an_answer_has_the_fields_that_the_api_documents(record):
    documented = OPENAPI["components"]["schemas"][record.__name__]["properties"]
    assert set(get_type_hints(record)) == set(documented)


def test_a_field_that_the_client_does_not_know_is_left_out():
    told = {"name": "x", "version": "2", "scope": "read", "seq": 3, "new": 1}
    assert answers.read(offers.Meta, told).version == "2"


def test_an_answer_of_another_kind_is_one_line():
    with pytest.raises(ClientError, match="Meta that this client does not know: version: "):
        answers.read(offers.Meta, {"name": "x"})


def test_pages_give_every_trial_once_in_order(client, house):
    toy = client.search(house.toy)
    whole = [trial.number for trial in toy.trials()]
    assert whole == list(range(7)) == [trial.number for trial in toy.trials(page=2)]
    rewards = [trial.reward for trial in toy.trials(sort="-reward", page=3)]
    assert rewards == sorted(rewards, reverse=True)
    assert rewards[0] == toy.best.reward
    assert [trial.number for trial in toy.trials(state="failed")] == []
    found = toy.trials(filter=f"reward>{rewards[3]!r} and state=done", page=1)
    assert {trial.reward for trial in found} == {one for one in rewards if one > rewards[3]}


def test_the_columns_of_a_history_are_the_history(client, house):
    toy = client.search(house.toy)
    whole, columns = toy.history(), toy.columns()
    assert columns.number.tolist() == whole.number == list(range(7))
    assert (columns.reward.tolist(), columns.state) == (whole.reward, whole.state)
    assert toy.columns(after=4).number.tolist() == [5, 6]
    assert toy.columns(since=columns.seq).number.tolist() == []


def test_a_search_is_found_by_id_by_name_and_as_the_last(client, house):
    assert client.search(house.toy).id == house.toy
    assert client.search("small digits").id == house.digits
    assert client.search().id == next(client.searches()).id
    assert [one.id for one in client.searches(name="small*")] == [house.digits]
    with pytest.raises(ClientError, match="no search has the id or the name 'a/b'") as caught:
        client.search("a/b")
    assert (caught.value.status, caught.value.field) == (404, "search")


def test_a_search_that_was_thrown_away_is_listed_apart_and_taken_back(client):
    made = client.create(toy_spec(1).model_dump(mode="json"), name="rubbish").stop()
    made.delete()
    assert made.id not in {one.id for one in client.searches()}
    (found,) = [one for one in client.searches(deleted=True) if one.id == made.id]
    with pytest.raises(ClientError, match="no search"):
        client.search("rubbish")
    assert found.restore().id == client.search("rubbish").id


def test_a_refusal_names_field_value_and_what_is_allowed(client):
    with pytest.raises(ClientError) as caught:
        client.create(limits={"trials": 0}, seed="x")
    error = caught.value
    assert str(error).startswith("limits.trials: ")
    assert (error.status, error.field, error.value, error.allowed) == (
        422,
        "limits.trials",
        0,
        {"ge": 1},
    )
    assert [one["field"] for one in error.errors] == ["limits.trials", "seed"]
    with pytest.raises(ClientError, match=r"known: .*nasnet") as caught:
        client.create(space="moon")
    assert "toy" in caught.value.allowed


def test_waiting_ends_with_the_search_and_tells_how_far_it_is(client, house, capfd):
    made = client.create(toy_spec(4, seconds=0.05).model_dump(mode="json"), name="awaited")
    waiting = threading.Thread(target=made.wait, kwargs={"progress": True, "timeout": 60})
    waiting.start()
    assert run(house.database, made.id) == 0
    waiting.join(60)
    assert not waiting.is_alive()
    assert made.view.state == "finished"
    lines = [line for line in capfd.readouterr().err.splitlines() if line.startswith("awaited: ")]
    assert lines[0].startswith("awaited: pending, trials 0 of 4")
    assert lines[-1].startswith("awaited: finished, trials 4 of 4, best ")


def test_waiting_has_a_limit(client):
    made = client.create(toy_spec(4).model_dump(mode="json"), name="idle")
    with pytest.raises(ClientError, match=r"waited 0.3 seconds: idle: pending"):
        made.wait(timeout=0.3)
    assert made.pause().wait().view.state == "paused"
    made.stop()


def test_waiting_for_a_search_that_failed_says_why(client, house):
    made = client.create(toy_spec(1).model_dump(mode="json"), name="hopeless")
    from service.searchrows import SearchRows

    with house.database.write() as connection:
        SearchRows(connection, made.id).set_search(state="failed", reason="no disk")
    with pytest.raises(ClientError, match=f"search {made.id} failed: no disk"):
        made.wait()


def test_a_folder_with_other_files_is_not_replaced_but_a_model_is(client, house, tmp_path):
    digits = client.search(house.digits)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years")
    with pytest.raises(ClientError, match="holds other files"):
        digits.export(tmp_path / "mine")
    for _ in range(2):
        folder = digits.export(tmp_path / "model")
    listed = {file.name: file.size_bytes for file in digits.models()[0].files}
    assert {path.name: path.stat().st_size for path in folder.iterdir()} == listed
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "model"]


def test_images_are_classified_by_path_by_bytes_and_as_arrays(client, house, tmp_path):
    from PIL import Image

    path = tmp_path / "black.png"
    Image.new("L", (8, 8)).save(path)
    model = client.search(house.digits).models()[0]
    by_path, by_bytes = model.predict([path, path.read_bytes()], top=3)
    assert by_path == by_bytes == model.predict(arrays=BLACK, top=3)[0]
    assert by_path[0].probability >= by_path[1].probability
    with pytest.raises(ClientError, match=r"nowhere.png: No such file"):
        model.predict([tmp_path / "nowhere.png"])
    with pytest.raises(ClientError, match="either images or arrays"):
        model.predict([path], arrays=BLACK)


def test_a_notebook_shows_a_search_without_running_its_name(client, house):
    html = client.search(house.toy)._repr_html_()
    assert "a &lt;script&gt;toy" in html
    assert "<script" not in html
    assert "7 of 7" in html
    best = client.search(house.toy).best
    assert f"trial {best.number}, " in html
    assert 'src="data:image/svg+xml;base64,' in html
    ElementTree.fromstring(html)
    assert "test accuracy" in client.search(house.digits)._repr_html_()


def test_a_notebook_shows_the_cells_of_a_trial(client, house):
    trial = client.search(house.toy).trial(2)
    drawing = ElementTree.fromstring(trial._repr_svg_())
    names = [one.text for one in drawing if one.tag.endswith("text")]
    assert names == list(trial.cells) == trial.detail().cells
    inner = [one for one in drawing if one.tag.endswith("svg")]
    assert len(inner) == len(names)
    assert float(drawing.get("width")) == max(float(one.get("width")) for one in inner)


def test_a_representation_has_no_token(client, house):
    shown = f"{client!r} {client.search(house.toy)!r} {client.search(house.toy).trial(0)!r}"
    assert token_of(house.database.settings) not in shown
    assert house.toy in shown


def test_a_spec_of_python_is_a_spec_of_the_service(client, house):
    made = client.create(toy_spec(2).model_dump(mode="json"), name="same")
    assert made.view.spec == searches.view(house.database, made.id).spec
    made.stop()


def test_the_client_loads_without_torch_ray_or_the_service():
    heavy = {"torch", "ray", "fastapi", "sqlalchemy", "typer", "service", "searchspaces", "optuna"}
    assert loaded_by(["nas.client"], heavy) == []
