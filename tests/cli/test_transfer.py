"""``nas transfer``: a searched cell at another size, within a budget, as a file that runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

NAS = [sys.executable, "-m", "service.cli"]


def nas(home, *arguments):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "NAS_HOME": str(home)}
    return subprocess.run(
        [*NAS, *arguments], env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Return a folder with one finished trial of a small NASNet search."""
    folder = tmp_path_factory.mktemp("home")
    options = ["--data", "digits", "--trials", "1", "--epochs", "1", "--filters", "2"]
    options += ["--final-epochs", "0", "--executor", "inline", "--workers", "1", "--name", "small"]
    options += ["--set", "space.options.blocks=2", "--train-images", "100"]
    done = nas(folder, "search", *options)
    assert done.returncode == 0, done.stderr
    return folder


def test_a_cell_becomes_the_largest_network_within_a_budget_and_its_file_runs(home, tmp_path):
    options = ["--stem", "cifar", "--image-size", "32", "--classes", "7", "--max-madds", "20M"]
    done = nas(home, "transfer", "small", *options, "--output", str(tmp_path / "net"), "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert 0.8 * 20e6 < told["madds"] <= 20e6
    ran = subprocess.run(
        [sys.executable, "-I", told["file"]], capture_output=True, text=True, check=True
    )
    assert "(fresh weights)" in ran.stdout
    assert "logits (4, 7)" in ran.stdout


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--stem", "mnist"], "'mnist' is not one of 'imagenet', 'cifar'"),
        (["--max-madds", "-4"], "'-4' is no number above 0"),
        (["--max-params", "10"], "no size within the budget"),
        (["99"], "99"),
    ],
)
def test_what_cannot_be_built_is_one_clear_line(home, options, line):
    done = nas(home, "transfer", "small", *options)
    assert done.returncode == 2
    assert line in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
