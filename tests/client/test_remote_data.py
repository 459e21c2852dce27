"""``nas data`` on the folder and through a server: the same names, the same refusals."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from tests.client.test_remote import both, nas

if TYPE_CHECKING:
    from pathlib import Path

    from tests.client.conftest import House


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for number in range(12):
        place = tmp_path / "photos" / "ab"[number % 2]
        place.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8), number).save(place / f"{number}.png")
    shutil.make_archive(str(tmp_path / "photos"), "zip", tmp_path / "photos")
    return tmp_path / "photos"


@pytest.mark.parametrize("through", [False, True], ids=["folder", "server"])
def test_images_get_a_name_are_listed_and_forgotten(house: House, photos: Path, through: bool):
    place = ["--home", str(house.home), *(["--server", house.url] if through else [])]
    told = nas(*place, "data", "add", "here", str(photos))
    assert told == "here: 12 training and 0 test images, 2 classes\n"
    sent = json.loads(nas(*place, "data", "upload", "sent", f"{photos}.zip", "--json"))
    assert (sent["kind"], sent["train"], sent["class_names"]) == ("upload", 12, ["a", "b"])
    line = nas(*place, "data", "add", "here", str(photos), code=2)
    assert line == "error: data set here is there already\n"

    listed = [line.split() for line in nas(*place, "data", "list").splitlines()]
    assert listed[1][:6] == ["digits", "embedded", "10", "1,797", "0", "grey"]
    assert [line[:7] for line in listed[-2:]] == [
        ["here", "folder", "2", "12", "0", "grey", "8x8"],
        ["sent", "upload", "2", "12", "0", "grey", "8x8"],
    ]
    told = nas(*place, "data", "remove", "here")
    assert told == f"here is forgotten; {photos} stays\n"
    assert nas(*place, "data", "remove", "sent") == "sent is gone\n"
    assert len(list(photos.rglob("*.png"))) == 12


@pytest.mark.parametrize(
    ("command", "text"),
    [
        (["add", "Up", "."], "no name of a data set|pattern"),
        (["add", "digits", "."], "built-in"),
        (["add", "none", "/no/such/place"], "No such file"),
        (["upload", "none", "/no/such.zip"], "No such file"),
        (["remove", "none"], "no data set 'none'"),
    ],
)
def test_a_refusal_is_one_line_on_both_ways(house: House, command: list[str], text: str):
    place = ["--home", str(house.home)]
    for through in ([], ["--server", house.url]):
        line = nas(*place, *through, "data", *command, code=2)
        assert any(one in line for one in text.split("|")), line


def test_the_list_is_the_same_on_both_ways(house: House):
    here, there = both(house, "data", "list", "--json")
    assert here == there
    assert [one["name"] for one in json.loads(here)["items"]][:2] == ["digits", "mnist"]


def test_a_name_is_found_by_the_commands_that_train(house: House, photos: Path, tmp_path: Path):
    """nas train has no search: it looks the name up in the folder's database."""
    home = ["--home", str(house.home)]
    nas(*home, "data", "add", "here", str(photos))
    try:
        output = tmp_path / "trained"
        command = ["train", "lenet5", "--data", "here", "--image-size", "16", "--epochs", "1"]
        found = json.loads(nas(*home, *command, "--output", str(output), "--json"))
        assert found
        line = nas(*home, "train", "lenet5", "--data", "nowhere", code=2)
        assert "nor a registered one (nas data list)" in line
    finally:
        nas(*home, "data", "remove", "here")
