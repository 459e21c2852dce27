"""``nas --server URL``: the same output as on the folder, and what it refuses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from service.cli import app
from service.cli.context import THROUGH_SERVER
from tests.service.living import free_port
from tests.service.making import retrain

if TYPE_CHECKING:
    from tests.client.conftest import House


def nas(*arguments: str, code: int = 0) -> str:
    """Run a command line in this process; return its standard output, or its error's one line."""
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.stderr
    if code == 0:
        return result.stdout
    *before, line = result.stderr.splitlines(keepends=True)
    assert line.startswith("error: ")
    assert not any(one.startswith("error: ") for one in before)
    return line


def both(house: House, *command: str) -> tuple[str, str]:
    """Return what a command prints on the folder, and through its server."""
    home = str(house.home)
    there = nas("--home", home, "--server", house.url, *command)
    return nas("--home", home, *command), there


@pytest.mark.parametrize(
    "command",
    [
        ("list",),
        ("list", "--json", "--limit", "1"),
        ("list", "--state", "finished"),
        ("show", "small digits", "0"),
        ("show", "small digits", "1", "--json"),
    ],
    ids=" ".join,
)
def test_a_command_prints_the_same_on_the_folder_and_through_its_server(house, command):
    here, there = both(house, *command)
    assert here == there
    assert here.strip()


def test_a_ranking_is_the_same_but_for_the_folder_of_the_model(house):
    here, there = both(house, "show", house.digits)
    assert str(house.home) in here
    assert there.splitlines()[-1] == f"files: on the server; nas export {house.digits} fetches them"
    assert here.splitlines()[:-1] == there.splitlines()[:-1]
    here, there = (json.loads(text) for text in both(house, "show", house.digits, "--json"))
    assert here["model"].pop("folder")
    assert there["model"].pop("folder") is None
    assert here == there


def test_an_export_through_the_server_has_the_same_files(house, tmp_path):
    for name, server in (("here", ()), ("there", ("--server", house.url))):
        nas(
            "--home",
            str(house.home),
            *server,
            "export",
            house.digits,
            "--output",
            str(tmp_path / name),
        )
    here, there = (
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}
        for name in ("here", "there")
    )
    assert here == there
    assert "card.json" in here


def test_a_search_is_created_paused_and_stopped_through_the_server(house):
    there = ("--home", str(house.home), "--server", house.url)
    toy = ("--space", "toy", "--evaluator", "toy", "--executor", "inline", "--trials", "3")
    made = json.loads(nas(*there, "search", *toy, "--name", "far", "--detach", "--json"))["search"]
    assert (made["name"], made["limits"]["trials"]) == ("far", 3)
    assert nas(*there, "pause", "far") == f"search {made['id']} is paused\n"
    assert nas(*there, "stop", "far").startswith(
        f"search {made['id']} is not running now; it stops"
    )


def test_a_server_that_does_no_work_is_not_waited_for(house):
    there = ("--home", str(house.home), "--server", house.url)
    toy = ("--space", "toy", "--evaluator", "toy", "--executor", "inline")
    text = nas(*there, "search", *toy, "--name", "waits", code=1)
    assert f"{house.url} does no work now: its supervisor is down" in text
    assert "waits there" in text
    nas(*there, "stop", "waits")


def test_finals_through_the_server_are_those_of_the_folder(house):
    retrain(house.database, house.digits, top=1, seeds=1, epochs=1)
    here, there = both(house, "finals", house.digits, "--top", "1", "--seeds", "1", "--epochs", "1")
    assert here == there
    assert f"finals of {house.digits}, 1 epochs from scratch" in here
    asked = ("finals", house.digits, "--top", "2", "--seeds", "1", "--epochs", "1")
    there = ("--home", str(house.home), "--server", house.url)
    assert "its supervisor is down" in nas(*there, *asked, code=1)
    assert "stopped; what is trained is kept" in nas(*there, "finals", house.digits, "--stop")


def test_tokens_are_made_listed_and_revoked_through_the_server(house):
    there = ("--home", str(house.home), "--server", house.url, "token")
    made = json.loads(nas(*there, "create", "grafana", "--days", "2", "--json"))
    assert made["token"].startswith("nas_")
    here, listed = both(house, "token", "list")
    assert here == listed
    assert "grafana" in here
    guest = ("--server", house.url, "--token", made["token"])
    assert house.toy in nas(*guest, "list")
    assert "needs the scope admin" in nas(*guest, "token", "list", code=2)
    assert "valid no more" in nas(*there, "revoke", made["id"])
    assert "sign in" in nas(*guest, "list", code=2)
    assert f"error: token_id: no token has the id {made['id'] + 'x'!r}" in nas(
        *there, "revoke", made["id"] + "x", code=2
    )


def test_the_drawings_of_a_trial_are_written_here(house, tmp_path):
    file = tmp_path / "cell.svg"
    nas(
        "--home", str(house.home), "--server", house.url, "show", house.toy, "1", "--svg", str(file)
    )
    assert [path.read_text()[:4] for path in tmp_path.glob("cell*.svg")] == ["<svg"]


@pytest.mark.parametrize("command", ["serve", "train resnet18", "compare", "zoo list", "bench"])
def test_a_command_that_needs_a_folder_refuses_a_server(house, command):
    text = nas("--server", house.url, *command.split(), code=2)
    name = command.split()[0]
    assert f"nas {name} works on this machine's folder only" in text
    assert all(one in text for one in THROUGH_SERVER)


def test_layers_need_the_images_and_say_so(house):
    there = ("--home", str(house.home), "--server", house.url)
    text = nas(*there, "show", house.digits, "0", "--layers", code=2)
    assert f"--server: that needs the images, which are at {house.url}" in text


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("show nowhere", ["no search has the id or the name 'nowhere'"]),
        ("show last 99", ["99"]),
        ("search --trials 0 --detach", ["--trials", "greater than or equal to 1"]),
        ("search --space moon --detach", ["'moon'", "known: ", "nasnet"]),
        (
            "search --data nowhere.zip --detach",
            ["--data", "nowhere.zip", "No such file", "paths are those of the machine at"],
        ),
        ("pause small-digits", ["small-digits"]),
        ("resume {digits}", ["has finished; raise its limit of 2 trials"]),
        ("export {digits} --trial 77", ["77"]),
        ("finals {toy}", ["has no images to train on"]),
        ("finals {digits} --stop", ["are being trained"]),
    ],
)
def test_what_the_server_refuses_is_one_line(house, command, words):
    line = command.format(digits=house.digits, toy=house.toy)
    text = nas("--home", str(house.home), "--server", house.url, *line.split(), code=2)
    for word in words:
        assert word in text


def test_no_server_no_token_and_no_address_are_one_line(house, tmp_path):
    gone = f"http://127.0.0.1:{free_port()}"
    text = nas("--home", str(house.home), "--server", gone, "list", code=1)
    assert (
        text
        == f"error: cannot connect to {gone}: Connection refused; is nas serve running there?\n"
    )
    assert "--token" in nas("--home", str(tmp_path), "--server", house.url, "list", code=2)
    wrong = nas("--server", house.url, "--token", "not-the-token-of-it", "list", code=2)
    assert "sign in with the token" in wrong
    assert "allowed are http://HOST:PORT" in nas("--server", "nowhere", "list", code=2)
    assert "give --server URL too" in nas("--token", "not-the-token-of-it", "list", code=2)
