"""The benchmark: budgets count functions, scores are the incumbent's, a run can be resumed."""

from __future__ import annotations

import itertools
import random

import pytest
from PIL import Image

from nas.bench.lookup import Lookup, read_lookup
from nas.bench.play import Game, play
from nas.bench.plot import draw_curves
from nas.bench.run import Setup, run
from nas.bench.summary import summarise
from nas.bench.synthetic import write_synthetic
from searchspaces.registry import RegistryError
from searchspaces.table import TableSpace
from searchspaces.toy import Toy


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return write_synthetic(tmp_path_factory.mktemp("bench") / "table.csv", seed=0)


def setup_of(table, controllers, trials=40, seeds=6, **more):
    return Setup(str(table), "table", "seen", "final", controllers, trials, seeds, **more)


def toy_lookup():
    space = Toy()
    points = list(itertools.product(range(4), repeat=6))
    search = {point: space.value(point) for point in points}
    return Lookup(space, search, {point: 100 * value for point, value in search.items()})


def test_the_score_is_that_of_the_architecture_that_looks_best_so_far(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("choice:a,seen,final\nx,0.1,7\ny,0.3,5\nz,0.2,9\n")
    lookup = read_lookup(str(path), "table", "seen", "final")
    assert lookup.best == 5
    for seed in range(6):
        curve = play(lookup, "evolution", seed, 3).curve
        assert curve[-1] == 5  # y looks best, though z would have been better
        assert set(curve) <= {7, 5, 9}


def test_a_repeat_is_free_and_a_budget_counts_functions():
    game = play(toy_lookup(), "random", 0, 300)
    assert len(game.curve) == 300
    assert game.asked > 300  # of 4,096 points some are drawn twice


def test_a_controller_with_nothing_left_keeps_its_incumbent(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("choice:a,seen,final\nx,0.1,7\ny,0.3,5\n")
    game = play(read_lookup(str(path), "table", "seen", "final"), "evolution", 0, 10)
    assert game.curve[1:] == [5] * 9
    assert game.asked == 2


def test_a_point_that_the_table_lacks_costs_nothing(tmp_path):
    path = tmp_path / "t.csv"
    rows = [f"{a},{b},0.{a}{b},{a}" for a in (1, 2, 3) for b in (1, 2, 3) if (a, b) != (2, 2)]
    path.write_text("\n".join(["choice:a,choice:b,seen,final", *rows]) + "\n")
    game = play(read_lookup(str(path), "table", "seen", "final"), "evolution", 0, 8)
    assert game.curve[-1] == 3
    assert game.asked == 9


def test_controllers_beat_random_on_a_space_of_another_shape(table):
    names = ("surrogate", "evolution", "local_search", "tpe", "random")
    games = run(setup_of(table, names, trials=60, seeds=8))
    rows = {row.controller: row for row in summarise(games, [60], 1.0)}
    for name in names[:-1]:
        assert rows[name].lift > 2 * rows[name].lift_se, rows[name]
    assert rows["surrogate"].mean >= max(rows[name].mean for name in names)


def test_a_run_cut_short_goes_on_and_ends_as_if_undisturbed(table, tmp_path):
    setup = setup_of(table, ("evolution", "random"), seeds=4)
    whole = run(setup)
    journal = tmp_path / "games"
    run(setup_of(table, ("evolution", "random"), seeds=2), journal)
    lines = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join(lines[:3]) + lines[3][:25])  # killed while it wrote
    played = []
    again = run(setup, journal, progress=lambda *args: played.append(args))
    assert {n: [g.curve for g in found] for n, found in again.items()} == {
        n: [g.curve for g in found] for n, found in whole.items()
    }
    assert played[0] == ("evolution", 2, 4)
    assert sum(1 for line in journal.read_text().splitlines() if line.endswith("}")) == 8
    assert run(setup, journal) == again  # nothing is left to play


def test_other_options_are_other_games(table, tmp_path):
    journal = tmp_path / "games"
    first = run(setup_of(table, ("evolution",), seeds=2), journal)
    other = setup_of(table, ("evolution",), seeds=2, options={"evolution": {"population": 5}})
    second = run(other, journal)
    assert [game.curve for game in first["evolution"]] != [g.curve for g in second["evolution"]]


def test_two_processes_play_the_same_games_as_one(table):
    setup = setup_of(table, ("local_search",), seeds=6)
    alone, together = run(setup), run(setup, jobs=2)
    assert [game.curve for game in alone["local_search"]] == [
        game.curve for game in together["local_search"]
    ]


def test_mean_spread_error_regret_and_lift_are_those_worked_out_by_hand():
    games = {
        "evolution": [Game([1.0, 4.0], 2, 0.1, 1.0), Game([3.0, 8.0], 2, 0.3, 3.0)],
        "random": [Game([0.0, 1.0], 2, 0.1, 1.0), Game([0.0, 3.0], 2, 0.1, 1.0)],
    }
    first, last, *_ = summarise(games, [1, 2], 9.0)
    assert (first.mean, first.sd, first.se) == pytest.approx((2.0, 2**0.5, 1.0))
    assert (last.mean, last.regret, last.lift) == pytest.approx((6.0, 3.0, 4.0))
    assert last.lift_se == pytest.approx((4 + 1) ** 0.5)
    assert (last.seconds, last.step_ms) == pytest.approx((0.2, 2.0))


def test_an_unknown_column_is_named_with_those_that_there_are(table):
    with pytest.raises(RegistryError, match="measures no 'test'; known: seen, final"):
        read_lookup(str(table), "table", "seen", "test")


def test_an_unknown_controller_is_refused_before_anything_runs(table):
    with pytest.raises(RegistryError, match="unknown controller 'magic'"):
        run(setup_of(table, ("random", "magic")))


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_curves_are_drawn_with_a_band_for_each_controller(tmp_path, suffix):
    rng = random.Random(0)
    games = {
        name: [
            Game(sorted(rng.uniform(0.5, 0.9) for _ in range(30)), 30, 0.1, 0.1) for _ in range(5)
        ]
        for name in ("surrogate", "a <b>")
    }
    path = tmp_path / f"curves.{suffix}"
    draw_curves(path, games, "scores & seeds")
    if suffix == "svg":
        text = path.read_text()
        assert text.count("<polygon") == 2
        assert "a &lt;b&gt;" in text
        assert "scores &amp; seeds" in text
    else:
        with Image.open(path) as image:
            image.load()
            colours = {colour for _, colour in image.getcolors(1 << 20)}
        assert {(0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00)} <= colours


def test_the_table_space_of_a_benchmark_is_the_one_of_its_file(table):
    lookup = read_lookup(str(table), "table", "seen", "final")
    assert isinstance(lookup.space, TableSpace)
    assert len(lookup.search) == lookup.space.size == 3**8
