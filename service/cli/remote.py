"""Commands through a server: ``nas --server URL``, by the client that Python users have."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar
from urllib.parse import parse_qsl, quote

from pydantic import BaseModel

from nas.client import Client, ClientError
from service.cli.failures import SearchFailed
from service.datasets import DatasetList, DatasetView
from service.errors import Conflict, NotFound, UserError
from service.estimates import EstimateView
from service.schemas import (
    AuditView,
    FinalsView,
    ModelView,
    RoundView,
    SearchPage,
    SearchView,
    TrialDetail,
    TrialPage,
)
from service.tokens import TokenCreated, TokenList, TokenView
from service.trash import DeletedView

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from nas.data import Progress
    from nas.spec import SearchSpec
    from nas.store import Desired
    from nas.trial import State
    from service.states import SearchState
    from service.tokens import Scope

View = TypeVar("View", bound=BaseModel)
WISHES = {"run": "resume", "pause": "pause", "stop": "stop"}


class Remote:
    """A server: what it shows is read as the same views that a folder gives."""

    def __init__(self, client: Client) -> None:
        """Answer from a server."""
        self.client = client

    @property
    def data_root(self) -> Path:
        """Refuse: the images are on the server."""
        raise UserError(f"that needs the images, which are at {self.client.url}", field="--server")

    def resolve(self, name: str) -> str:
        """Return the id of a search."""
        with _told():
            return self.client.search(name).id

    def create(self, spec: SearchSpec) -> str:
        """Start a search; its images are known to the server, or lie there."""
        try:
            with _told():
                return self.client.create(spec.model_dump(mode="json", exclude_unset=True)).id
        except UserError as error:
            if error.field != "data.source":
                raise
            text = f"{error} (paths are those of the machine at {self.client.url})"
            raise UserError(text, field=error.field, value=error.value) from error

    def clone(self, search_id: str, changes: dict[str, Any]) -> str:
        """Start a search like another there."""
        with _told():
            return self.client.search(search_id).clone(changes).id

    def estimate(self, spec: SearchSpec) -> EstimateView:
        """Return what a search would take on the server's machine."""
        body = spec.model_dump(mode="json", exclude_unset=True)
        return self._send(EstimateView, "POST", "estimate", body)

    def list(self, *, limit: int, state: SearchState | None, deleted: bool) -> SearchPage:
        """Return the newest searches."""
        gone = "true" if deleted else None
        return self._get(SearchPage, "searches", limit=limit, state=state, deleted=gone)

    def view(self, search_id: str) -> SearchView:
        """Return a search."""
        return self._get(SearchView, f"searches/{search_id}")

    def trials(self, search_id: str, *, sort: str, state: State, limit: int) -> TrialPage:
        """Return the first trials in an order."""
        place = f"searches/{search_id}/trials"
        return self._get(TrialPage, place, sort=sort, state=state, limit=limit)

    def detail(self, search_id: str, number: int) -> TrialDetail:
        """Return one trial."""
        return self._get(TrialDetail, f"searches/{search_id}/trials/{number}")

    def audit(self, search_id: str) -> AuditView | None:
        """Return the newest audit."""
        with _told():
            found = self.client.wire.get(f"searches/{search_id}/audit")
        return None if found is None else AuditView.model_validate(found)

    def request(self, search_id: str, wish: Desired) -> SearchView:
        """Pass a wish on."""
        return self._send(SearchView, "POST", f"searches/{search_id}/{WISHES[wish]}")

    def delete(self, search_id: str) -> DeletedView:
        """Throw a search away."""
        return self._send(DeletedView, "DELETE", f"searches/{search_id}")

    def restore(self, search_id: str) -> SearchView:
        """Take a search back."""
        return self._send(SearchView, "POST", f"searches/{search_id}/restore")

    def change_limits(self, search_id: str, **limits: Any) -> SearchView:
        """Change the limits."""
        return self._send(SearchView, "PATCH", f"searches/{search_id}", limits)

    def request_model(
        self, search_id: str, *, trial: int | None, epochs: int | None, formats: Sequence[str]
    ) -> str:
        """Ask for a model."""
        body = {"trial": trial, "epochs": epochs, "formats": list(formats)}
        return self._send(ModelView, "POST", f"searches/{search_id}/models", body).id

    def model(self, model_id: str) -> ModelView:
        """Return a model."""
        return self._get(ModelView, f"models/{model_id}")

    def folder(self, model_id: str) -> None:
        """Say that the files are not on this machine."""

    def copy_model(self, model_id: str, target: Path) -> None:
        """Download a model; every file is compared with its SHA-256."""
        with _told():
            self.client.model(model_id).download(target)

    def request_finals(self, search_id: str, *, top: int, seeds: int, epochs: int | None) -> str:
        """Ask for finals."""
        with _told():
            found = self.client.search(search_id).train_finals(top=top, seeds=seeds, epochs=epochs)
        if found.round is None:
            raise SearchFailed(f"{self.client.url} has no finals of {search_id}")
        return found.round.id

    def round(self, search_id: str, round_id: str) -> RoundView:
        """Return a round of finals; a search has one at a time."""
        found = self._get(FinalsView, f"searches/{search_id}/finals").round
        if found is None or found.id != round_id:
            raise SearchFailed(f"other finals of {search_id} have been asked for since")
        return found

    def finals(self, search_id: str, *, top: int, epochs: int | None) -> FinalsView:
        """Return the finals."""
        return self._get(FinalsView, f"searches/{search_id}/finals", top=top, epochs=epochs)

    def stop_finals(self, search_id: str) -> None:
        """End the finals."""
        with _told():
            self.client.search(search_id).stop_finals()

    def tokens(self) -> TokenList:
        """Return the tokens of the server."""
        return self._get(TokenList, "tokens")

    def create_token(self, name: str, scope: Scope, days: float | None) -> TokenCreated:
        """Make a token; where the answer is lost, nobody knows it, so nothing is repeated."""
        body = {"name": name, "scope": scope, "days": days}
        return self._send(TokenCreated, "POST", "tokens", body, again=False)

    def revoke_token(self, token_id: str) -> TokenView:
        """Make a token invalid."""
        return self._send(TokenView, "DELETE", f"tokens/{quote(token_id, safe='')}", again=False)

    def datasets(self) -> DatasetList:
        """Return the data sets."""
        return self._get(DatasetList, "datasets")

    def add_dataset(self, name: str, path: str) -> DatasetView:
        """Give a folder or file there a name."""
        return self._send(DatasetView, "POST", "datasets", {"name": name, "path": path})

    def upload_dataset(self, name: str, file: Path, progress: Progress) -> DatasetView:
        """Send a file."""
        with _told():
            self.client.upload_dataset(name, file, progress=progress)
        return self._get(DatasetView, f"datasets/{name}")

    def remove_dataset(self, name: str) -> DatasetView:
        """Have a data set forgotten there."""
        with _told():
            gone = self.client.remove_dataset(name)
        return DatasetView.model_validate(asdict(gone))

    def cared_for(self, work: str) -> bool:
        """Say whether the server's supervisor lives, or a runner that has the work."""
        with _told():
            health = self.client.health()
        runs = any(one.alive and work == f"search-{one.search}" for one in health.runners)
        return health.supervisor.alive or runs

    def worker(self, module: str, argument: str) -> NoReturn:  # noqa: ARG002 - a folder needs them
        """Refuse: the work is done where the server is."""
        raise SearchFailed(
            f"{self.client.url} does no work now: its supervisor is down; {argument} waits there"
        )

    @contextmanager
    def asked(self) -> Iterator[Through]:
        """Answer by the server's API."""
        yield Through(self.client)

    def _get(self, kind: type[View], path: str, **query: Any) -> View:
        with _told():
            return kind.model_validate(self.client.wire.get(path, **query))

    def _send(
        self, kind: type[View], method: str, path: str, body: Any = None, *, again: bool = True
    ) -> View:
        with _told():
            return kind.model_validate(self.client.wire.send(method, path, body, again=again))


class Through:
    """The API of a server, asked as it stands."""

    def __init__(self, client: Client) -> None:
        """Ask by a client."""
        self.client = client

    def get(self, path: str) -> Any:
        """Return the JSON of a GET."""
        place, _, query = path.partition("?")
        with _told():
            return self.client.wire.get(place, **dict(parse_qsl(query)))

    def text(self, path: str) -> str:
        """Return the text of a GET."""
        with _told():
            return self.client.wire.text(path)


@contextmanager
def connected(url: str, token: str | None, home: Path | None) -> Iterator[Remote]:
    """Give a desk at a server for the length of a block."""
    with _told():
        client = Client(url, token, home=home)
    with client:
        yield Remote(client)


@contextmanager
def _told() -> Iterator[None]:
    """Turn the client's errors into those that commands explain."""
    try:
        yield
    except ClientError as error:
        raise _translated(error) from error


def _translated(error: ClientError) -> Exception:
    kinds = {404: NotFound, 409: Conflict}
    kind = kinds.get(error.status, UserError)
    if error.status >= 500 or (error.status == 0 and not error.field):
        return SearchFailed(str(error))
    field = "--" + error.field if error.field in ("token", "url") else error.field
    return kind(str(error), field=field, value=error.value, allowed=error.allowed)
