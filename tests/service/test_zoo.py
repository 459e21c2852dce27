"""The zoo through the API: all networks at once, one with its layers."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import nas
from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

LISTED = """
import sys
from pathlib import Path
from fastapi.testclient import TestClient
from service.app import create_app
from service.auth import token_of
from service.settings import Settings

settings = Settings.load(home=Path(sys.argv[1]))
with TestClient(create_app(settings), base_url="http://localhost:8000") as client:
    client.headers["Authorization"] = f"Bearer {token_of(settings)}"
    items = client.get("/api/v1/zoo").json()["items"]
print(len(items), "torch" in sys.modules, "mine" in {one["name"] for one in items})
"""
COMMAND = """
import sys
from typer.testing import CliRunner
from service.cli import app

shown = CliRunner().invoke(app, ["zoo", "list", "--json"])
assert shown.exit_code == 0, shown.output
print(shown.stdout.count('"title"'), "torch" in sys.modules, False)
"""
MINE = """
from nas.zoo import Paper
from nas.zoo.lenet import CITATION
from nas.zoo.built import MNIST, Row, family
from nas.zoo.lenet import LeNet
from nas.zoo.training import Training

MODELS = family(
    __name__, 2026, "Nothing new.", Training(source="here", schedule="none"),
    [Row("mine", "Mine", lambda task: LeNet(task, (2, 4, 8)), Paper("me", "here", "MNIST"), MNIST)],
)
"""


def fresh(code: str, *arguments: str, **environment: str) -> list[str]:
    """Return the words that some code prints in an interpreter of its own."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **environment},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize("code", [LISTED, COMMAND], ids=["API", "command line"])
def test_the_list_of_all_networks_loads_no_torch(code: str, tmp_path: Path):
    count = str(len(nas.list_models()))
    assert fresh(code, str(tmp_path / "home")) == [count, "False", "False"]


def test_networks_of_a_plug_in_are_in_the_list(tmp_path: Path):
    (tmp_path / "plugins" / "zoo").mkdir(parents=True)
    (tmp_path / "plugins" / "zoo" / "mine.py").write_text(MINE)
    plugins = str(tmp_path / "plugins")
    listed = fresh(LISTED, str(tmp_path / "home"), NAS_PLUGINS=plugins)
    assert listed == [str(len(nas.list_models()) + 1), "True", "True"]


def test_all_networks_are_listed_with_what_they_cost(client):
    items = client.get("/api/v1/zoo").json()["items"]
    assert [one["name"] for one in items] == nas.list_models()
    vgg = next(one for one in items if one["name"] == "vgg16")
    assert (vgg["params"], vgg["year"], vgg["paper"]["dataset"]) == (138_357_544, 2014, "ImageNet")
    assert vgg["recipe"]["weight_decay"] == 5e-4


def test_a_pattern_picks_networks(client):
    names = [one["name"] for one in client.get("/api/v1/zoo?pattern=lenet*").json()["items"]]
    assert names == nas.list_models("lenet*")


def test_a_network_has_layers_at_the_size_that_is_asked_for(client):
    whole = client.get("/api/v1/zoo/lenet5").json()
    assert sum(layer["params"] for layer in whole["layers"]) == whole["params"] == 61_706
    small = client.get("/api/v1/zoo/resnet18?size=32").json()
    assert (small["height"], small["layers"][0]["output"][1:]) == (32, [32, 32])


def test_what_cannot_be_built_is_one_clear_line(client):
    missing = client.get("/api/v1/zoo/nobody")
    assert (missing.status_code, missing.json()["field"]) == (404, "name")
    tiny = client.get("/api/v1/zoo/alexnet?size=32")
    assert (tiny.status_code, tiny.json()["field"]) == (422, "size")
    assert "63x63 or more" in tiny.json()["detail"]
