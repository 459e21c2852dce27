"""Comparisons: the best cells of a search, random ones and published networks, trained alike.

They are asked for here and trained by :mod:`service.comparing`. A row is written when a training
has ended, so that nothing that is known is trained again.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, select

from nas.events import EventKind
from nas.pareto import front
from nas.trial import FailureKind
from service import asked, finals, idempotency, specs
from service.clock import moment, moment_or_none, now
from service.contests import ComparisonView, NetworkRow
from service.errors import Conflict, UserError
from service.searchrows import SearchRows, finite
from service.states import JOB_ACTIVE, JobState
from service.tables import comparison
from service.tables import comparison_training as training

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Row

    from nas.trial import Failure, Metrics
    from service.contests import ComparisonRequest
    from service.db import Database

COSTS = ("params", "madds", "p50_ms")


class Fence(asked.Fence):
    """The right to write the results of a comparison."""

    def note(self, network: str, seed: int, step: int, epochs: int, metrics: Metrics) -> None:
        """Note how far a training is: ``step`` of ``epochs`` are done."""
        self.progress(network=network, seed=seed, step=step, epochs=epochs, metrics=finite(metrics))

    def keep(self, network: str, seed: int, outcome: Metrics | Failure) -> None:
        """Keep the result of a training, or why it has none."""
        failed = None if isinstance(outcome, dict) else outcome
        with self.writing() as (connection, row):
            connection.execute(
                insert(training).values(
                    search_id=row.search_id,
                    network=network,
                    budget=budget(row),
                    seed=seed,
                    metrics=finite(outcome) if isinstance(outcome, dict) else {},
                    created_at=now(),
                    failure_kind=failed and failed.kind,
                    failure_message=failed and failed.message,
                )
            )
            COMPARISON.change(connection, row.id, progress={})

    def end(self, latencies: dict[str, dict[str, float]]) -> None:
        """Note that nothing is missing, and how long the networks take for an image."""
        with self.writing() as (connection, row):
            state, error = asked.outcome(results(connection, row))
            COMPARISON.end(connection, row.id, state, error, latencies=latencies)


def budget(row: Row[Any]) -> str:
    """Return what each training of a comparison has, in words."""
    return f"{row.epochs} epochs" if row.seconds is None else f"{row.seconds:g} seconds"


def request(
    database: Database,
    search_id: str,
    wanted: ComparisonRequest,
    key: idempotency.Key | None = None,
) -> str:
    """Ask for a comparison; return its id.

    The same again while it is trained is the same, and with the same ``key`` always. Raises
    Conflict where the search has no images or no finished trial, or another comparison of it is
    being trained; UserError for networks that do not exist, and for fewer than two.
    """
    _check(wanted)
    content = ["comparison", search_id, wanted.model_dump(mode="json")]
    request = idempotency.Request(key, content, COMPARISON.get)
    with database.write() as connection:
        return request.once(connection, lambda: _requested(connection, search_id, wanted))


def _requested(connection: Connection, search_id: str, wanted: ComparisonRequest) -> str:
    spec = specs.stored(SearchRows(connection, search_id).search().spec)
    if spec.data is None:
        raise Conflict(
            f"search {search_id} has no images to train on", field="search", value=search_id
        )
    networks = _networks(connection, search_id, wanted)
    epochs = None
    if wanted.seconds is None:
        epochs = wanted.epochs or spec.final.epochs or 1
    values = {"seeds": wanted.seeds, "epochs": epochs, "seconds": wanted.seconds}
    row = COMPARISON.latest(connection, search_id)
    if row is not None and row.state in JOB_ACTIVE:
        if row.networks == networks and values == {name: row._mapping[name] for name in values}:
            return str(row.id)
        raise Conflict(
            f"another comparison of search {search_id} is being trained ({len(row.networks)} "
            f"networks, {row.seeds} seeds, {budget(row)}); wait for it, or stop it",
            field="search",
        )
    return _add(connection, search_id, networks, values)


def _networks(
    connection: Connection, search_id: str, wanted: ComparisonRequest
) -> list[dict[str, Any]]:
    """Return the networks that are asked for; raise UserError for fewer than two."""
    ranked = finals.best(connection, search_id, wanted.top) if wanted.top else []
    networks: list[dict[str, Any]] = [
        {"name": f"trial {one.number}", "kind": "searched", "trial": one.number} for one in ranked
    ]
    networks += [
        {"name": f"random {i}", "kind": "random", "trial": None} for i in range(wanted.random)
    ]
    networks += [{"name": name, "kind": "zoo", "trial": None} for name in dict.fromkeys(wanted.zoo)]
    if len(networks) < 2:
        text = f"{len(networks)} network is nothing to compare: at least two, of zoo or random"
        raise UserError(text, field="zoo", value=wanted.zoo, allowed="names of the zoo")
    return networks


def stop(database: Database, search_id: str) -> None:
    """End the comparison that is being trained; what is trained is kept.

    Raises Conflict where none is.
    """
    with database.write() as connection:
        SearchRows(connection, search_id).search()
        row = COMPARISON.latest(connection, search_id)
        if row is None or row.state not in JOB_ACTIVE:
            text = f"no comparison of search {search_id} is being trained"
            raise Conflict(text, field="search", value=search_id)
        COMPARISON.end(connection, row.id, JobState.STOPPED)


def view(database: Database, search_id: str) -> ComparisonView | None:
    """Return the newest comparison of a search as far as it is, None before the first."""
    with database.read() as connection:
        SearchRows(connection, search_id).search()
        row = COMPARISON.latest(connection, search_id)
        return None if row is None else _view(connection, row)


def of_id(database: Database, comparison_id: str) -> ComparisonView:
    """Return a comparison as it stands."""
    with database.read() as connection:
        return _view(connection, COMPARISON.get(connection, comparison_id))


def results(connection: Connection, row: Row[Any]) -> Sequence[Any]:
    """Return the trainings of a comparison that have ended: network and seed first."""
    return connection.execute(
        select(
            training.c.network,
            training.c.seed,
            training.c.metrics,
            training.c.failure_kind,
            training.c.failure_message,
        )
        .where(
            training.c.search_id == row.search_id,
            training.c.budget == budget(row),
            training.c.network.in_([one["name"] for one in row.networks]),
            training.c.seed < row.seeds,
        )
        .order_by(training.c.seed, training.c.network)
    ).all()


def missing(connection: Connection, comparison_id: str) -> list[tuple[str, int]]:
    """Return what is to be trained, as network and seed: each once before any twice."""
    row = COMPARISON.get(connection, comparison_id)
    names = [one["name"] for one in row.networks]
    return asked.each_once_first(names, row.seeds, results(connection, row))


def _check(wanted: ComparisonRequest) -> None:
    from nas.zoo import list_models

    if wanted.epochs is not None and wanted.seconds is not None:
        text = "give either epochs or seconds: both are the budget of a training"
        raise UserError(text, field="seconds", value=wanted.seconds, allowed="epochs or seconds")
    known = set(list_models()) if wanted.zoo else set()
    for name in wanted.zoo:
        if name not in known:
            text = f"the zoo has no network {name[:100]!r}"
            raise UserError(text, field="zoo", value=name[:100], allowed="names of GET /api/v1/zoo")


def _add(
    connection: Connection, search_id: str, networks: list[dict[str, Any]], values: dict[str, Any]
) -> str:
    """Insert a comparison; trainings that failed are tried again, but for divergence."""
    made = COMPARISON.add(
        connection, search_id=search_id, networks=networks, latencies={}, **values
    )
    row = COMPARISON.get(connection, made)
    connection.execute(
        delete(training).where(
            training.c.search_id == search_id,
            training.c.budget == budget(row),
            training.c.network.in_([one["name"] for one in networks]),
            training.c.failure_kind.is_not(None),
            training.c.failure_kind != FailureKind.DIVERGED,
        )
    )
    COMPARISON.tell(connection, made)
    return made


def _view(connection: Connection, row: Row[Any]) -> ComparisonView:
    known = results(connection, row)
    rows = _rows(row, known)
    return ComparisonView(
        id=row.id,
        search=row.search_id,
        state=JobState(row.state),
        seeds=row.seeds,
        epochs=row.epochs,
        seconds=row.seconds,
        total=len(row.networks) * row.seeds,
        done=sum(one.failure_kind is None for one in known),
        failed=sum(one.failure_kind is not None for one in known),
        progress=row.progress or None,
        rows=rows,
        fronts={cost: _front(rows, cost) for cost in COSTS},
        error=row.error,
        created_at=moment(row.created_at),
        started_at=moment_or_none(row.started_at),
        ended_at=moment_or_none(row.ended_at),
    )


def _rows(row: Row[Any], known: Sequence[Any]) -> list[NetworkRow]:
    """Return a row for each network: the best first, at the end those without a result."""
    measured: dict[str, dict[int, Metrics]] = defaultdict(dict)
    failures: dict[str, dict[int, str]] = defaultdict(dict)
    for one in known:
        if one.failure_kind is None:
            measured[one.network][one.seed] = one.metrics
        else:
            failures[one.network][one.seed] = f"{one.failure_kind}: {one.failure_message}"
    rows = []
    for network in row.networks:
        name, each = network["name"], measured[network["name"]]
        tests = {seed: metrics["accuracy"] for seed, metrics in each.items()}
        last: Metrics = next(iter(each.values()), {})
        rows.append(
            NetworkRow(
                name=name,
                kind=network["kind"],
                trial=network["trial"],
                tests=tests,
                failures=failures[name],
                mean=statistics.fmean(tests.values()) if tests else None,
                spread=statistics.stdev(tests.values()) if len(tests) > 1 else None,
                params=_whole(last.get("params")),
                madds=_whole(last.get("madds")),
                epochs=_whole(last.get("epochs")),
                train_seconds=statistics.fmean(m["seconds"] for m in each.values())
                if each
                else None,
                p50_ms=row.latencies.get(name, {}).get("p50_ms"),
                p95_ms=row.latencies.get(name, {}).get("p95_ms"),
            )
        )
    return sorted(rows, key=lambda one: (one.mean is None, -(one.mean or 0)))


def _front(rows: Sequence[NetworkRow], cost: str) -> list[str]:
    """Return the names of the rows that no other beats in mean accuracy and in a cost."""
    known = [
        (one.name, (one.mean, -float(value)))
        for one in rows
        if one.mean is not None and (value := getattr(one, cost)) is not None
    ]
    return [known[place][0] for place in front([point for _, point in known])]


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)


def _told(connection: Connection, row: Row[Any]) -> dict[str, Any]:
    shown = {"state", "total", "done", "failed", "progress", "error"}
    return _view(connection, row).model_dump(mode="json", include=shown)


def _kept(connection: Connection, row: Row[Any]) -> int:
    query = select(func.count()).where(training.c.search_id == row.search_id)
    return connection.execute(query).scalar_one()


COMPARISON = asked.Kind(
    "comparison",
    comparison,
    EventKind.COMPARISON_STATE,
    _told,
    lambda row: f"comparison-{row.search_id}.lock",
    _kept,
)
