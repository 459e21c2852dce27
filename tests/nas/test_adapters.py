"""Our controllers inside Optuna and inside Ray Tune."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

import optuna
import pytest
import ray
from ray import tune

from nas.labels import LabelSpace
from nas.optuna_sampler import ControllerSampler
from nas.tune import TuneSearcher
from searchspaces import SpaceError
from tests import drill
from tests.conftest import ROOT

OPTIONS = {f"place.{i}": ["conv", "pool", "skip", 4] for i in range(4)}
BEST = ["conv", 4, "skip", "conv"]


def value(config):
    return sum(config[name] == best for name, best in zip(OPTIONS, BEST, strict=True)) / 4


def objective(trial):
    return value({name: trial.suggest_categorical(name, v) for name, v in OPTIONS.items()})


@pytest.fixture(autouse=True)
def quiet():
    optuna.logging.set_verbosity(optuna.logging.WARNING)


def study_of(controller, seed=0, **more):
    sampler = ControllerSampler(OPTIONS, controller, seed=seed)
    return optuna.create_study(sampler=sampler, direction=more.pop("direction", "maximize"), **more)


def test_a_study_with_our_sampler_beats_one_with_random_samples():
    study, rand = study_of("surrogate"), study_of("random")
    for one in (study, rand):
        one.optimize(objective, n_trials=40)
    late, other = ([t.value for t in s.trials[20:]] for s in (study, rand))
    assert study.best_value == 1
    assert statistics.fmean(late) > statistics.fmean(other) + 0.1


def test_minimising_finds_the_other_end():
    study = study_of("surrogate", direction="minimize")
    study.optimize(lambda trial: 1 - objective(trial), n_trials=40)
    assert study.best_value == 0


def test_the_same_seed_gives_the_same_study():
    def course(seed):
        study = study_of("reinforce", seed)
        study.optimize(objective, n_trials=12)
        return [t.params for t in study.trials]

    assert course(1) == course(1) != course(2)


def test_a_new_sampler_learns_what_is_in_the_study_already(tmp_path):
    storage = f"sqlite:///{tmp_path}/study.db"
    study = study_of("evolution", storage=storage, study_name="s")
    study.optimize(objective, n_trials=15)
    again = ControllerSampler(OPTIONS, "evolution", seed=5)
    later = optuna.load_study(study_name="s", storage=storage, sampler=again)
    later.optimize(objective, n_trials=1)
    assert again.asked.told == 15
    for one in (study, later):
        one._storage.remove_session()
        getattr(one._storage, "_backend", one._storage).engine.dispose()


def test_failed_pruned_and_enqueued_trials_do_no_harm():
    study = study_of("surrogate")
    study.enqueue_trial(dict(zip(OPTIONS, BEST, strict=True)))

    def shaky(trial):
        worth = objective(trial)
        if trial.number % 4 == 1:
            raise ZeroDivisionError
        if trial.number % 4 == 2:
            raise optuna.TrialPruned
        return worth + trial.suggest_float("noise", 0, 1e-6)

    study.optimize(shaky, n_trials=16, catch=ZeroDivisionError)
    assert study.trials[0].value == pytest.approx(1, abs=1e-5)
    told = study.sampler.asked.told
    assert told == 15  # all but the last, which nobody has asked after
    assert len(study.sampler.asked.waiting) == 1


def test_a_study_of_two_objectives_is_refused():
    sampler = ControllerSampler(OPTIONS, "random")
    study = optuna.create_study(sampler=sampler, directions=["maximize", "minimize"])
    with pytest.raises(ValueError, match="one objective"):
        study.optimize(objective, n_trials=1)


def test_a_space_of_labels_turns_points_into_values_and_back():
    space = LabelSpace(OPTIONS)
    point = (0, 3, 2, 1)
    assert space.values(point) == dict(zip(OPTIONS, ["conv", 4, "skip", "pool"], strict=True))
    assert space.point(space.values(point)) == point
    assert space.decode(point).key() != space.decode((0, 3, 2, 2)).key()
    with pytest.raises(SpaceError):
        space.point({"place.0": "conv"})
    with pytest.raises(ValueError, match="different values"):
        LabelSpace({"op": ["a", "a"]})


def searched(searcher, number):
    """Suggest and complete trials as Tune does; return the configurations."""
    found = []
    for trial in range(number):
        config = searcher.suggest(f"t{trial}-{id(searcher)}")
        searcher.on_trial_complete(f"t{trial}-{id(searcher)}", {"score": value(config)})
        found.append(config)
    return found


def test_a_restored_searcher_goes_on_as_the_saved_one(tmp_path):
    file = str(tmp_path / "searcher.json")
    first = TuneSearcher("evolution", OPTIONS, metric="score", mode="max")
    searched(first, 8)
    first.suggest("open")
    first.save(file)
    second = TuneSearcher("evolution", metric="score", mode="max", seed=9)
    second.restore(file)
    for one in (first, second):
        one.on_trial_complete("open", {"score": 0.5})
        one.on_trial_complete("open", {"score": 99.0})  # told twice: no news
        one.on_trial_complete("unknown", {"score": 99.0})
    assert searched(first, 10) == searched(second, 10)


def test_a_domain_that_is_no_choice_is_refused():
    with pytest.raises(ValueError, match="'rate' is"):
        TuneSearcher("random").set_search_properties("score", "max", {"rate": tune.uniform(0, 1)})


def trainable(config):
    if config["scale"] != 1.0:
        raise ValueError("the constant is lost")
    return {"score": value(config) * config["scale"]}


@pytest.mark.ray
def test_a_tuner_with_our_searcher_finds_the_best_configuration(tmp_path):
    # In a process of its own: Ray reads its settings once, and other tests need others.
    code = "import sys, tests.nas.test_adapters as adapters; adapters.tuned(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    count, errors, best = json.loads(done.stdout.splitlines()[-1])
    assert (count, errors, best) == (24, 0, 1)


def tuned(folder):
    """Tune in this process; print how many trials there were, how many failed, and the best."""
    with drill.environment(Path(folder)):
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, configure_logging=False)
        try:
            tuner = tune.Tuner(
                trainable,
                param_space={**{n: tune.choice(v) for n, v in OPTIONS.items()}, "scale": 1.0},
                tune_config=tune.TuneConfig(
                    search_alg=TuneSearcher("surrogate", seed=0),
                    metric="score",
                    mode="max",
                    num_samples=24,
                    max_concurrent_trials=2,
                    reuse_actors=True,
                ),
                run_config=tune.RunConfig(storage_path=f"{folder}/results", verbose=0),
            )
            results = tuner.fit()
        finally:
            ray.shutdown()
    best = results.get_best_result().metrics["score"]
    sys.stdout.write("\n" + json.dumps([len(results), len(results.errors), best]) + "\n")
