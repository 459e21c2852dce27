"""``nas delete`` and ``nas restore``: a search is hidden and comes back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from typer.testing import CliRunner

from service import searches
from service.cli import app
from service.db import Database
from service.settings import Settings
from tests.service.making import finished, toy_spec

if TYPE_CHECKING:
    from pathlib import Path


def nas(home: Path, *arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["--home", str(home), *arguments])
    assert result.exit_code == code, result.output
    return result.output


def test_a_search_is_thrown_away_and_taken_back(tmp_path: Path) -> None:
    with Database.open(Settings.load(home=tmp_path)) as database:
        search_id = finished(database, 2)
        waiting = searches.create(database, toy_spec(2))
    said = nas(tmp_path, "delete", search_id)
    assert f"nas restore {search_id}" in said
    assert search_id not in nas(tmp_path, "list")
    assert search_id in nas(tmp_path, "list", "--deleted")
    gone = json.loads(nas(tmp_path, "list", "--deleted", "--json"))["items"]
    assert [one["id"] for one in gone] == [search_id]
    assert "no search has the id" in nas(tmp_path, "show", search_id, code=2)
    assert "is back" in nas(tmp_path, "restore", search_id)
    assert search_id in nas(tmp_path, "list")
    assert "nothing was thrown away" in nas(tmp_path, "list", "--deleted")
    assert "is pending; stop it first" in nas(tmp_path, "delete", waiting, code=2)
    assert "no search 'nobody'" in nas(tmp_path, "restore", "nobody", code=2)
