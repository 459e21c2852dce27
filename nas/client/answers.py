"""What the service answers, as frozen dataclasses; fields new to this client are left out.

The fields are those of the API (a test compares them with tests/golden/openapi.json). States are
texts: "pending", "running" and so on.
"""

# Annotations are read at run time to check the answers: no future import here.
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from nas.client.errors import ClientError

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Trials of a search by state. ``cached`` of the ``done`` were answered without training."""

    pending: int
    running: int
    done: int
    failed: int
    stopped: int
    total: int
    cached: int

    @property
    def ended(self) -> int:
        """Trials that have ended, well or not."""
        return self.done + self.failed + self.stopped


@dataclass(frozen=True, kw_only=True)
class LimitsView:
    """When a search ends: trials in all, hours of running or None; how many trials run at once."""

    trials: int
    hours: float | None
    workers: int


@dataclass(frozen=True, kw_only=True)
class Best:
    """The finished trial with the highest reward."""

    number: int
    reward: float
    metrics: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class LiftView:
    """The search arm against its random arm, in units of the reward, and the verdict."""

    verdict: str
    difference: float
    low: float | None
    high: float | None
    level: float
    search_mean: float
    random_mean: float
    searched: int
    random: int
    budget: int | None


@dataclass(frozen=True, kw_only=True)
class FileView:
    """A file of a model."""

    name: str
    size_bytes: int
    sha256: str
    url: str


@dataclass(frozen=True, kw_only=True)
class ModelView:
    """A model as it stood when it was asked for."""

    id: str
    search: str | None
    trial: int | None
    state: str
    epochs: int
    progress: dict[str, Any]
    metrics: dict[str, float]
    error: str
    files: list[FileView]
    formats: list[str]
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class SearchView:
    """A search as it stood when it was asked for. ``seq`` is that of its last event."""

    id: str
    name: str
    spec: dict[str, Any]
    state: str
    desired: str
    reason: str
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    counts: Counts
    limits: LimitsView
    best: Best | None
    lift: LiftView | None
    seconds_running: float
    eta_seconds: float | None
    models: list[ModelView]
    seq: int


@dataclass(frozen=True, kw_only=True)
class DeletedView:
    """A search that was thrown away, and until when it can be taken back."""

    id: str
    name: str
    deleted_at: datetime
    restore_until: datetime


@dataclass(frozen=True, kw_only=True)
class FailureView:
    """Why a trial gave no metrics."""

    kind: str
    message: str
    trace: str


@dataclass(frozen=True, kw_only=True)
class Report:
    """The last report of a running trial."""

    step: int
    metrics: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class TrialView:
    """A trial. ``barcode`` has the operation families of each cell, in order."""

    number: int
    state: str
    attempt: int
    decisions: list[int]
    key: str
    budget: int | None
    seed: str
    metrics: dict[str, float]
    reward: float | None
    failure: FailureView | None
    cached_from: int | None
    arm: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    seconds: float | None
    progress: Report | None
    barcode: dict[str, list[str]]


@dataclass(frozen=True, kw_only=True)
class CurvePoint:
    """A report of an attempt at a trial."""

    attempt: int
    step: int
    metrics: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class AttemptView:
    """One attempt at a trial. ``outcome`` is a state, or the kind of failure."""

    attempt: int
    worker: str
    outcome: str
    message: str
    started_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class DecisionChange:
    """One decision that differs from the parent's: the choice, and its options before and after."""

    choice: str
    before: str
    after: str


@dataclass(frozen=True, kw_only=True)
class TrialDetail(TrialView):
    """A trial with its reports, attempts and architecture (None where it has none any more).

    ``parent`` is the number of the trial that it was changed from by ``change``, if it was.
    """

    parent: int | None
    change: DecisionChange | None
    curve: list[CurvePoint]
    attempts: list[AttemptView]
    arch: dict[str, Any] | None
    cells: list[str]
    text: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class GuessView:
    """A class that an image may be of. ``number`` is its place among the logits."""

    name: str
    number: int
    probability: float


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened. ``seq`` counts over all searches without a gap."""

    seq: int
    search: str
    trial: int | None
    kind: str
    at: datetime
    payload: dict[str, Any]


def read(kind: type[T], data: Any) -> T:
    """Return an answer as ``kind``; raise ClientError where it is something else."""
    named: Any = kind
    try:
        found: T = _adapter(named).validate_python(data)
        return found
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        text = f"the service answers with a {kind.__name__} that this client does not know"
        raise ClientError(f"{text}: {field}: {first['msg']}", field=field) from error


def fields(view: Any) -> Mapping[str, Any]:
    """Return the fields of an answer by name."""
    return {name: getattr(view, name) for name in view.__dataclass_fields__}


@cache
def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
