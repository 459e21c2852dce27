"""``nas report``: the same from the folder and through its server; bounded; refused in one line."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from service import report
from service.db import Database
from service.inside import Inside
from service.reportpage import data, page, standalone
from service.settings import Settings
from tests.client.test_remote import nas
from tests.service.making import finished

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


def test_of_many_trials_the_best_are_held_and_the_rest_is_said(tmp_path: Path) -> None:
    settings = Settings.load(home=tmp_path / "home")
    with Database.open(settings) as database:
        search = finished(database, report.FULL + 30)
    shown: list[tuple[int, int]] = []
    with Inside(settings) as source:
        found = report.gather(source, search, lambda done, total, _: shown.append((done, total)))
        best = source.get(f"searches/{search}/trials?sort=-reward&state=done&limit=1")["items"][0]
    full = [path for path in found["answers"] if re.search(r"/trials/\d+$", path)]
    assert len(full) == report.FULL
    assert f"searches/{search}/trials/{best['number']}" in full
    assert len(found["rows"]) == report.FULL + 30
    assert "100 trials are held in full: the best 50" in found["note"]
    assert shown[-1][0] == shown[-1][1] > report.FULL
    assert len(shown) < 20
    assert not (settings.home / "token").exists()  # a report needs none, and makes none
    assert len(page(found)) < 1_500_000


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
