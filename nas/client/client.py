"""The client of a service: what it offers, its searches and models, what happens there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import uuid4

from nas.client import events
from nas.client.address import find_token, read_address
from nas.client.answers import Event, ModelView, SearchView, read
from nas.client.datasets import Datasets
from nas.client.errors import ClientError
from nas.client.findings import ComparedView
from nas.client.finetunes import Finetunes
from nas.client.model import Model
from nas.client.offers import (
    Catalog,
    EstimateView,
    Health,
    Meta,
    NetworkDetail,
    NetworkView,
    PreviewView,
    TokenCreated,
    TokenView,
    WorkersView,
)
from nas.client.search import Search
from nas.client.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

LAST = "last"
NOT_FOUND = 404


class Client(Finetunes, Datasets):
    """A connection to a service; close it, or use it in a ``with`` block.

    Every failure is a :class:`~nas.client.errors.ClientError` of one line. Requests that may be
    sent twice are tried again where the service is busy or the connection breaks.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8000",
        token: str | None = None,
        *,
        home: Path | str | None = None,
        timeout: float = 60.0,
    ) -> None:
        """Connect to a service at its address, or by the link that ``nas serve`` prints.

        Without a token it is $NAS_TOKEN, and for a service on this machine the file ``token`` in
        its folder (``home``, by default $NAS_HOME). Nothing is sent yet.
        """
        address = read_address(url)
        self.url = address.url
        self.wire = Wire(address, find_token(address, token, home), timeout)

    def __enter__(self) -> Client:
        """Use it for a block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def __repr__(self) -> str:
        """Return a line without the token."""
        return f"<Client of {self.url}>"

    def close(self) -> None:
        """Close the connections."""
        self.wire.close()

    def meta(self) -> Meta:
        """Return name and version of what answers."""
        return read(Meta, self.wire.get("meta"))

    def health(self) -> Health:
        """Return how database, supervisor, runners and Ray are."""
        return read(Health, self.wire.get("health"))

    def tokens(self) -> list[TokenView]:
        """Return the tokens with scopes, without what nobody can read again."""
        return [read(TokenView, one) for one in self.wire.get("tokens")["items"]]

    def create_token(
        self, name: str, scope: str = "read", *, days: float | None = None
    ) -> TokenCreated:
        """Make a token that may "read", "write" or, as "admin", give tokens too.

        Its ``token`` can be read this once.
        """
        body = {"name": name, "scope": scope, "days": days}
        return read(TokenCreated, self.wire.send("POST", "tokens", body, again=False))

    def revoke_token(self, token_id: str) -> TokenView:
        """Make a token invalid from now on."""
        answer = self.wire.send("DELETE", f"tokens/{quote(token_id, safe='')}", again=False)
        return read(TokenView, answer)

    def workers(self) -> WorkersView:
        """Return what runs where: searches with their places and trials, Ray, the machine."""
        return read(WorkersView, self.wire.get("workers"))

    def catalog(self) -> Catalog:
        """Return spaces, controllers, evaluators, executors, data, formats, with their options."""
        return read(Catalog, self.wire.get("catalog"))

    def zoo(self, pattern: str = "*") -> list[NetworkView]:
        """Return published networks by name, such as "resnet*", with what they cost."""
        found = self.wire.get("zoo", pattern=pattern)
        return [read(NetworkView, one) for one in found["items"]]

    def network(self, name: str, size: int | None = None) -> NetworkDetail:
        """Return a published network with its layers, for images of a size."""
        found = self.wire.get(f"zoo/{quote(name, safe='')}", size=size)
        return read(NetworkDetail, found)

    def estimate(
        self, spec: dict[str, Any] | None = None, /, *, measure: bool = True, **parts: Any
    ) -> EstimateView:
        """Return what a search would take; its description is as for :meth:`create`.

        The first time for a kind of network it is measured, which takes seconds. Without
        ``measure`` the answer comes at once, and has no ranges where nothing was measured yet.
        """
        body = {**(spec or {}), **parts}
        asked = None if measure else False
        return read(EstimateView, self.wire.send("POST", "estimate", body, measure=asked))

    def preview(
        self,
        space: str | dict[str, Any],
        decisions: Sequence[int],
        *,
        task: dict[str, int] | None = None,
        scale: dict[str, Any] | None = None,
    ) -> PreviewView:
        """Return the architecture of some decisions, without a search: drawings and costs."""
        body = {"space": space, "decisions": list(decisions), "task": task, "scale": scale}
        given = {name: value for name, value in body.items() if value is not None}
        return read(PreviewView, self.wire.send("POST", "architectures/preview", given))

    def create(self, spec: dict[str, Any] | None = None, /, **parts: Any) -> Search:
        """Start a search: a description as JSON data, its parts by name, or both.

        ``client.create(name="first", limits={"trials": 20})``. What is absent has its default.
        Paths of images are those of the machine that the service runs on.
        """
        body = {**(spec or {}), **parts}
        answer = self.wire.send("POST", "searches", body, key=str(uuid4()))
        return Search(self.wire, read(SearchView, answer))

    def searches(
        self,
        *,
        state: str | None = None,
        name: str | None = None,
        deleted: bool = False,
        page: int = 50,
    ) -> Iterator[Search]:
        """Yield the searches, the newest first; ``page`` are fetched at a time.

        ``name`` is a pattern such as "cifar*"; ``deleted`` are those that were thrown away instead.
        """
        query: dict[str, str | int | None] = {"state": state, "name": name}
        query["deleted"] = deleted or None
        after: str | None = None
        while True:
            found = self.wire.get("searches", limit=page, after=after, **query)
            for one in found["items"]:
                yield Search(self.wire, read(SearchView, one))
            after = found["next"]
            if after is None:
                return

    def search(self, name: str = LAST) -> Search:
        """Return a search by its id, its name (the newest of that name), or as "last"."""
        try:
            found = self.wire.get(f"searches/{quote(name, safe='')}")
            return Search(self.wire, read(SearchView, found))
        except ClientError as error:
            if error.status != NOT_FOUND:
                raise
        newest = None
        for search in self.searches(page=500):
            newest = newest or search
            if search.name == name:
                return search
        if name == LAST and newest is not None:
            return newest
        raise ClientError(
            f"no search has the id or the name {name!r}",
            status=NOT_FOUND,
            field="search",
            value=name,
        )

    def compare(self, searches: Sequence[Search | str]) -> ComparedView:
        """Return 2 to 6 searches, or ids of such, side by side: the course of the best of each.

        ``differs`` says in which fields of objective, data and evaluator they are not the same.
        """
        ids = [one if isinstance(one, str) else one.id for one in searches]
        return read(ComparedView, self.wire.get("compare", searches=",".join(ids)))

    def model(self, model_id: str) -> Model:
        """Return a model by its id."""
        found = self.wire.get(f"models/{quote(model_id, safe='')}")
        return Model(self.wire, read(ModelView, found))

    def events(self, *, search: str | None = None, after: int | str = 0) -> Iterator[Event]:
        """Yield events for ever, of all searches or of the one with this id.

        ``after`` is a ``seq``, or "now" for what is to come. Lost connections are made again, and
        no event is missed or told twice.
        """
        return events.follow(self.wire, search, after)
