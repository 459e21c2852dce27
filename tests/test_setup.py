"""The two commands' own scripts: what they say on a machine that is not ready."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

SETUP, RUN = ROOT / ".ci" / "setup", ROOT / ".ci" / "run"


def setup_with(python: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run .ci/setup with this Python and an environment folder that is not there yet."""
    env = {**os.environ, "PYTHON": python, "VENV": str(folder / "venv")}
    return subprocess.run(
        ["bash", SETUP], env=env, capture_output=True, text=True, check=False, timeout=30
    )


def fake_python(folder: Path, body: str) -> str:
    path = folder / "python"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return str(path)


def test_a_missing_python_is_named_with_a_way_out(tmp_path: Path) -> None:
    done = setup_with("/nowhere/python3.11", tmp_path)
    assert done.returncode == 1
    assert "'/nowhere/python3.11' was not found" in done.stderr
    assert not (tmp_path / "venv").exists()


def test_a_python_that_is_too_old_is_refused_with_its_version(tmp_path: Path) -> None:
    old = fake_python(tmp_path, 'if [ "$1" = -V ]; then echo "Python 3.9.2"; else exit 1; fi')
    done = setup_with(old, tmp_path)
    assert done.returncode == 1
    assert "Python 3.11 or newer is needed" in done.stderr
    assert "Python 3.9.2" in done.stderr


def test_a_python_without_venv_is_refused_with_the_package_to_install(tmp_path: Path) -> None:
    bare = fake_python(tmp_path, 'case "$2" in *ensurepip*) exit 1;; esac')
    done = setup_with(bare, tmp_path)
    assert done.returncode == 1
    assert "apt-get install python3-venv" in done.stderr


@pytest.mark.parametrize("script", [SETUP, RUN], ids=lambda path: path.name)
def test_a_script_is_executable_bash_that_stops_at_the_first_error(script: Path) -> None:
    assert script.stat().st_mode & 0o111
    assert subprocess.run(["bash", "-n", script], check=False).returncode == 0
    assert "set -euo pipefail" in script.read_text()


def test_make_alone_lists_every_target_that_the_makefile_has() -> None:
    done = subprocess.run(["make", "-C", ROOT], capture_output=True, text=True, check=True)
    listed = set(re.findall(r"^  make ([a-z-]+)", done.stdout, re.M))
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.M)
    assert phony is not None
    assert listed == set(phony[1].split())


def test_make_test_runs_every_gate() -> None:
    done = subprocess.run(
        ["make", "-C", ROOT, "--dry-run", "test"], capture_output=True, text=True, check=True
    )
    for gate in ("ruff check", "ruff format --check", "mypy", "lint-imports", "pytest"):
        assert gate in done.stdout
