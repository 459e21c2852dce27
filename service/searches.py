"""What can be done with searches, for the API and the command line: create, view, ask, change."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, tuple_

from nas.events import EventKind
from nas.spec import MOST_WORKERS
from nas.store import Desired
from service import cursors, idempotency, registered, specs, summaries
from service.clock import now
from service.errors import Conflict, NotFound, UserError
from service.schemas import SearchPage
from service.searchrows import SearchRows
from service.states import ENDED, SearchState
from service.tables import search

# Trials are shown by the same module to those who import this one.
from service.trials import detail, trials

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection, Row

    from nas.spec import SearchSpec
    from service.db import Database
    from service.schemas import SearchView

__all__ = [
    "change_limits",
    "check_unfinished",
    "create",
    "detail",
    "list",
    "make",
    "repeatable",
    "request",
    "resolve",
    "trials",
    "view",
]

LAST = "last"
MOST_TRIALS = 1_000_000
MOST = {"trials": MOST_TRIALS, "workers": MOST_WORKERS}


def create(database: Database, spec: SearchSpec, key: idempotency.Key | None = None) -> str:
    """Keep a new search, to be run by whoever looks for pending ones; return its id.

    ``key`` makes a repeat harmless: the same key with the same spec gives the first one's id.
    Raises UserError where the spec is wrong, or the key was used with another spec.
    """
    return make(database, repeatable(key, spec.model_dump(mode="json")), lambda: spec)


def repeatable(key: idempotency.Key | None, content: Any) -> idempotency.Request:
    """Return a request that makes a search; ``content`` is JSON data that tells it from others."""
    return idempotency.Request(key, content, lambda *found: SearchRows(*found).search())


def make(
    database: Database, request: idempotency.Request, described: Callable[[], SearchSpec]
) -> str:
    """Keep a new search as :func:`create` does; it is described if the request is no repeat."""
    earlier = request.earlier(database)
    if earlier is not None:
        return earlier
    spec = registered.located(database, described())
    checked = specs.complete(spec, database.settings.data_root)
    specs.check_workers(checked.execution.executor, checked.execution.workers, "execution.workers")
    with database.write() as connection:
        return request.once(connection, lambda: _insert(connection, checked))


def view(database: Database, search_id: str) -> SearchView:
    """Return a search as it stands; raise NotFound if there is none."""
    with database.read() as connection:
        row = SearchRows(connection, search_id).search()
        return summaries.views(connection, [row], database.settings.root_path)[0]


def list(
    database: Database,
    *,
    after: str | None = None,
    limit: int = 50,
    state: SearchState | None = None,
    name: str | None = None,
    deleted: bool = False,
) -> SearchPage:
    """Return a page of searches, the newest first; or of those that were thrown away.

    ``name`` is a shell pattern, such as ``cifar*``.
    """
    gone = search.c.deleted_at
    query = select(search).where(gone.is_not(None) if deleted else gone.is_(None))
    query = query.order_by(search.c.created_at.desc(), search.c.id.desc())
    if state is not None:
        query = query.where(search.c.state == state)
    if name is not None:
        query = query.where(search.c.name.op("GLOB")(name))
    if after is not None:
        query = query.where(
            tuple_(search.c.created_at, search.c.id) < tuple_(*cursors.unpack(after, int, str))
        )
    with database.read() as connection:
        rows = connection.execute(query.limit(limit + 1)).all()
        items = summaries.views(connection, rows[:limit], database.settings.root_path)
    last = rows[limit - 1] if len(rows) > limit else None
    following = cursors.pack(last.created_at, last.id) if last else None
    return SearchPage(items=items, next=following)


def resolve(database: Database, name: str) -> str:
    """Return the id of a search given by its id, by its name (the newest of it), or as "last"."""
    there = select(search.c.id).where(search.c.deleted_at.is_(None))
    newest = there.order_by(search.c.created_at.desc(), search.c.id.desc()).limit(1)
    queries = [newest.where(search.c.id == name), newest.where(search.c.name == name)]
    if name == LAST:
        queries.append(newest)
    with database.read() as connection:
        for query in queries:
            found: str | None = connection.execute(query).scalar()
            if found is not None:
                return found
    raise NotFound(f"no search has the id or the name {name!r}", field="search", value=name)


def request(database: Database, search_id: str, desired: Desired) -> SearchView:
    """Note what the user wants of a search; the supervisor and the runner see to it.

    Raises Conflict where the search's state does not allow it.
    """
    with database.write() as connection:
        rows = SearchRows(connection, search_id)
        values = _wish(rows.search(), desired, rows.count())
        if values:
            rows.set_search(**values)
            rows.note_state()
    return view(database, search_id)


def change_limits(database: Database, search_id: str, **limits: Any) -> SearchView:
    """Change ``trials``, ``hours`` (None: no limit) or ``workers``, also while the search runs."""
    values: dict[str, Any] = {f"{name}_limit": value for name, value in limits.items()}
    for name, most in MOST.items():
        value = limits.get(name, 1)
        if not isinstance(value, int) or not 1 <= value <= most:
            raise UserError(
                f"{name} is {value}, allowed are 1 to {most}",
                field=name,
                value=value,
                allowed=f"1 to {most}",
            )
    if values:
        with database.write() as connection:
            rows = SearchRows(connection, search_id)
            executor = rows.search().spec["execution"]["executor"]
            if "workers" in limits:
                specs.check_workers(executor, limits["workers"], "workers")
            rows.set_search(**values)
            rows.note_state()
    return view(database, search_id)


def check_unfinished(search_id: str, state: SearchState, limit: int, count: int) -> None:
    """Raise Conflict where a search has finished with all the trials that its limit allows."""
    if state is SearchState.FINISHED and count >= limit:
        raise Conflict(
            f"search {search_id} has finished; raise its limit of {limit} trials to go on",
            field="state",
            value=state,
            allowed=f"a limit above {count} trials",
        )


def remove_expired(database: Database) -> None:
    """Forget idempotency keys whose time is over."""
    with database.write() as connection:
        idempotency.remove_expired(connection)


def _insert(connection: Connection, spec: SearchSpec) -> str:
    registered.check_still_there(connection, spec.data)
    search_id = secrets.token_hex(5)
    connection.execute(
        insert(search).values(
            id=search_id,
            name=spec.name,
            spec=spec.model_dump(mode="json"),
            spec_hash=specs.digest(spec),
            state=SearchState.PENDING,
            desired=Desired.RUN,
            reason="",
            seed=spec.seed,
            trials_limit=spec.limits.trials,
            hours_limit=spec.limits.hours,
            owner_epoch=0,
            seconds_running=0.0,
            created_at=now(),
        )
    )
    rows = SearchRows(connection, search_id)
    rows.note(EventKind.SEARCH_CREATED, {"name": spec.name, "state": SearchState.PENDING})
    return search_id


def _wish(row: Row[Any], desired: Desired, count: int) -> dict[str, Any]:
    """Return the columns that a wish changes, none if it is fulfilled already."""
    state = SearchState(row.state)
    if desired is Desired.RUN:
        return _resumed(row, state, count)
    if state in ENDED:
        if desired is Desired.STOP:
            return {}
        text = f"search {row.id} has {state}: it cannot be paused"
        raise Conflict(text, field="state", value=state, allowed=sorted(set(SearchState) - ENDED))
    if row.desired == desired and state is not SearchState.PENDING:
        return {}
    values: dict[str, Any] = {"desired": desired}
    if state is SearchState.PENDING and row.owner_epoch == 0:  # no runner has seen it yet
        stop = desired is Desired.STOP
        values["state"] = SearchState.STOPPED if stop else SearchState.PAUSED
        values["ended_at"] = now() if stop else None
    return values


def _resumed(row: Row[Any], state: SearchState, count: int) -> dict[str, Any]:
    check_unfinished(row.id, state, row.trials_limit, count)
    if state in ENDED or state is SearchState.PAUSED:
        return {
            "desired": Desired.RUN,
            "state": SearchState.PENDING,
            "reason": "",
            "ended_at": None,
        }
    return {} if row.desired == Desired.RUN else {"desired": Desired.RUN}
