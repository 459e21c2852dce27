"""The wheel that a user installs: our packages, the dashboard and the migrations, nothing else."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
import zipfile
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

DATA = ("service/dashboard", "service/migrations")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel with what is installed (no network)."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def wheel(built: Path) -> set[str]:
    """Return the names of the files in the wheel."""
    with zipfile.ZipFile(built) as archive:
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


def test_installed_from_the_wheel_with_no_other_program_around_it_serves_the_page(
    built: Path, tmp_path: Path
) -> None:
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    site, nothing = tmp_path / "site", tmp_path / "nothing"
    subprocess.run([*pip, "--target", site, built], check=True)
    nothing.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environment = {
        "PATH": str(nothing),  # no node, nor anything else
        "PYTHONPATH": str(site),
        "NAS_HOME": str(tmp_path / "home"),
        "NAS_PORT": str(port),
    }
    where = [sys.executable, "-c", "import service; print(service.__file__)"]
    imported = subprocess.run(where, env=environment, cwd=nothing, capture_output=True, text=True)
    assert imported.stdout.strip() == str(site / "service" / "__init__.py")
    serve = [site / "bin" / "nas", "serve", "api"]
    api = subprocess.Popen(serve, env=environment, cwd=nothing, stdout=subprocess.DEVNULL)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            until_it_answers(client)
            page = client.get("/").raise_for_status().text
            asked = re.findall(r'(?:src|href)="(static/[^"]+)"', page)
            script = client.get("/static/app.js").raise_for_status().text
            asked += [f"static/{name}" for name in re.findall(r'from ?"\./(vendor/[^"]+)"', script)]
            assert len(asked) > 7
            assert {one: client.get(f"/{one}").status_code for one in asked} == dict.fromkeys(
                asked, 200
            )
    finally:
        api.terminate()
        api.wait(20)


def until_it_answers(client: httpx.Client) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            client.get("/readyz").raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("it does not answer")
