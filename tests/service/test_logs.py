"""The log of a search: what its processes printed, bounded, whoever ran it; refusals; ETags."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from service import logs, searches
from tests.service.making import toy_spec

if TYPE_CHECKING:
    from pathlib import Path

NOISY = '''
"""An evaluator that prints, and fails every other time."""

from nas.evaluators import Evaluator


class Noisy(Evaluator):
    """Print what is measured."""

    name = "noisy"
    measures = ("accuracy",)

    def __init__(self, space) -> None:
        """Take any space."""
        self.space = space

    def evaluate(self, request, report):
        """Print, then fail or not."""
        print("measuring", list(request.decisions))
        if sum(request.decisions) % 2:
            raise ValueError("no light\\n  at all")
        return {"accuracy": 0.5}
'''


@pytest.fixture
def folder(settings) -> Path:
    return settings.folder("logs")


def path(search: str, **query: object) -> str:
    asked = "&".join(f"{key}={value}" for key, value in query.items())
    return f"/api/v1/searches/{search}/logs?{asked}"


def test_what_evaluators_print_is_there_with_how_each_trial_ended(client, settings, tmp_path):
    plugin = tmp_path / "plugins" / "evaluators" / "noisy.py"
    plugin.parent.mkdir(parents=True)
    plugin.write_text(NOISY)
    words = "search --space toy --controller random --evaluator noisy --executor local --trials 4"
    done = subprocess.run(
        [sys.executable, "-m", "service.cli", "--home", settings.home, *words.split(), "--json"],
        env=os.environ | {"NAS_PLUGINS": str(plugin.parent.parent)},
        capture_output=True,
        check=True,
        timeout=120,
    )
    search = json.loads(done.stdout)["search"]["id"]
    shown = client.get(path(search)).text.splitlines()
    trials = client.get(f"/api/v1/searches/{search}/trials").json()["items"]
    assert {one["state"] for one in trials} == {"done", "failed"}
    for one in trials:
        lines = client.get(path(search, trial=one["number"])).text.splitlines()
        assert lines == shown[: len(lines)]
        assert f"measuring {one['decisions']}" in lines  # printed at once, before the end is told
        end = f"trial {one['number']}, attempt 1: {one['state']}"
        assert end in lines[-1]
        if one["failure"]:
            assert lines[-1].endswith(": error, ValueError: no light at all")
        assert client.get(path(search, trial=one["number"], tail=1)).text == f"{lines[-1]}\n"
    assert shown[-1].endswith("the loop has ended: finished")
    assert client.get(path(search, trial=7)).text == ""


def test_logs_of_all_who_ran_a_search_are_one_the_newest_last(client, database, folder):
    search = searches.create(database, toy_spec())
    assert client.get(path(search)).text == ""  # nobody has run it
    for age, (name, text) in enumerate(
        [
            (f"cli-{search}.log", "from the command line\n"),
            (f"search-{search}.log", "from the supervisor\nhalf a li"),
            (f"search-{search}.log.1", "turned aside\n"),
        ]
    ):
        (folder / name).write_text(text)
        os.utime(folder / name, (1e9 - age, 1e9 - age))
    answer = client.get(path(search))
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    lines = ["turned aside", "from the supervisor", "half a li", "from the command line"]
    assert answer.text.splitlines() == lines
    assert client.get(path(search, tail=2)).text.splitlines() == lines[2:]


def test_a_client_that_has_it_is_told_so_until_there_is_more(client, database, folder):
    search = searches.create(database, toy_spec())
    file = folder / f"search-{search}.log"
    file.write_text("one\n")
    tag = client.get(path(search)).headers["etag"]
    for known in (tag, f'"other", W/{tag}', "*"):
        again = client.get(path(search), headers={"If-None-Match": known})
        assert (again.status_code, again.text) == (304, "")
    file.write_text("one\ntwo\n")
    later = client.get(path(search), headers={"If-None-Match": tag})
    assert (later.status_code, later.text) == (200, "one\ntwo\n")


def test_a_large_log_is_read_from_its_end_and_lines_are_cut_and_cleaned(client, database, folder):
    search = searches.create(database, toy_spec())
    lines = [f"line {number} {'x' * 90}" for number in range(30_000)]
    tail = ["\x1b[31mred\x1b[0m", "10%\r50%\r100%", "z" * 9000, "ünd \ufffd"]
    text = "\n".join([*lines, *tail]).encode().replace("\ufffd".encode(), b"\xff")
    (folder / f"search-{search}.log").write_bytes(text)
    answer = client.get(path(search, tail=logs.MOST_LINES))
    assert len(answer.content) <= logs.MOST_BYTES
    shown = answer.text.splitlines()
    assert len(shown) > 9000
    assert shown[0] in lines
    assert shown[-4:-2] == ["red", "100%"]
    assert len(shown[-2]) == logs.MOST_LETTERS
    assert shown[-1] == "ünd \ufffd"


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ({"tail": 0}, 422, "tail"),
        ({"tail": logs.MOST_LINES + 1}, 422, "tail"),
        ({"trial": -1}, 422, "trial"),
        ({"lines": 3}, 422, "lines"),
    ],
)
def test_a_wrong_wish_is_a_problem_with_its_field(client, database, query, status, field):
    search = searches.create(database, toy_spec())
    answer = client.get(path(search, **query))
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, answer.json()["field"]) == (status, field)


def test_a_search_that_is_not_there_has_no_log(client, folder):
    (folder / "search-gone.log").write_text("secret")
    answer = client.get(path("gone"))
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert client.get(path("..%2f..")).status_code == 404
