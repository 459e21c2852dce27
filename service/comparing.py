"""Trains the networks of a comparison: one network and seed after another, from scratch.

``python -m service.comparing COMPARISON_ID`` is what the supervisor starts for a comparison that a
user asks for. A training that fails is noted, and the others go on.
"""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nas.catalog import REGISTRIES
from nas.data import load_final
from nas.execution.worker import limit_threads
from nas.recipe import Recipe
from nas.trial import FailureKind, TrialFailure
from nas.zoo import ZooError
from service import comparisons, specs
from service.carrying_out import carry_out, outcome_of, paced, run_process
from service.comparisons import COMPARISON, Fence
from service.errors import UserError
from service.searchrows import SearchRows

if TYPE_CHECKING:
    from nas.compare import Contestant
    from nas.data import FinalData
    from nas.spec import SearchSpec
    from nas.trial import Metrics
    from service.contests import ComparisonView
    from service.db import Database
    from service.processes import Stop

_log = logging.getLogger(__name__)


def train(database: Database, comparison_id: str, stop: Stop) -> ComparisonView:
    """Train what is missing of a comparison, and return it as it then is.

    Interrupted by a signal, it stays as it was, to be gone on with. Raises LockHeld when another
    process trains a comparison of the search.
    """

    def work(epoch: int) -> None:
        _train(database, Fence(COMPARISON, database, comparison_id, epoch), stop)

    carry_out(database, COMPARISON, comparison_id, stop, work)
    return comparisons.of_id(database, comparison_id)


@dataclass(frozen=True)
class _Way:
    """The networks, and how they are trained."""

    networks: dict[str, Contestant]
    data: FinalData
    recipe: Recipe
    seconds: float | None
    epochs: dict[str, int]  # of networks whose number of epochs is known

    def epochs_of(self, one: Contestant) -> int:
        """Return the epochs of each training of a network: as asked, or as its seconds allow."""
        from nas.compare import epoch_seconds, epochs_within

        if self.seconds is None:
            return self.recipe.epochs
        if one.name not in self.epochs:
            each = epoch_seconds(one, self.data, self.recipe)
            self.epochs[one.name] = epochs_within(self.seconds, each)
        return self.epochs[one.name]


def _train(database: Database, fence: Fence, stop: Stop) -> None:
    with database.read() as connection:
        row = COMPARISON.get(connection, fence.job_id)
        known = comparisons.results(connection, row)
        missing = comparisons.missing(connection, fence.job_id)
        rows = SearchRows(connection, row.search_id)
        spec = specs.stored(rows.search().spec)
        decisions = {
            one["name"]: rows.trials(one["trial"])[0].proposal.decisions
            for one in row.networks
            if one["trial"] is not None
        }
    if spec.data is None:
        raise UserError(f"evaluator {spec.evaluator.name!r} trains nothing", field="data")
    recipe = Recipe.model_validate(spec.evaluator.options.get("recipe", {}))
    way = _Way(
        _networks(row.networks, spec, decisions),
        # The split of the search: its test images are those that no trial has seen.
        load_final(spec.data, spec.seed, database.settings.data_root),
        recipe.model_copy(update={"epochs": row.epochs or recipe.epochs}),
        row.seconds,
        {one.network: round(one.metrics["epochs"]) for one in known if one.metrics},
    )
    # As many threads as a trial had: the same numbers again on the same machine.
    limit_threads(spec.execution.cpus_per_trial)
    for name, seed in missing:
        _one(way, fence, way.networks[name], seed, stop)
    fence.end(_latencies(database, fence.job_id, way))


def _networks(
    listed: list[dict[str, Any]], spec: SearchSpec, decisions: dict[str, Any]
) -> dict[str, Contestant]:
    from nas.compare import Contestant, random_cells
    from nas.training.blueprint import Blueprint

    space = REGISTRIES["space"].create(spec.space.name, spec.space.options)
    drawn = random_cells(spec, sum(one["kind"] == "random" for one in listed))
    found = {one.name: one for one in drawn}
    for one in listed:
        name, kind = one["name"], one["kind"]
        if kind == "searched":
            arch = space.decode(decisions[name])
            found[name] = Contestant(name, kind, Blueprint.searched(name, arch, spec))
        elif kind == "zoo":
            found[name] = Contestant(name, kind, Blueprint.named(name))
    return found


def _one(way: _Way, fence: Fence, one: Contestant, seed: int, stop: Stop) -> None:
    """Train and test one network with one seed; keep the result, or why there is none."""
    from nas.compare import fresh, train_once
    from nas.profile import profile

    def trained() -> Metrics:
        try:
            cost = profile(fresh(one, way.data), way.data.task)
        except ZooError as error:  # it cannot be built for these images
            raise TrialFailure(FailureKind.INVALID, str(error)) from error
        epochs = way.epochs_of(one)

        def note(step: int, metrics: Metrics) -> None:
            fence.note(one.name, seed, step, epochs, metrics)

        note(0, {})
        recipe = way.recipe.model_copy(update={"epochs": epochs})
        found = train_once(one, way.data, recipe, seed, paced(note, stop))
        costs = {"params": float(cost.params), "madds": float(cost.madds)}
        return found | costs | {"epochs": float(epochs)}

    what = f"{one.name}, seed {seed}"
    _log.info("%s", what)
    fence.keep(one.name, seed, outcome_of(trained, what))


def _latencies(database: Database, job_id: str, way: _Way) -> dict[str, dict[str, float]]:
    """Measure the networks that were trained, in turns, for one image."""
    from nas.compare import fresh
    from nas.latency import measure_all

    rows = comparisons.of_id(database, job_id).rows
    models = {one.name: fresh(way.networks[one.name], way.data).eval() for one in rows if one.tests}
    found = measure_all(models, way.data.task) if models else {}
    return {name: {"p50_ms": 1e3 * one.p50, "p95_ms": 1e3 * one.p95} for name, one in found.items()}


def main(arguments: list[str]) -> int:
    """Train one comparison; return the exit code: 0, or 75 if another process trains."""
    return run_process(arguments, lambda *given: train(*given).state)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
