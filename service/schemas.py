"""What the API and the command line show: searches, trials, models, pages of them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from nas.honesty.verdict import Verdict
from nas.store import Desired
from nas.trial import FailureKind, State
from service.states import JobState, ModelState, SearchState


class View(BaseModel):
    """A view is made from the database and never changed."""

    model_config = ConfigDict(frozen=True)


class Counts(View):
    """Trials of a search by state. ``cached`` of the ``done`` were answered without training."""

    pending: int = 0
    running: int = 0
    done: int = 0
    failed: int = 0
    stopped: int = 0
    total: int = 0
    cached: int = 0


class LimitsView(View):
    """When a search ends: trials in all, hours of running or null. ``workers`` trials run at once.

    They begin as the ``spec`` says, and can be changed.
    """

    trials: int
    hours: float | None
    workers: int


class Best(View):
    """The finished trial with the highest reward."""

    number: int
    reward: float
    metrics: dict[str, float]


class FileView(View):
    """A file of a model, for download."""

    name: str
    size_bytes: int
    sha256: str
    url: str


class ModelView(View):
    """A model: the architecture of a trial, trained from scratch and exported.

    ``search`` and ``trial`` are null for one that was fine-tuned.
    ``formats`` are those that were asked for beside the usual ones. A model that has files is
    pending again while further formats of it are made; its files can be downloaded meanwhile.
    """

    id: str
    search: str | None
    trial: int | None
    state: ModelState
    epochs: int
    progress: dict[str, Any]
    metrics: dict[str, float]
    error: str
    files: list[FileView]
    formats: list[str]
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class LiftView(View):
    """The search arm against its random arm, in units of the reward.

    ``searched`` and ``random`` count the architectures compared: the search arm without its first
    quarter, all of the random arm, each once. ``low`` and ``high`` are null where an arm is too
    small. ``budget`` is the epochs of the trials compared, null for the full schedule.
    """

    verdict: Verdict
    difference: float
    low: float | None
    high: float | None
    level: float
    search_mean: float
    random_mean: float
    searched: int
    random: int
    budget: int | None


class SearchView(View):
    """A search as it stands. ``seq`` is that of its last event: follow the events from there."""

    id: str
    name: str
    spec: dict[str, Any]
    state: SearchState
    desired: Desired
    reason: str
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    counts: Counts
    limits: LimitsView
    best: Best | None
    lift: Annotated[
        LiftView | None,
        Field(description="Null without a random arm, and before both arms have results"),
    ]
    seconds_running: float
    eta_seconds: float | None
    models: list[ModelView]
    seq: int


class SearchPage(View):
    """Searches, the newest first. ``next`` is the cursor of the following page, or null."""

    items: list[SearchView]
    next: str | None


class FailureView(View):
    """Why a trial gave no metrics."""

    kind: FailureKind
    message: str
    trace: str


class Report(View):
    """The last report of a running trial."""

    step: int
    metrics: dict[str, float]


class TrialView(View):
    """A trial. ``barcode`` has the operation families of each cell, in order."""

    number: int
    state: State
    attempt: int
    decisions: list[int]
    key: str
    budget: int | None
    seed: Annotated[str, Field(description="A 63-bit number; text, because browsers lose bits")]
    metrics: dict[str, float]
    reward: float | None
    failure: FailureView | None
    cached_from: int | None
    arm: Annotated[
        str | None, Field(description="search or random; null where there is no random arm")
    ]
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    seconds: float | None
    progress: Report | None
    barcode: dict[str, list[str]]


class TrialPage(View):
    """Trials of a search. ``next`` is the cursor of the following page, or null."""

    items: list[TrialView]
    next: str | None


class CurvePoint(View):
    """A report of an attempt at a trial."""

    attempt: int
    step: int
    metrics: dict[str, float]


class AttemptView(View):
    """One attempt at a trial. ``outcome`` is a state, or the kind of failure."""

    attempt: int
    worker: str
    outcome: str
    message: str
    started_at: datetime
    ended_at: datetime | None


class FinalistView(View):
    """A trial in the finals: accuracy in the search, and on the test images with each seed.

    ``selection`` is null where the search measured no accuracy. ``failures`` says by seed why a
    training has no result.
    ``mean`` and ``spread`` (standard deviation) are over the seeds, null before there are any.
    """

    trial: int
    selection: float | None
    tests: dict[int, float]
    failures: dict[int, str]
    mean: float | None
    spread: float | None


class Training(View):
    """A training that runs: of which trial, with which seed, ``step`` epochs are done."""

    trial: int
    seed: int
    step: int
    metrics: dict[str, float]


class RoundView(View):
    """An asking for finals: ``seeds`` trainings of each of ``trials``, ``total`` in all.

    ``done`` and ``failed`` count those that have ended. ``progress`` is null while none runs.
    """

    id: str
    state: JobState
    trials: list[int]
    seeds: int
    epochs: int
    total: int
    done: int
    failed: int
    progress: Training | None
    error: str
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class FinalsView(View):
    """The finals of a search, in the order in which the search ranked the finalists.

    ``trained`` are the numbers of epochs for which there are results, ``round`` is the newest
    asking for finals, of whatever epochs: null before the first.
    ``lead_before`` is how far its winner was ahead of the mean of the others in the search,
    ``lead_after`` on the test images, with its standard error; null until two have been tested.
    """

    search: str
    epochs: int
    trained: list[int]
    round: RoundView | None
    finalists: list[FinalistView]
    lead_before: float | None
    lead_after: float | None
    lead_error: float | None


class AuditedView(View):
    """An audited architecture: ``cost`` in parameters, accuracies by seed."""

    decisions: list[int]
    cost: float
    short: list[float]
    long: list[float]


class AuditView(View):
    """An audit: does the accuracy after a short training rank as that after a long one does?

    ``tau`` is Kendall's, null where scores do not differ; ``low`` and ``high`` are its 95 %
    interval. ``noise`` is the standard deviation of a short score over seeds, null with one seed;
    ``spread`` that over architectures. ``warning`` is empty where the short score ranks.
    """

    id: str
    short_epochs: int
    long_epochs: int
    seeds: int
    tau: float | None
    low: float
    high: float
    noise: float | None
    spread: float
    warning: str
    rows: list[AuditedView]
    created_at: datetime


class FrontPoint(View):
    """A trial that no other beats in all objectives."""

    number: int
    values: dict[str, float]


class ParetoView(View):
    """The Pareto front of a search. ``objectives`` are metrics, with - before where less is better.

    ``hypervolume`` is what the front dominates down to ``reference``, in the product of the
    objectives' units; the reference has the worst value that was measured of each, so that it
    can only be compared between fronts with the same reference.
    """

    objectives: list[str]
    front: list[FrontPoint]
    reference: dict[str, float]
    hypervolume: float
    measured: int


class DecisionChange(View):
    """One decision that differs from the parent's: the choice, and its options before and after."""

    choice: str
    before: str
    after: str


class TrialDetail(TrialView):
    """A trial with its reports, attempts and architecture.

    ``parent`` is the number of the trial that it was changed from, and ``change`` how; null where
    the controller proposed it otherwise.
    """

    parent: int | None
    change: DecisionChange | None
    curve: list[CurvePoint]
    attempts: list[AttemptView]
    arch: dict[str, Any] | None
    cells: list[str]
    text: dict[str, str]


class LineageView(View):
    """The trials that were changed from others, one column a key, by number.

    ``trials`` is the number of all trials: those that are not listed were drawn otherwise.
    """

    number: list[int]
    parent: list[int]
    change: list[DecisionChange | None]
    trials: int


class History(View):
    """The course of a search, one column a key: what a chart draws.

    ``seq`` is the last event that is in it: what ``since`` is to be, to learn what changed since.
    """

    seq: int
    number: list[int]
    reward: list[float | None]
    state: list[State]
    arm: list[str | None]
    figures: dict[str, list[float | None]]
