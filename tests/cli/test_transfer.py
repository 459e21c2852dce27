"""``nas transfer``: a searched cell at another size, within a budget, as a file that runs."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.cli.running import nas


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Return a folder with one finished trial of a small NASNet search."""
    folder = tmp_path_factory.mktemp("home")
    options = ["--data", "digits", "--trials", "1", "--epochs", "1", "--filters", "2"]
    options += ["--final-epochs", "0", "--executor", "inline", "--workers", "1", "--name", "small"]
    options += ["--set", "space.options.blocks=2", "--train-images", "100"]
    nas(folder, "search", *options)
    return folder


def test_a_cell_becomes_the_largest_network_within_a_budget_and_its_file_runs(home, tmp_path):
    options = ["--stem", "cifar", "--image-size", "32", "--classes", "7", "--max-madds", "20M"]
    out = nas(home, "transfer", "small", *options, "--output", str(tmp_path / "net"), "--json")
    told = json.loads(out)
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
    error = nas(home, "transfer", "small", *options, code=2)
    assert line in error
    assert len(error.strip().splitlines()) == 1
