"""docs/api.md: every python and console example, run in order against the whole service."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from typing import TYPE_CHECKING

from typer.testing import CliRunner

from service.cli import app
from service.settings import Settings
from tests.conftest import ROOT
from tests.service.living import Service

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

PAGE = (ROOT / "docs" / "api.md").read_text()
ADDRESS = "http://127.0.0.1:8000"


def examples(page: str) -> list[tuple[str, str]]:
    """Return kind and text of every fenced block that a reader would run."""
    return re.findall(r"^```(python|console)\n(.*?)^```", page, re.MULTILINE | re.DOTALL)


def commands(block: str) -> list[str]:
    """Return the command lines of a console block: those after $, with what continues them."""
    joined = block.replace("\\\n", " ")
    return [line[2:] for line in joined.splitlines() if line.startswith("$ ")]


def run_nas(line: str) -> str:
    """Run a command of ours in this process."""
    result = CliRunner().invoke(app, shlex.split(line)[1:])
    assert result.exit_code == 0, result.output
    return result.stdout


def run_console(block: str, folder: Path) -> str:
    """Run a console block: our command in this process, others in a shell."""
    lines = commands(block)
    assert lines
    if lines[0].startswith("nas "):
        return "\n".join(run_nas(line) for line in lines)
    script = "\n".join(["set -eu", *lines])
    variables = {**os.environ, "NO_PROXY": "127.0.0.1"}
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_example_runs_against_a_live_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    service = Service(Settings.load(home=tmp_path / "nasturtium-home"))
    shown, names = [], {}
    try:
        assert ADDRESS not in service.greeting()
        for kind, text in examples(PAGE):
            example = text.replace(ADDRESS, service.url)
            if kind == "console":
                shown.append(run_console(example, tmp_path))
            else:
                exec(compile(example, f"docs/api.md: {text[:40]}", "exec"), names)
                shown.append(capsys.readouterr().out)
        names["client"].close()
    finally:
        service.close()
    curl, created, results, compared, named, events, refusal, nas = shown
    assert json.loads(curl)["name"] == "first"
    assert created == ""
    assert "'probability'" in results or "probability=" in results
    assert [line.split()[-3] for line in compared.splitlines()[:3]].count("zoo") == 1
    assert "images, " in compared.splitlines()[3]
    assert named.startswith("24 2 [")
    assert "'dots'" in named
    assert events.rstrip().endswith("search.state finished")
    assert refusal == (
        "limits.trials: Input should be greater than or equal to 1\n422 limits.trials 0 {'ge': 1}\n"
    )
    assert "second" in nas
    assert (tmp_path / "small-model" / "card.json").exists()


def test_no_example_has_an_address_that_the_test_would_miss() -> None:
    for _, text in examples(PAGE):
        assert "8000" not in text.replace(ADDRESS, "")


def test_examples_are_found_with_what_continues_them() -> None:
    page = "```console\n$ a \\\n    b\nout\n$ c\n```\n\n```toml\nx\n```\n\n```python\ny\n```\n"
    assert examples(page) == [("console", "$ a \\\n    b\nout\n$ c\n"), ("python", "y\n")]
    assert commands("$ a \\\n    b\nout\n$ c\n") == ["a      b", "c"]
