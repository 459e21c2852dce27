"""The wheel that a user installs: our packages, the dashboard and the migrations, nothing else."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

DATA = ("service/dashboard", "service/migrations")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Build the wheel with what is installed (no network) and return the names in it."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as archive:
        return set(archive.namelist())


def product_files() -> set[str]:
    """Return every tracked file of the three packages (a checkout has nothing else)."""
    listed = subprocess.run(
        ["git", "ls-files", "nas", "service", "searchspaces"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return {name for name in listed.stdout.splitlines() if (ROOT / name).exists()}


def test_the_wheel_has_every_file_of_the_packages(wheel: set[str]) -> None:
    assert product_files() - wheel == set()


@pytest.mark.parametrize("folder", DATA)
def test_the_wheel_has_the_data_of_the_service(wheel: set[str], folder: str) -> None:
    here = {path.relative_to(ROOT).as_posix() for path in _data_files(ROOT / folder)}
    assert here
    assert here - wheel == set()


def test_the_wheel_has_no_tests_and_no_caches(wheel: set[str]) -> None:
    strange = {
        name
        for name in wheel
        if not re.match(r"(nas|service|searchspaces|nasturtium-[\d.]+\.dist-info)/", name)
        or "__pycache__" in name
    }
    assert strange == set()


def _data_files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"]
