"""The log of a search: what its processes printed, bounded, whoever ran it; refusals; ETags."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from service import logs, searches
from service.processes import child_environment
from tests.service.making import toy_spec

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(settings) -> Path:
    return settings.folder("logs")


def path(search: str, **query: object) -> str:
    asked = "&".join(f"{key}={value}" for key, value in query.items())
    return f"/api/v1/searches/{search}/logs?{asked}"


def test_the_runner_says_how_each_trial_ended_and_the_log_goes_up_to_it(client, database, folder):
    search = searches.create(database, toy_spec(2, executor="local"))
    with (folder / f"search-{search}.log").open("wb") as log:
        command = [sys.executable, "-m", "service.runner", search]
        environment = child_environment(NAS_HOME=str(database.settings.home))
        subprocess.run(command, stdout=log, stderr=log, env=environment, check=True, timeout=120)
    shown = client.get(path(search)).text
    assert "trial 1, attempt 1: done, reward 0." in shown
    assert "the loop has ended: finished" in shown
    first = client.get(path(search, trial=0)).text.splitlines()
    assert "trial 0, attempt 1: done, reward" in first[-1]
    assert client.get(path(search, trial=0, tail=1)).text.splitlines() == first[-1:]
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
    again = client.get(path(search), headers={"If-None-Match": tag})
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
