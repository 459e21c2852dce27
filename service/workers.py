"""What runs where: searches with their places and the trials in them, Ray, this machine.

From the database and the pulses alone: the API asks no runner and does not know Ray.
"""

from __future__ import annotations

import os
from datetime import datetime  # noqa: TC003 - read when the views are made
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from nas.trial import State
from service import vitals
from service.clock import moment, moment_or_none
from service.schemas import Report, View
from service.states import ACTIVE, SearchState
from service.summaries import workers_of
from service.tables import search, trial, trial_attempt
from service.trials import last_reports
from service.vitals import Pulse, RunnerPulse

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from service.db import Database
    from service.settings import Settings


class Running(View):
    """A trial that runs: its last report, and of how many epochs, where that is known."""

    number: int
    attempt: int
    started_at: datetime | None
    progress: Report | None
    epochs: int | None


class Worker(View):
    """A place that has finished attempts: its name tells the process, with Ray also the node."""

    name: str
    attempts: int
    seen_at: datetime


class Crew(View):
    """A search that is not at its end: its ``places``, the trials in them, who has worked for it.

    ``runner`` is the process that owns the search, null while there is none.
    """

    search: str
    name: str
    state: SearchState
    executor: str
    places: int
    cpus_per_trial: float
    gpus_per_trial: float
    runner: Pulse | None
    running: list[Running]
    workers: list[Worker]


class Machine(View):
    """The machine of the API: cores that it may use, load, memory; null where it does not tell."""

    cpus: int
    load: float | None
    memory_bytes: int | None
    memory_available_bytes: int | None


class NodeView(View):
    """A machine of a cluster: what it offers in all, and the ``searches`` that can use it.

    ``id`` tells it from others of its name and address, ``cluster`` is where its cluster answers.
    """

    id: str
    cluster: str
    name: str
    address: str
    alive: bool
    cpus: float
    gpus: float
    memory_bytes: int
    searches: list[str]


class WorkersView(View):
    """What runs where. ``ray`` is the cluster that the supervisor started, with its address.

    ``nodes`` are the machines of the clusters, as the runners of searches see them at this time.
    """

    machine: Machine
    supervisor: Pulse
    ray: Pulse
    nodes: list[NodeView]
    searches: list[Crew]


def workers(database: Database, settings: Settings) -> WorkersView:
    """Return what runs where."""
    health = vitals.health(database, settings)
    pulses = {one.search: one for one in health.runners}
    active = select(search).where(search.c.state.in_(ACTIVE), search.c.deleted_at.is_(None))
    with database.read() as connection:
        rows = connection.execute(active.order_by(search.c.created_at, search.c.id)).all()
        crews = [_crew(connection, row, pulses.get(row.id)) for row in rows]
    return WorkersView(
        machine=machine(),
        supervisor=health.supervisor,
        ray=health.ray,
        nodes=_nodes(pulses),
        searches=crews,
    )


def _nodes(pulses: dict[str, RunnerPulse]) -> list[NodeView]:
    """Return the machines that living runners tell of, each once; one that left is not alive."""
    told: dict[tuple[str, str], list[tuple[str, dict[str, Any]]]] = {}
    for search_id, pulse in pulses.items():
        for node in pulse.detail.get("nodes", ()) if pulse.alive else ():
            told.setdefault((node["address"], node["id"]), []).append((search_id, node))
    return [
        NodeView(
            **max((node for _, node in seen), key=lambda node: bool(node["alive"])),
            searches=sorted({search_id for search_id, _ in seen}),
        )
        for _, seen in sorted(told.items())
    ]


def _crew(connection: Connection, row: Row[tuple[object, ...]], pulse: Pulse | None) -> Crew:
    spec = row.spec
    execution = spec["execution"]
    running = connection.execute(
        select(trial)
        .where(trial.c.search_id == row.id, trial.c.state == State.RUNNING)
        .order_by(trial.c.number)
    ).all()
    reports = last_reports(connection, row.id, running)
    full = spec["evaluator"]["options"].get("recipe", {}).get("epochs")
    return Crew(
        search=row.id,
        name=row.name,
        state=row.state,
        executor=execution["executor"],
        places=1 if execution["executor"] == "inline" else workers_of(row),
        cpus_per_trial=execution["cpus_per_trial"],
        gpus_per_trial=execution["gpus_per_trial"],
        runner=pulse and Pulse(**pulse.model_dump(exclude={"search"})),
        running=[
            Running(
                number=one.number,
                attempt=one.attempt,
                started_at=moment_or_none(one.started_at),
                progress=reports.get(one.number),
                epochs=one.budget if one.budget is not None else full,
            )
            for one in running
        ],
        workers=_known(connection, row.id),
    )


def _known(connection: Connection, search_id: str) -> list[Worker]:
    """Return who has finished attempts of a search, by name."""
    table = trial_attempt.c
    rows = connection.execute(
        select(table.worker, func.count().label("attempts"), func.max(table.ended_at).label("at"))
        .where(table.search_id == search_id, table.worker != "", table.ended_at.is_not(None))
        .group_by(table.worker)
        .order_by(table.worker)
    )
    return [Worker(name=row.worker, attempts=row.attempts, seen_at=moment(row.at)) for row in rows]


def machine() -> Machine:
    """Return the cores, load and memory of this machine."""
    memory: dict[str, int] = {}
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            name, _, rest = line.partition(":")
            memory[name] = int(rest.split()[0]) * 1024
        load: float | None = os.getloadavg()[0]
    except OSError:
        load = None
    return Machine(
        cpus=len(os.sched_getaffinity(0)),
        load=load,
        memory_bytes=memory.get("MemTotal"),
        memory_available_bytes=memory.get("MemAvailable"),
    )
