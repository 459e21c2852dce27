"""nas bench: what it prints, what it writes, and what it says to a wrong option."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from service.cli import app

COLUMNS = ["--search-column", "seen", "--score-column", "final"]


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "t.csv"
    rows = [
        f"{a},{b},{c},{(a + b * c) / 20},{10 * (a + b * c)}"
        for a in range(4)
        for b in range(4)
        for c in range(4)
    ]
    path.write_text("\n".join(["choice:a,choice:b,choice:c,seen,final", *rows]) + "\n")
    return path


def bench(table, *arguments):
    return CliRunner().invoke(app, ["bench", "--table", str(table), "--space", "table", *arguments])


def test_a_benchmark_prints_a_table_and_writes_results_and_curves(table, tmp_path):
    out, plot = tmp_path / "out.json", tmp_path / "curves.svg"
    options = ["--controllers", "evolution,random", "--trials", "30,5", "--seeds", "4"]
    done = bench(table, *COLUMNS, *options, "--json", str(out), "--plot", str(plot))
    assert done.exit_code == 0, done.output
    results = json.loads(out.read_text())["results"]
    assert [(row["controller"], row["trials"]) for row in results] == [
        ("evolution", 5),
        ("evolution", 30),
        ("random", 5),
        ("random", 30),
    ]
    for row in results:
        assert row["mean"] + row["regret"] == pytest.approx(120)  # the best of the table
        assert row["se"] == pytest.approx(row["sd"] / 2)
    assert results[1]["lift"] == pytest.approx(results[1]["mean"] - results[3]["mean"])
    assert results[2]["lift"] is None
    assert f"{results[1]['mean']:.3f}" in done.stdout
    assert plot.read_text().startswith("<svg")


def test_more_seeds_are_played_on_top_of_those_that_were(table, tmp_path):
    out = tmp_path / "out.json"
    options = ["--controllers", "random", "--trials", "5", "--json", str(out)]
    assert bench(table, *COLUMNS, *options, "--seeds", "3").exit_code == 0
    assert bench(table, *COLUMNS, *options, "--seeds", "5").exit_code == 0
    games = [json.loads(line) for line in (tmp_path / "out.json.games").read_text().splitlines()]
    assert [game["seed"] for game in games] == [0, 1, 2, 3, 4]
    assert json.loads(out.read_text())["results"][0]["seeds"] == 5


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--trials", "ten"], ["--trials", "'ten'"]),
        (["--controllers", "magic"], ["unknown controller 'magic'", "random"]),
        (["--controllers", "random", "--set", "evolution.sample=3"], ["--set", "random"]),
        (["--set", "evolution.samples=3"], ["samples", "sample"]),
        (["--plot", "curves.gif"], ["--plot", ".svg or .png", "curves.gif"]),
        (["--json", "/no/such/folder/out.json"], ["--json", "/no/such/folder"]),
    ],
)
def test_a_wrong_option_is_answered_by_one_line(table, arguments, words):
    done = bench(table, *COLUMNS, *arguments)
    assert done.exit_code == 2
    assert len(done.stderr.strip().splitlines()) == 1
    for word in words:
        assert word in done.stderr


def test_a_wrong_column_or_file_is_answered_by_one_line(table, tmp_path):
    done = bench(table, "--search-column", "seen", "--score-column", "test")
    assert done.exit_code == 2
    assert "no 'test'" in done.stderr
    done = bench(tmp_path / "none.csv", *COLUMNS)
    assert done.exit_code == 2
    assert "none.csv" in done.stderr
    assert "Traceback" not in done.stderr
