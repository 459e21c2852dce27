"""Finals: the best trials of a search, trained from scratch with several seeds and tested.

They are asked for here and trained by :mod:`service.retraining`. A row is written when a training
has ended, so that an interrupted final goes on where it was: what is in the table is not trained
again.
"""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING

from sqlalchemy import select

from nas.honesty.finals import Finalist, shrinkage
from nas.objective import EXCESS
from nas.trial import State
from service import idempotency, rounds, specs
from service.errors import Conflict, UserError
from service.rounds import FINALS
from service.rows import trial_of
from service.schemas import FinalistView, FinalsView
from service.searchrows import SearchRows
from service.states import JOB_ACTIVE, JobState
from service.tables import final
from service.tables import trial as trials

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from nas.spec import SearchSpec
    from nas.trial import Trial
    from service.db import Database
    from service.schemas import RoundView

MOST_TOP, MOST_SEEDS, MOST_EPOCHS = 50, 50, 10_000
METRIC, TEST = "accuracy", "test_accuracy"


def request(
    database: Database,
    search_id: str,
    *,
    top: int = 3,
    seeds: int = 3,
    epochs: int | None = None,
    key: idempotency.Key | None = None,
) -> str:
    """Ask for finals; return the id of their round.

    ``top`` different architectures by reward, ``seeds`` trainings of each; ``epochs`` is that of
    the search's final training by default. Asked for again while they are trained, they are the
    same. Raises Conflict where there is nothing to train or other finals of the search are being
    trained, UserError for a wrong number, or a ``key`` that was used for something else.
    """
    _check("top", top, MOST_TOP)
    _check("seeds", seeds, MOST_SEEDS)
    _check("epochs", 1 if epochs is None else epochs, MOST_EPOCHS)
    asked = idempotency.Request(key, ["finals", search_id, top, seeds, epochs], FINALS.get)
    with database.write() as connection:
        return asked.once(connection, lambda: _requested(connection, search_id, top, seeds, epochs))


def stop(database: Database, search_id: str) -> None:
    """End the finals that are being trained; what is trained is kept.

    Raises Conflict where none are.
    """
    with database.write() as connection:
        SearchRows(connection, search_id).search()
        row = FINALS.latest(connection, search_id)
        if row is None or row.state not in JOB_ACTIVE:
            raise Conflict(
                f"no finals of search {search_id} are being trained",
                field="search",
                value=search_id,
            )
        FINALS.end(connection, row.id, JobState.STOPPED)


def of_round(database: Database, round_id: str) -> RoundView:
    """Return a round as it stands."""
    with database.read() as connection:
        return rounds.view(connection, FINALS.get(connection, round_id))


def view(
    database: Database, search_id: str, *, top: int = 3, epochs: int | None = None
) -> FinalsView:
    """Return the finals of a search as far as they are, with the newest round of them.

    ``epochs`` is by default that of the search's final training.
    """
    _check("epochs", 1 if epochs is None else epochs, MOST_EPOCHS)
    with database.read() as connection:
        wanted = _epochs(_spec(connection, search_id), epochs)
        ranked = best(connection, search_id, top)
        known, failed = _results(connection, search_id, wanted)
        newest = FINALS.latest(connection, search_id)
        shown = rounds.view(connection, newest) if newest else None
        trained = connection.execute(
            select(final.c.epochs)
            .where(final.c.search_id == search_id)
            .distinct()
            .order_by(final.c.epochs)
        ).scalars()
        finalists = [
            Finalist(t.number, t.metrics.get(METRIC, math.nan), tuple(known[t.number].values()))
            for t in ranked
        ]
        known_all = not any(math.isnan(one.selection) for one in finalists)
        lead = shrinkage(finalists) if known_all else None
        return FinalsView(
            search=search_id,
            epochs=wanted,
            trained=list(trained),
            round=shown,
            finalists=[
                FinalistView(
                    trial=one.trial,
                    selection=None if math.isnan(one.selection) else one.selection,
                    tests=known[one.trial],
                    failures=failed[one.trial],
                    mean=one.mean if one.tests else None,
                    spread=one.spread,
                )
                for one in finalists
            ],
            lead_before=lead.before if lead else None,
            lead_after=lead.after if lead else None,
            lead_error=lead.error if lead else None,
        )


def best(connection: Connection, search_id: str, top: int) -> list[Trial]:
    """Return the best finished trials, each architecture once; raise Conflict without any."""
    rows = connection.execute(
        select(trials)
        .where(
            trials.c.search_id == search_id,
            trials.c.state == State.DONE,
            trials.c.reward.is_not(None),
            trials.c.metrics[EXCESS].as_float().is_(None),
        )
        .order_by(trials.c.reward.desc(), trials.c.number)
    )
    found: dict[str, Trial] = {}
    for row in rows:
        found.setdefault(row.key, trial_of(row))
        if len(found) == top:
            rows.close()
            break
    if not found:
        raise Conflict(
            f"search {search_id} has no finished trial yet", field="search", value=search_id
        )
    return list(found.values())


def _requested(
    connection: Connection, search_id: str, top: int, seeds: int, epochs: int | None
) -> str:
    spec = _spec(connection, search_id)
    if spec.data is None:
        raise Conflict(
            f"search {search_id} has no images to train on", field="search", value=search_id
        )
    wanted = _epochs(spec, epochs)
    chosen = [one.number for one in best(connection, search_id, top)]
    return _same(connection, search_id, (chosen, seeds, wanted)) or rounds.add(
        connection, search_id, chosen, seeds, wanted
    )


def _same(connection: Connection, search_id: str, wanted: tuple[list[int], int, int]) -> str | None:
    """Return the round that is under way if it is the one wanted, None if none is."""
    row = FINALS.latest(connection, search_id)
    if row is None or row.state not in JOB_ACTIVE:
        return None
    if (row.trials, row.seeds, row.epochs) == wanted:
        return str(row.id)
    raise Conflict(
        f"other finals of search {search_id} are being trained (the best {len(row.trials)}, "
        f"{row.seeds} seeds, {row.epochs} epochs); wait for them, or stop them",
        field="search",
    )


def _spec(connection: Connection, search_id: str) -> SearchSpec:
    return specs.stored(SearchRows(connection, search_id).search().spec)


def _results(
    connection: Connection, search_id: str, epochs: int
) -> tuple[dict[int, dict[int, float]], dict[int, dict[int, str]]]:
    """Return the test accuracies by trial and seed, and the failures likewise."""
    rows = connection.execute(
        select(final)
        .where(final.c.search_id == search_id, final.c.epochs == epochs)
        .order_by(final.c.trial, final.c.seed)
    )
    found: dict[int, dict[int, float]] = defaultdict(dict)
    failed: dict[int, dict[int, str]] = defaultdict(dict)
    for row in rows:
        if row.failure_kind is None:
            found[row.trial][row.seed] = row.metrics[TEST]
        else:
            failed[row.trial][row.seed] = f"{row.failure_kind}: {row.failure_message}"
    return found, failed


def _epochs(spec: SearchSpec, epochs: int | None) -> int:
    return spec.final.epochs or 1 if epochs is None else epochs


def _check(name: str, value: int, most: int) -> None:
    if not 1 <= value <= most:
        text = f"{name} is {value}, allowed are 1 to {most}"
        raise UserError(text, field=name, value=value, allowed=f"1 to {most}")
