"""What commands ask about searches, and who answers: the folder here, or a server (remote.py)."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from nas.catalog import REGISTRIES
from service import (
    auditlog,
    cloning,
    datasets,
    estimates,
    finals,
    models,
    registered,
    searches,
    tokens,
    trash,
)
from service.cli.screen import meter
from service.cli.work import child
from service.errors import UserError
from service.processes import is_locked
from service.specs import complete
from service.vitals import supervised

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from nas.data import Progress
    from nas.spec import SearchSpec
    from nas.store import Desired
    from nas.trial import State
    from service.cli.work import Child
    from service.datasets import DatasetList, DatasetView
    from service.db import Database
    from service.estimates import EstimateView
    from service.report import Source
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
    from service.states import SearchState
    from service.tokens import Scope, TokenCreated, TokenList, TokenView
    from service.trash import DeletedView


class Desk(Protocol):
    """The operations on searches that a folder and a server both offer.

    Each raises UserError for what the user did wrong, as the functions of ``service`` do.
    """

    @property
    def data_root(self) -> Path:
        """The folder of images."""

    def resolve(self, name: str) -> str:
        """Return the id of a search given by its id, its name, or as "last"."""

    def create(self, spec: SearchSpec) -> str:
        """Keep a new search and return its id."""

    def clone(self, search_id: str, changes: dict[str, Any]) -> str:
        """Keep a new search like another, with some fields changed, and return its id."""

    def estimate(self, spec: SearchSpec) -> EstimateView:
        """Return what a search would take; it may be measured for some seconds."""

    def list(self, *, limit: int, state: SearchState | None, deleted: bool) -> SearchPage:
        """Return the newest searches, or of those that were thrown away."""

    def view(self, search_id: str) -> SearchView:
        """Return a search as it stands."""

    def trials(self, search_id: str, *, sort: str, state: State, limit: int) -> TrialPage:
        """Return the first trials in an order."""

    def detail(self, search_id: str, number: int) -> TrialDetail:
        """Return one trial in full."""

    def audit(self, search_id: str) -> AuditView | None:
        """Return the newest audit that fits the search."""

    def request(self, search_id: str, wish: Desired) -> SearchView:
        """Note what is wanted of a search."""

    def delete(self, search_id: str) -> DeletedView:
        """Throw an ended search away."""

    def restore(self, search_id: str) -> SearchView:
        """Take a search back that was thrown away."""

    def change_limits(self, search_id: str, **limits: Any) -> SearchView:
        """Change ``trials``, ``hours`` or ``workers``."""

    def request_model(
        self, search_id: str, *, trial: int | None, epochs: int | None, formats: Sequence[str]
    ) -> str:
        """Ask for a model and return its id."""

    def model(self, model_id: str) -> ModelView:
        """Return a model as it stands."""

    def folder(self, model_id: str) -> Path | None:
        """Return the folder of a model's files, None where it is not on this machine."""

    def copy_model(self, model_id: str, target: Path) -> None:
        """Copy a model's files to a folder, whole or not at all; replaces only another model."""

    def request_finals(self, search_id: str, *, top: int, seeds: int, epochs: int | None) -> str:
        """Ask for finals and return the id of their round."""

    def round(self, search_id: str, round_id: str) -> RoundView:
        """Return a round of finals as it stands."""

    def finals(self, search_id: str, *, top: int, epochs: int | None) -> FinalsView:
        """Return the finals as far as they are."""

    def stop_finals(self, search_id: str) -> None:
        """End the finals that are being trained."""

    def tokens(self) -> TokenList:
        """Return the tokens with scopes."""

    def create_token(self, name: str, scope: Scope, days: float | None) -> TokenCreated:
        """Make a token."""

    def revoke_token(self, token_id: str) -> TokenView:
        """Make a token invalid."""

    def datasets(self) -> DatasetList:
        """Return the data sets."""

    def add_dataset(self, name: str, path: str) -> DatasetView:
        """Give a folder or file of the machine that works a name."""

    def upload_dataset(self, name: str, file: Path, progress: Progress) -> DatasetView:
        """Keep a copy of a file of this machine."""

    def remove_dataset(self, name: str) -> DatasetView:
        """Forget a data set."""

    def cared_for(self, work: str) -> bool:
        """Say whether somebody does a work, "search-ID" or "finals-ID", or will do it."""

    def worker(self, module: str, argument: str) -> AbstractContextManager[Child]:
        """Give a process that does the work, for the length of a block."""

    def asked(self) -> AbstractContextManager[Source]:
        """Give whoever answers as the API does, for the length of a block."""


class Local:
    """The folder on this machine: its database, and processes of ours that do the work."""

    def __init__(self, database: Database) -> None:
        """Answer from a database."""
        self.database = database
        self.data_root = database.settings.data_root

    def resolve(self, name: str) -> str:
        """Return the id of a search."""
        return searches.resolve(self.database, name)

    def create(self, spec: SearchSpec) -> str:
        """Keep a search whose images are there and can be decoded."""
        described = complete(registered.located(self.database, spec), self.data_root)
        self._decode(described)
        return searches.create(self.database, described)

    def clone(self, search_id: str, changes: dict[str, Any]) -> str:
        """Keep a search like another."""
        return self.create(cloning.described(self.database, search_id, changes))

    def estimate(self, spec: SearchSpec) -> EstimateView:
        """Return what a search would take on this machine."""
        located = registered.located(self.database, spec)
        return estimates.estimate(self.database.settings, located)

    def list(self, *, limit: int, state: SearchState | None, deleted: bool) -> SearchPage:
        """Return the newest searches."""
        return searches.list(self.database, limit=limit, state=state, deleted=deleted)

    def view(self, search_id: str) -> SearchView:
        """Return a search."""
        return searches.view(self.database, search_id)

    def trials(self, search_id: str, *, sort: str, state: State, limit: int) -> TrialPage:
        """Return the first trials in an order."""
        return searches.trials(self.database, search_id, sort=sort, state=state, limit=limit)

    def detail(self, search_id: str, number: int) -> TrialDetail:
        """Return one trial."""
        return searches.detail(self.database, search_id, number)

    def audit(self, search_id: str) -> AuditView | None:
        """Return the newest audit."""
        return auditlog.latest(self.database, search_id)

    def request(self, search_id: str, wish: Desired) -> SearchView:
        """Note a wish."""
        return searches.request(self.database, search_id, wish)

    def delete(self, search_id: str) -> DeletedView:
        """Throw a search away."""
        return trash.delete(self.database, search_id)

    def restore(self, search_id: str) -> SearchView:
        """Take a search back."""
        return trash.restore(self.database, search_id)

    def change_limits(self, search_id: str, **limits: Any) -> SearchView:
        """Change the limits."""
        return searches.change_limits(self.database, search_id, **limits)

    def request_model(
        self, search_id: str, *, trial: int | None, epochs: int | None, formats: Sequence[str]
    ) -> str:
        """Ask for a model."""
        return models.request(self.database, search_id, trial, epochs, formats)

    def model(self, model_id: str) -> ModelView:
        """Return a model."""
        return models.view(self.database, model_id)

    def folder(self, model_id: str) -> Path:
        """Return the folder of a model."""
        return models.folder(self.database, model_id)

    def copy_model(self, model_id: str, target: Path) -> None:
        """Copy the folder of a model."""
        copy_folder(self.folder(model_id), target)

    def request_finals(self, search_id: str, *, top: int, seeds: int, epochs: int | None) -> str:
        """Ask for finals."""
        return finals.request(self.database, search_id, top=top, seeds=seeds, epochs=epochs)

    def round(self, search_id: str, round_id: str) -> RoundView:  # noqa: ARG002 - a server needs it
        """Return a round of finals."""
        return finals.of_round(self.database, round_id)

    def finals(self, search_id: str, *, top: int, epochs: int | None) -> FinalsView:
        """Return the finals."""
        return finals.view(self.database, search_id, top=top, epochs=epochs)

    def stop_finals(self, search_id: str) -> None:
        """End the finals."""
        finals.stop(self.database, search_id)

    def tokens(self) -> TokenList:
        """Return the tokens of the folder."""
        return tokens.tokens(self.database)

    def create_token(self, name: str, scope: Scope, days: float | None) -> TokenCreated:
        """Make a token."""
        return tokens.create(self.database, name, scope, days)

    def revoke_token(self, token_id: str) -> TokenView:
        """Make a token invalid."""
        return tokens.revoke(self.database, token_id)

    def datasets(self) -> DatasetList:
        """Return the data sets of the folder."""
        return datasets.datasets(self.database)

    def add_dataset(self, name: str, path: str) -> DatasetView:
        """Give a folder or file a name."""
        return datasets.add(self.database, name, path)

    def upload_dataset(self, name: str, file: Path, progress: Progress) -> DatasetView:
        """Keep a copy of a file."""
        return datasets.take(self.database, name, file.expanduser(), progress)

    def remove_dataset(self, name: str) -> DatasetView:
        """Forget a data set."""
        return datasets.remove(self.database, name)

    def cared_for(self, work: str) -> bool:
        """Say whether a supervisor serves the folder, or a process has the work's lock."""
        settings = self.database.settings
        return supervised(settings) or is_locked(settings.folder("locks") / f"{work}.lock")

    def worker(self, module: str, argument: str) -> AbstractContextManager[Child]:
        """Start a child that dies with this command."""
        return child(self.database.settings, module, argument)

    def asked(self) -> AbstractContextManager[Source]:
        """Answer by the routes of the API, in this process."""
        from service.inside import Inside  # FastAPI: other commands do without

        return Inside(self.database.settings)

    def _decode(self, spec: SearchSpec) -> None:
        """Decode a path's images once, so that workers find them and errors come now."""
        needed = REGISTRIES["evaluator"].get(spec.evaluator.name).needs_data
        if not needed or spec.data is None or spec.data.source == "digits":
            return
        from nas.data import load_search

        with meter() as shown:
            load_search(
                spec.data,
                spec.seed,
                self.data_root,
                progress=lambda done, total: shown.show("images", done, total, "decoded"),
            )


def copy_folder(source: Path, target: Path) -> None:
    """Copy a model's files to a folder, whole or not at all; replaces only another model."""
    target = target.expanduser().absolute()
    if target.exists() and not target.is_dir():
        raise UserError(f"{target} is a file", field="output", allowed="a new folder")
    if target.is_dir() and any(target.iterdir()) and not (target / "card.json").exists():
        raise UserError(
            f"{target} holds other files", field="output", allowed="a new or empty folder"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as partial:
        copy = Path(shutil.copytree(source, Path(partial, "new")))
        if target.exists():
            target.rename(Path(partial, "old"))
        copy.rename(target)
