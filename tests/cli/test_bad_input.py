"""What a user gets wrong is answered by one line on standard error and exit code 2."""

from __future__ import annotations

import io
import os
import socket
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from service.cli import app
from service.cli.failures import explain


def png(value: int) -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.full((8, 8), value, dtype=np.uint8)).save(out, format="PNG")
    return out.getvalue()


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    monkeypatch.delenv("NAS_TOKEN", raising=False)
    monkeypatch.setenv("NAS_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


def refused(arguments: list[str], code: int = 2) -> str:
    """Run a command line that must fail; return its one line."""
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    assert result.stdout == ""
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("error: ")
    return lines[0]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("search --space nowhere", ["--space", "nowhere", "nasnet", "toy"]),
        ("search --controller nobody", ["--controller", "nobody", "reinforce"]),
        ("search --executor cloud", ["--executor", "cloud", "local", "ray"]),
        ("search --evaluator toy", ["toy", "nasnet"]),
        ("search --trials -3", ["--trials", "-3", "greater than or equal to 1"]),
        ("search --trials many", ["--trials", "integer"]),
        ("search --workers 0", ["--workers", "0"]),
        ("search --space toy --evaluator toy --executor local --workers 5000", ["5000", "local"]),
        ("search --hours nan", ["--hours"]),
        ("search --epochs -1", ["--epochs", "-1"]),
        ("search --filters 0", ["--filters", "0"]),
        ("search --seed -1", ["--seed", "-1"]),
        ("search --name a/b", ["--name", "a/b"]),
        ("search --image-size 2", ["--image-size", "2"]),
        ("search --data nothing.zip", ["nothing.zip"]),
        ("search --spec nothing.json", ["nothing.json"]),
        ("search --set data.sources=3", ["data.sources", "no such setting"]),
        ("search --set controller.options.speed=3", ["speed"]),
        ("search --wrong", ["--wrong"]),
        ("search extra", ["extra"]),
        ("dance", ["dance"]),
        ("show nobody", ["nobody"]),
        ("resume nobody", ["nobody"]),
        ("export nobody", ["nobody"]),
        ("pause nobody", ["nobody"]),
        ("stop nobody", ["nobody"]),
        ("resume nobody --trials 0", ["nobody"]),
        ("list --state dancing", ["dancing", "running"]),
        ("serve --port 99999", ["99999", "65535"]),
        ("serve --host 0.0.0.0", ["0.0.0.0", "NAS_TOKEN"]),
        ("serve everything", ["everything", "supervisor"]),
    ],
)
def test_a_wrong_command_line_gets_one_line(line, words, home):
    text = refused(line.split())
    for word in words:
        assert word in text


def corrupt_zip(folder: Path) -> Path:
    path = folder / "broken.zip"
    path.write_bytes(b"PK\x03\x04 this is no archive")
    return path


def one_class(folder: Path) -> Path:
    (folder / "one" / "train" / "cats").mkdir(parents=True)
    for i in range(8):
        (folder / "one" / "train" / "cats" / f"{i}.png").write_bytes(png(i))
    return folder / "one"


def empty_folder(folder: Path) -> Path:
    (folder / "empty").mkdir()
    return folder / "empty"


def corrupt_image(folder: Path) -> Path:
    path = folder / "images.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("cats", "dogs"):
            for i in range(8):
                archive.writestr(f"train/{name}/{i}.png", png(i))
        archive.writestr("train/dogs/bad.png", png(3)[:40])
    return path


@pytest.mark.parametrize("make", [corrupt_zip, one_class, empty_folder, corrupt_image])
def test_images_that_cannot_be_used_get_one_line_before_a_search_exists(make, home, tmp_path):
    path = make(tmp_path)
    text = refused(["search", "--data", str(path), "--executor", "local"])
    assert path.name in text or "bad.png" in text
    listed = CliRunner().invoke(app, ["list", "--json"])
    assert '"items": []' in listed.stdout


@pytest.mark.skipif(os.geteuid() == 0 and not Path("/proc/sys").exists(), reason="needs /proc")
@pytest.mark.parametrize("place", ["below a file", "nowhere to write"])
def test_a_folder_that_cannot_be_used_gets_one_line(place, tmp_path):
    (tmp_path / "file").write_text("")
    folder = tmp_path / "file" / "home" if place == "below a file" else Path("/proc/sys/home")
    text = refused(["--home", str(folder), "list"])
    assert str(folder) in text


def test_a_database_of_a_newer_version_gets_one_line(home):
    import sqlite3

    CliRunner().invoke(app, ["list"])
    with sqlite3.connect(home / "nasturtium.db") as connection:
        connection.execute("update alembic_version set version_num = '9999_from_the_future'")
    connection.close()
    assert "newer" in refused(["list"])


def test_a_port_in_use_gets_one_line_and_starts_nothing(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(
            [
                *(sys.executable, "-m", "service.cli", "--home", str(tmp_path / "h")),
                *("serve", "--port", str(port)),
            ],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode != 0
    assert done.stderr.count("\n") == 1
    assert str(port) in done.stderr
    assert "Traceback" not in done.stderr


def test_a_fault_of_ours_leaves_its_traceback_in_a_log(tmp_path):
    try:
        raise TypeError("a very special fault")
    except TypeError as error:
        line, code = explain(error, tmp_path)
    log = tmp_path / "logs" / "cli.log"
    assert code == 1
    assert str(log) in line
    assert "a very special fault" in line
    assert "Traceback" in log.read_text()


def test_a_fault_with_no_folder_to_write_to_still_leaves_a_log(tmp_path):
    (tmp_path / "file").write_text("")
    line, _ = explain(KeyError("lost"), tmp_path / "file")
    path = Path(line.rpartition(" ")[2])
    assert "lost" in path.read_text()
    path.unlink()


def test_the_help_comes_in_under_a_second():
    before = os.times()
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "service.cli", "--help"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    after = os.times()  # of the processor: by the clock it would measure what else runs
    seconds = after.children_user - before.children_user
    for command in ("search", "resume", "list", "show", "export", "serve", "zoo", "pause", "stop"):
        assert f" {command} " in done.stdout
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert not imported & {"torch", "ray", "fastapi", "sklearn", "torchvision"}
    assert seconds < 2.5  # 0.6 s here; measuring the imports takes some of it


def test_nothing_at_all_shows_the_help():
    result = CliRunner().invoke(app, [])
    assert result.exit_code == 0
    assert "nas search --data digits" in result.stdout


def test_the_version_is_that_of_the_package():
    from importlib.metadata import version

    result = CliRunner().invoke(app, ["--version"])
    assert result.stdout.strip() == f"nasturtium {version('nasturtium')}"
