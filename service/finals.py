"""Finals: the best trials of a search, trained from scratch with several seeds and tested.

A row is written when a training has ended, so that an interrupted final goes on where it was: what
is in the table is not trained again.
"""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING

from sqlalchemy import insert, select

from nas.catalog import REGISTRIES
from nas.data import load_final
from nas.honesty.finals import Finalist, shrinkage
from nas.objective import EXCESS
from nas.recipe import Recipe
from nas.spec import SearchSpec
from nas.trial import State, trial_seed
from searchspaces.scale import Scale
from service.clock import now
from service.errors import Conflict, UserError
from service.processes import file_lock
from service.schemas import FinalistView, FinalsView
from service.searchrows import SearchRows, finite
from service.tables import final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nas.evaluators import Report
    from nas.trial import Trial
    from service.db import Database

MOST_TOP, MOST_SEEDS, MOST_EPOCHS = 50, 50, 10_000
METRIC, TEST = "accuracy", "test_accuracy"


def run(
    database: Database,
    search_id: str,
    *,
    top: int = 3,
    seeds: int = 3,
    epochs: int | None = None,
    report: Callable[[int, int], Report] | None = None,
) -> FinalsView:
    """Train and test what is missing of the finals, and return them.

    ``top`` different architectures by reward, ``seeds`` trainings of each; ``epochs`` is that of
    the search's final training by default. ``report(trial, seed)`` gives the report of one
    training. Raises UserError and Conflict where there is nothing to train, LockHeld where
    another process runs these finals, TrialFailure where a training fails.
    """
    _check("top", top, MOST_TOP)
    _check("seeds", seeds, MOST_SEEDS)
    with database.read() as connection:
        spec = SearchSpec.model_validate(SearchRows(connection, search_id).search().spec)
    if spec.data is None:
        raise Conflict(f"search {search_id} has no images to train on", field="search")
    wanted = _epochs(spec, epochs)
    chosen = _best(database, search_id, top)
    with file_lock(database.settings.folder("locks") / f"finals-{search_id}.lock"):
        known = _results(database, search_id, wanted)
        missing = [
            (trial, seed)
            for seed in range(seeds)
            for trial in chosen
            if seed not in known[trial.number]
        ]
        _train(database, search_id, (spec, wanted), missing, report)
    return view(database, search_id, top=top, epochs=wanted)


def view(
    database: Database, search_id: str, *, top: int = 3, epochs: int | None = None
) -> FinalsView:
    """Return the finals of a search as far as they are."""
    with database.read() as connection:
        spec = SearchSpec.model_validate(SearchRows(connection, search_id).search().spec)
    wanted = _epochs(spec, epochs)
    known = _results(database, search_id, wanted)
    ranked = _best(database, search_id, top)
    finalists = [
        Finalist(t.number, t.metrics.get(METRIC, math.nan), tuple(known[t.number].values()))
        for t in ranked
    ]
    known_all = not any(math.isnan(one.selection) for one in finalists)
    lead = shrinkage(finalists) if known_all else None
    return FinalsView(
        search=search_id,
        epochs=wanted,
        finalists=[
            FinalistView(
                trial=one.trial,
                selection=None if math.isnan(one.selection) else one.selection,
                tests=known[one.trial],
                mean=one.mean if one.tests else None,
                spread=one.spread,
            )
            for one in finalists
        ],
        lead_before=lead.before if lead else None,
        lead_after=lead.after if lead else None,
        lead_error=lead.error if lead else None,
    )


def _train(
    database: Database,
    search_id: str,
    how: tuple[SearchSpec, int],
    missing: Sequence[tuple[Trial, int]],
    report: Callable[[int, int], Report] | None,
) -> None:
    from nas.final import train_final

    spec, epochs = how
    if not missing or spec.data is None:
        return
    data = load_final(spec.data, spec.seed, database.settings.data_root)
    space = REGISTRIES["space"].create(spec.space.name, spec.space.options)
    options = spec.evaluator.options
    recipe = Recipe.model_validate(options.get("recipe", {})).model_copy(update={"epochs": epochs})
    scale = Scale.model_validate(options.get("scale", {}))
    for trial, seed in missing:
        done = train_final(
            space,
            space.decode(trial.proposal.decisions),
            data,
            recipe,
            scale,
            seed=trial_seed(trial.seed, seed),
            report=report(trial.number, seed) if report else None,
        )
        with database.write() as connection:
            connection.execute(
                insert(final).values(
                    search_id=search_id,
                    trial=trial.number,
                    epochs=epochs,
                    seed=seed,
                    metrics=finite(done.metrics),
                    created_at=now(),
                )
            )


def _best(database: Database, search_id: str, top: int) -> list[Trial]:
    """Return the best finished trials, each architecture once."""
    with database.read() as connection:
        trials = SearchRows(connection, search_id).trials()
    done = [
        t
        for t in trials
        if t.state is State.DONE and t.reward is not None and not t.metrics.get(EXCESS)
    ]
    first: dict[str, Trial] = {}
    for trial in sorted(done, key=lambda t: (-(t.reward or 0.0), t.number)):
        first.setdefault(trial.key, trial)
    if not first:
        raise Conflict(f"search {search_id} has no finished trial yet", field="search")
    return list(first.values())[:top]


def _results(database: Database, search_id: str, epochs: int) -> dict[int, dict[int, float]]:
    """Return the test accuracies by trial and seed."""
    with database.read() as connection:
        rows = connection.execute(
            select(final)
            .where(final.c.search_id == search_id, final.c.epochs == epochs)
            .order_by(final.c.trial, final.c.seed)
        ).all()
    found: dict[int, dict[int, float]] = defaultdict(dict)
    for row in rows:
        found[row.trial][row.seed] = row.metrics[TEST]
    return found


def _epochs(spec: SearchSpec, epochs: int | None) -> int:
    wanted = spec.final.epochs or 1 if epochs is None else epochs
    _check("epochs", wanted, MOST_EPOCHS)
    return wanted


def _check(name: str, value: int, most: int) -> None:
    if not 1 <= value <= most:
        text = f"{name} is {value}, allowed are 1 to {most}"
        raise UserError(text, field=name, value=value, allowed=f"1 to {most}")
