"""Searches the recipe of one network: Ray Tune runs it, Optuna proposes, ASHA ends the hopeless.

The accuracy on the selection images decides; the test images play no part. Trials have schedules of
different lengths, and a short one is far down its cosine when a long one has just begun. So ASHA
compares them at equal parts of their schedules, not at equal epochs.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.data.source import open_source
from nas.data.spec import DataSpec
from nas.recipe import Recipe
from nas.training.blueprint import Blueprint

if TYPE_CHECKING:
    from collections.abc import Callable

    from nas.spec import Execution

# Ranges; the learning rate and the weight decay are searched on a logarithmic scale.
RATES, DECAYS, SMOOTHING, DROPS = (1e-3, 0.5), (1e-5, 1e-2), (0.0, 0.2), (0.0, 0.4)
SHORTEST = 4  # the longest schedule has so many times the epochs of the shortest
RUNG = 25  # percent of the schedule before ASHA may end a trial; then at each doubling
KEEP = 2  # of so many trials at a rung, one goes on
METRIC, TIME = "accuracy", "percent"


@dataclass(frozen=True, slots=True)
class Question:
    """What is tuned: a network, its images, the recipe to start from, and how many trials."""

    blueprint: Blueprint
    data: DataSpec
    recipe: Recipe
    root: Path
    trials: int
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Tried:
    """One trial: its settings, its last accuracy (0 to 1), and how far it came."""

    number: int
    settings: dict[str, float]
    accuracy: float | None
    epochs: int
    seconds: float
    error: str = ""

    @property
    def finished(self) -> bool:
        """Whether it trained its whole schedule: others were ended, or failed."""
        return not self.error and self.epochs == self.settings["epochs"]


def best(tried: list[Tried]) -> Tried | None:
    """Return the finished trial with the highest accuracy; None where none has finished."""
    finished = [one for one in tried if one.finished and one.accuracy is not None]
    return max(finished, key=lambda one: one.accuracy or 0.0, default=None)


def outcome(question: Question, one: Tried) -> tuple[Recipe, Blueprint]:
    """Return recipe and network with the settings of a trial."""
    changes = {name: value for name, value in one.settings.items() if name != "drop_path"}
    recipe = Recipe.model_validate(question.recipe.model_dump() | changes)
    blueprint = question.blueprint
    if "drop_path" in one.settings and blueprint.scale is not None:
        scale = blueprint.scale.model_copy(update={"drop_path": one.settings["drop_path"]})
        blueprint = blueprint.model_copy(update={"scale": scale})
    return recipe, blueprint


def space(question: Question) -> dict[str, Any]:
    """Return what is searched, as Tune's domains; drop path where the network can drop paths."""
    from ray import tune

    most = question.recipe.epochs
    lengths = sorted({max(1, round(most * part / SHORTEST)) for part in (1, 2, SHORTEST)})
    found = {
        "learning_rate": tune.loguniform(*RATES),
        "weight_decay": tune.loguniform(*DECAYS),
        "label_smoothing": tune.uniform(*SMOOTHING),
        "epochs": tune.choice(lengths),
    }
    if question.blueprint.scale is not None:
        found["drop_path"] = tune.uniform(*DROPS)
    return found


def tune_recipe(
    question: Question,
    execution: Execution,
    folder: Path,
    progress: Callable[[int, int, str], None] | None = None,
) -> list[Tried]:
    """Run the trials on a cluster, this machine's own or one that exists; return all of them.

    ``progress(done, all, text)`` is called whenever a trial ends. Tune's own files go to
    ``folder``; the same question asked there again goes on where it was, trials that had not ended
    from their beginning. Raises WorkersUnavailable where Ray does not start, KeyboardInterrupt
    where Ctrl-C ended it early.
    """
    from nas.execution.cluster import Cluster

    cluster = Cluster(execution)  # sets what Ray reads from the environment as it is loaded
    import ray

    cluster.connect(ray)
    try:
        return _run(question, execution, folder, progress)
    finally:
        cluster.close()


def experiment(question: Question) -> str:
    """Return the name of the experiment that answers a question: the same for the same.

    Raises DataError where its images cannot be read.
    """
    images = open_source(question.data, question.root).contents
    told = json.dumps([_constants(question), question.trials, images], sort_keys=True)
    return f"recipe-{hashlib.sha256(told.encode()).hexdigest()[:12]}"


def _constants(question: Question) -> dict[str, Any]:
    return {
        "blueprint": question.blueprint.model_dump(mode="json"),
        "data": question.data.model_dump(mode="json"),
        "recipe": question.recipe.model_dump(mode="json"),
        "root": str(question.root),
        "seed": question.seed,
    }


def _run(
    question: Question,
    execution: Execution,
    folder: Path,
    progress: Callable[[int, int, str], None] | None,
) -> list[Tried]:
    import optuna
    from ray import tune

    from nas import tune_course

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    threads = max(1, int(execution.cpus_per_trial))
    trainable = tune.with_resources(
        tune.with_parameters(_train, constants=_constants(question) | {"threads": threads}),
        {"cpu": execution.cpus_per_trial, "gpu": execution.gpus_per_trial},
    )
    place = folder / experiment(question)
    if tune.Tuner.can_restore(str(place)):
        tuner = tune.Tuner.restore(
            str(place), trainable, restart_errored=True, param_space=space(question)
        )
    else:
        tuner = _tuner(question, execution, place, trainable)
    tune_course.NOW = tune_course.Course(question.trials, METRIC, progress)
    with redirect_stdout(StringIO()):  # Tune prints tables of its own
        results = tuner.fit()
    # Tune ends at Ctrl-C as if all were well; one that was done is restored without a step.
    if results.num_terminated + results.num_errors < question.trials:
        raise KeyboardInterrupt
    # A restored experiment has its trials in another order.
    ordered = sorted((results[place] for place in range(len(results))), key=_begun)
    return [_tried(number, result) for number, result in enumerate(ordered)]


def _tuner(question: Question, execution: Execution, place: Path, trainable: Any) -> Any:
    """Return a new experiment whose files go to ``place``."""
    from ray import tune
    from ray.tune.schedulers import ASHAScheduler
    from ray.tune.search.optuna import OptunaSearch

    from nas.tune_course import Telling

    return tune.Tuner(
        trainable,
        param_space=space(question),
        tune_config=tune.TuneConfig(
            search_alg=OptunaSearch(metric=METRIC, mode="max", seed=question.seed),
            scheduler=ASHAScheduler(
                time_attr=TIME,
                metric=METRIC,
                mode="max",
                max_t=100,
                grace_period=RUNG,
                reduction_factor=KEEP,
            ),
            num_samples=question.trials,
            max_concurrent_trials=execution.workers,
            reuse_actors=True,  # a process loads torch once, not once a trial
        ),
        run_config=tune.RunConfig(
            name=place.name, storage_path=str(place.parent), verbose=0, callbacks=[Telling()]
        ),
    )


def _train(config: dict[str, Any], constants: dict[str, Any]) -> None:
    """Train one network with the settings of a trial; report each epoch to Tune."""
    import torch
    from ray import tune

    from nas.data import load_search
    from nas.seeding import seeded
    from nas.train import fit, pick_device

    torch.set_num_threads(constants["threads"])
    question = Question(
        Blueprint.model_validate(constants["blueprint"]),
        DataSpec.model_validate(constants["data"]),
        Recipe.model_validate(constants["recipe"]),
        Path(constants["root"]),
        1,
    )
    recipe, blueprint = outcome(question, Tried(0, config, None, 0, 0.0))
    device = pick_device(recipe.device)
    data = load_search(question.data, constants["seed"], question.root).to(device)
    with seeded(constants["seed"], device):
        model = blueprint.build(data.task)

    def report(epoch: int, metrics: dict[str, float]) -> bool:
        told = {METRIC: metrics["accuracy"], "epoch": epoch}
        tune.report(told | {TIME: 100 * epoch // recipe.epochs})
        return True

    fit(
        model,
        data.train,
        data.selection,
        recipe,
        statistics=data.statistics,
        seed=constants["seed"],
        report=report,
    )


def _begun(result: Any) -> int:
    """Return the place of a trial among those that were begun, which its folder's name tells."""
    _, number, *_ = Path(result.path).name.removeprefix(f"{_train.__name__}_").split("_")
    return int(number) if number.isdecimal() else 0


def _tried(number: int, result: Any) -> Tried:
    metrics = result.metrics or {}
    error = "" if result.error is None else " ".join(str(result.error).split())[-300:]
    return Tried(
        number,
        dict(result.config or {}),
        metrics.get(METRIC),
        int(metrics.get("epoch", 0)),
        float(metrics.get("time_total_s", 0.0)),
        error,
    )
