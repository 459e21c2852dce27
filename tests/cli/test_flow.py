"""From search to exported model on the command line, through real processes, and through kills."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cli.running import nas

if TYPE_CHECKING:
    from collections.abc import Iterator

# Evolution has a state to lose, and needs no torch: its processes start in no time.
TOY = ["--space", "toy", "--evaluator", "toy", "--controller", "evolution"]
TOY += ["--executor", "local", "--workers", "2"]
SMALL = [
    "--executor",
    "local",
    "--epochs",
    "1",
    "--filters",
    "4",
    "--train-images",
    "60",
    "--final-epochs",
    "1",
]


def command(home: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "service.cli", "--home", str(home), *arguments]


def trials(home: Path, name: str = "last") -> list[dict]:
    return json.loads(nas(home, "show", name, "--json"))["ranked"]


@contextmanager
def started(home: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run a command in a process of its own for the length of the block."""
    with subprocess.Popen(
        command(home, *arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell starts what runs in the background deaf to Ctrl-C, and a child inherits that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(word) for word in text.split()]


def alive(pid: int) -> bool:
    try:
        return "zombie" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def until(holds, seconds: float = 180.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.1)


def some_done(home: Path, at_least: int) -> bool:
    items = json.loads(nas(home, "list", "--json"))["items"]
    return bool(items) and items[0]["counts"]["done"] >= at_least


@pytest.mark.slow
def test_a_search_ends_with_a_ranking_cells_and_a_model_that_can_be_exported(tmp_path):
    home = tmp_path / "home"
    best = tmp_path / "best"
    out = nas(home, "search", "--name", "first", "--trials", "2", *SMALL, "--export", str(best))
    for words in ("rank", "normal cell", "reduction cell", "test accuracy", str(best)):
        assert words in out
    data = json.loads(nas(home, "show", "first", "--json"))
    assert data["search"]["state"] == "finished"
    rewards = [trial["reward"] for trial in data["ranked"]]
    assert rewards == sorted(rewards, reverse=True)
    assert len(rewards) == 2
    assert f"{data['model']['metrics']['test_accuracy']:.2%}" in out

    assert "first" in nas(home, "list")
    drawing = tmp_path / "drawn.svg"
    shown = nas(home, "show", "first", "1", "--layers", "--svg", str(drawing))
    assert f"{int(data['ranked'][0]['metrics']['params']):,}" in nas(
        home, "show", "first", str(data["ranked"][0]["number"]), "--layers"
    )
    assert "stem" in shown
    assert (tmp_path / "drawn-normal.svg").read_text().startswith("<svg")
    assert (tmp_path / "drawn-reduction.svg").exists()

    # The model that exists is copied as it is; the other trial's is trained first.
    copied = json.loads(nas(home, "export", "first", "--output", str(tmp_path / "a"), "--json"))
    assert copied["id"] == data["model"]["id"]
    weights = [(folder / "weights.safetensors").read_bytes() for folder in (best, tmp_path / "a")]
    assert weights[0] == weights[1]
    other = data["ranked"][1]["number"]
    made = json.loads(
        nas(
            home,
            "export",
            "first",
            "--trial",
            str(other),
            "--output",
            str(tmp_path / "b"),
            "--json",
        )
    )
    assert (made["trial"], made["state"]) == (other, "done")
    done = subprocess.run(
        [sys.executable, "-I", "model.py"],
        cwd=tmp_path / "b",
        capture_output=True,
        text=True,
        check=True,
    )
    assert "-> logits (4, 10)" in done.stdout


def test_a_finished_search_goes_on_with_a_higher_limit(tmp_path):
    nas(tmp_path, "search", *TOY, "--executor", "inline", "--trials", "3")
    first = trials(tmp_path)
    nas(tmp_path, "resume", "last", "--trials", "6", "--workers", "3")
    limits = json.loads(nas(tmp_path, "list", "--json"))["items"][0]["limits"]
    assert limits == {"trials": 6, "hours": None, "workers": 3}
    assert len(trials(tmp_path)) == 6
    assert {t["number"]: t["decisions"] for t in first}.items() <= {
        t["number"]: t["decisions"] for t in trials(tmp_path)
    }.items()


def test_a_finished_search_that_cannot_go_on_keeps_its_limits(tmp_path):
    nas(tmp_path, "search", *TOY, "--executor", "inline", "--trials", "3")
    before = json.loads(nas(tmp_path, "list", "--json"))["items"][0]["limits"]
    for options, limit in ((["--workers", "4"], 3), (["--hours", "2", "--trials", "2"], 2)):
        text = nas(tmp_path, "resume", "last", *options, code=2)
        assert f"has finished; raise its limit of {limit} trials to go on" in text
    assert json.loads(nas(tmp_path, "list", "--json"))["items"][0]["limits"] == before


def test_a_detached_search_waits_until_it_is_resumed(tmp_path):
    search_id = nas(
        tmp_path, "search", *TOY, "--executor", "inline", "--trials", "2", "--detach"
    ).strip()
    assert json.loads(nas(tmp_path, "list", "--json"))["items"][0]["state"] == "pending"
    nas(tmp_path, "resume", search_id)
    assert len(trials(tmp_path, search_id)) == 2


def test_a_search_that_never_ran_is_paused_and_stopped_at_once(tmp_path):
    detached = ["search", *TOY, "--executor", "inline", "--trials", "2", "--detach"]
    nas(tmp_path, *detached)
    assert "is paused" in nas(tmp_path, "pause")
    assert "is not running now" in nas(tmp_path, "stop")
    nas(tmp_path, "resume")
    assert len(trials(tmp_path)) == 2
    nas(tmp_path, *detached)
    assert "is stopped" in nas(tmp_path, "stop")


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["runner", "command"])
def test_a_search_killed_and_resumed_is_the_same_search(victim, tmp_path):
    options = ["search", *TOY, "--trials", "8", "--ordered", "--seed", "5"]
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    with started(killed, *options, "--set", "evaluator.options.seconds=0.5") as process:
        until(lambda: some_done(killed, 2))
        (runner,) = children(process.pid)
        workers = children(runner)
        os.kill(runner if victim == "runner" else process.pid, signal.SIGKILL)
        out, error = process.communicate(timeout=60)
    if victim == "runner":
        assert process.returncode == 1
        assert out == ""
        assert "nas resume" in error
        assert "signal 9" in error
    until(lambda: not any(map(alive, [runner, *workers])), 60)

    nas(killed, "resume")
    nas(whole, *options, "--executor", "inline")
    found = {t["number"]: (t["decisions"], t["reward"]) for t in trials(killed)}
    assert found == {t["number"]: (t["decisions"], t["reward"]) for t in trials(whole)}
    assert sorted(found) == list(range(8))


def test_ctrl_c_ends_the_workers_and_says_how_to_go_on(tmp_path):
    options = ["search", *TOY, "--trials", "50", "--set", "evaluator.options.seconds=1"]
    with started(tmp_path, *options) as process:
        until(lambda: some_done(tmp_path, 1))
        (runner,) = children(process.pid)
        family = [runner, *children(runner)]
        process.send_signal(signal.SIGINT)
        out, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == ""
    assert "nas resume" in error
    assert "Traceback" not in error
    assert not any(map(alive, family))


def test_one_json_document_and_nothing_else_comes_out_on_standard_output(tmp_path):
    data = json.loads(
        nas(tmp_path, "search", *TOY, "--executor", "inline", "--trials", "3", "--json")
    )
    assert data["search"]["counts"]["done"] == 3
    assert data["model"] is None
    assert [t["reward"] for t in data["ranked"]] == sorted(
        (t["reward"] for t in data["ranked"]), reverse=True
    )


def test_the_zoo_lists_names_costs_and_the_paper(tmp_path):
    items = json.loads(nas(tmp_path, "zoo", "list", "nasnet_a_m*", "--json"))["items"]
    mobile = next(item for item in items if item["name"] == "nasnet_a_mobile")
    assert mobile["params"] == 5_289_978
    assert mobile["paper"]["madds"] == "564M"
    assert "NASNet-A 4@1056" in nas(tmp_path, "zoo", "list", "*mobile")
