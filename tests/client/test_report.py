"""``nas report``: the same from the folder and through its server; bounded; refused in one line."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from nas.spec import Part
from service import report, searches
from service.db import Database
from service.inside import Inside
from service.reportpage import data, page, standalone
from service.settings import Settings
from tests.client.test_remote import nas
from tests.service.making import run, toy_spec

if TYPE_CHECKING:
    from pathlib import Path

    from tests.client.conftest import House

HELD = re.compile(r'<script type="application/json" id="held">(.*?)</script>', re.DOTALL)


def held(file: Path) -> dict[str, Any]:
    """Return the data of a report."""
    (found,) = HELD.findall(file.read_text())
    return dict(json.loads(found))


def test_a_report_from_the_folder_holds_what_one_through_the_server_does(
    house: House, tmp_path: Path
) -> None:
    here, there = tmp_path / "here.html", tmp_path / "there.html"
    home = ("--home", str(house.home))
    told = json.loads(nas(*home, "report", house.digits, "-o", str(here), "--json"))
    assert told["bytes"] == here.stat().st_size
    assert told["trials"] == {"all": 2, "rows": 2, "in_full": 2}
    nas(*home, "--server", house.url, "report", house.digits, "-o", str(there))
    first, second = held(here), held(there)
    for one in (first, second):
        assert one.pop("note").startswith(f"Saved on {one.pop('at')[:10]} at ")
    assert first == second
    place = f"searches/{house.digits}"
    assert {f"{place}/history", f"{place}/trials/1", f"{place}/audit"} <= set(first["answers"])
    (cell, *_) = first["answers"][f"{place}/trials/1"]["cells"]
    assert first["answers"][f"{place}/trials/1/cells/{cell}.svg"].startswith("<svg")
    assert first["answers"]["meta"]["scope"] == ""


def test_of_many_trials_the_best_are_held_and_the_rest_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "FULL", 20)
    monkeypatch.setattr(report, "BEST", 10)
    monkeypatch.setattr(report, "CHANGES", 10)
    settings = Settings.load(home=tmp_path / "home")
    controller = Part(name="evolution", options={"population": 5, "sample": 3})
    with Database.open(settings) as database:
        spec = toy_spec(60).model_copy(update={"controller": controller})
        search = searches.create(database, spec)
        assert run(database, search) == 0
    shown: list[tuple[int, int]] = []
    place = f"searches/{search}"
    with Inside(settings) as source:
        found = report.gather(source, search, lambda done, total, _: shown.append((done, total)))
        best = source.get(place)["best"]["number"]
        whole = source.get(f"{place}/lineage")
    assert [row["number"] for row in sorted(found["rows"], key=lambda one: one["number"])] == list(
        range(60)
    )
    full = [path for path in found["answers"] if re.search(r"/trials/\d+$", path)]
    assert len(full) == 20
    assert f"{place}/trials/{best}" in full
    assert "20 trials are held in full: the best 10, those that" in found["note"]
    assert shown[-1][0] == shown[-1][1] > 20
    assert len(shown) < 10
    assert not (settings.home / "token").exists()  # a report needs none, and makes none
    assert len(page(found)) < 1_000_000
    held_lineage = found["answers"][f"{place}/lineage"]
    assert held_lineage["parent"] == whole["parent"]
    line = descent(whole, best)
    steps = zip(whole["number"], whole["change"], strict=True)
    assert line
    assert held_lineage["change"] == [
        change if number in line else None for number, change in steps
    ]


def descent(lineage: dict[str, Any], number: int) -> list[int]:
    """Return the trials on the way to one, itself first, that were changed from another."""
    if number not in lineage["number"]:
        return []
    return [number, *descent(lineage, lineage["parent"][lineage["number"].index(number)])]


def test_what_a_script_could_end_with_is_escaped() -> None:
    evil = {"name": "</script><!--<script>", "more": ["\u2028", "é"]}
    text = data(evil)
    assert "<" not in text
    assert json.loads(text) == evil
    assert not re.search(r"</script|<!--", standalone())


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["nowhere"], "no search has the id or the name 'nowhere'"),
        (["-o", "."], "--output: . is a folder"),
        (["-o", "missing/r.html"], "--output: there is no folder missing"),
        (["-o", "there.html"], "--output: there.html is there already: --force replaces it"),
    ],
)
def test_a_wrong_wish_is_one_line_and_writes_nothing(
    house: House,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    given: list[str],
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.html").write_text("mine")
    line = nas("--home", str(house.home), "report", *given, code=2)
    assert words in line
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]


def test_force_replaces_and_the_name_is_made_of_the_search(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name = f"a--script-toy-{house.toy}.html"
    home = ("--home", str(house.home), "report", house.toy)
    assert nas(*home).strip() == name
    assert "already" in nas(*home, code=2)
    nas(*home, "--force")
    assert [path.name for path in tmp_path.iterdir()] == [name]
