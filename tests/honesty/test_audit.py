"""The audit: which architectures, what it says of scores that rank and of those that do not."""

from __future__ import annotations

import json
import random

import pytest
import torch
from typer.testing import CliRunner

from nas.honesty.audit import Audited, audit, spread_out, summarise
from searchspaces.toy import Toy
from service.cli import app

SPACE = Toy()


def chosen(count=10, seed=0):
    return spread_out(SPACE, count, seed, lambda point: float(sum(point)))


def test_the_architectures_are_different_and_spread_over_all_sizes():
    found = chosen(8)
    costs = [cost for _, cost in found]
    assert costs == sorted(costs)
    assert len({SPACE.decode(point).key() for point, _ in found}) == 8
    assert costs[-1] - costs[0] >= 10  # of 18 possible
    assert found == chosen(8)
    assert found != chosen(8, seed=1)


def test_a_score_that_ranks_needs_no_warning():
    rng = random.Random(0)
    calls = []

    def train(point, seed, epochs):
        calls.append((point, seed, epochs))
        return SPACE.value(point) / (1 + (epochs < 5)) + rng.gauss(0, 0.01)

    found = audit(chosen(), train, short=1, long=9, seeds=2)
    assert found.tau > 0.7
    assert 0 < found.low <= found.tau <= found.high <= 1
    assert found.noise == pytest.approx(0.01, abs=0.006)
    assert found.warning == ""
    assert len(calls) == len(set(calls)) == 40
    seeds = [{s for _, s, e in calls if e == epochs} for epochs in (1, 9)]
    assert seeds == [{0, 1}, {2, 3}]  # short and long have no luck in common


def scored(short):
    """Return an audit of ten architectures whose long scores rise from 0 to 0.9."""
    return summarise([Audited((i,), i, short(i), (i / 10,)) for i in range(10)])


def test_scores_that_do_not_rank_are_warned_of():
    rng = random.Random(3)
    assert "not shown" in scored(lambda _: (rng.random(), rng.random())).warning
    assert "wrong way" in scored(lambda i: (1 - i / 10,)).warning
    assert "same score" in scored(lambda _: (0.1,)).warning
    loud = scored(lambda i: (i / 100 + 0.4, i / 100 - 0.4))
    assert "seeds differ more" in loud.warning
    assert scored(lambda i: (i / 100,)).warning == ""


def test_nas_audit_trains_and_tells(tmp_path):
    torch.set_num_threads(1)
    arguments = ["--space", "toy", "--filters", "4", "--train-images", "100", "--epochs", "1"]
    numbers = ["--long-epochs", "2", "--architectures", "3", "--seeds", "2"]
    home = ["--home", str(tmp_path / "home"), "audit"]
    told = CliRunner().invoke(app, [*home, *arguments, *numbers])
    assert told.exit_code == 0, told.output
    assert "Kendall's tau" in told.stdout
    assert "warning: " in told.stdout  # three architectures cannot show anything
    data = json.loads(CliRunner().invoke(app, [*home, *arguments, *numbers, "--json"]).stdout)
    assert (data["low"], data["high"]) == (-1.0, 1.0)
    assert [len(row["short"]) for row in data["rows"]] == [2, 2, 2]
    wrong = CliRunner().invoke(app, [*home, *arguments, "--long-epochs", "1"])
    assert wrong.exit_code == 2
    assert "long_epochs is 1, allowed are 2 to 10000" in wrong.stderr
