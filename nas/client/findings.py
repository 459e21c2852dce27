"""What the service finds out about a search: course, front, failures, finals, comparison, audit."""

# Annotations are read at run time to check the answers: no future import here.
from dataclasses import dataclass
from datetime import datetime

from nas.client.answers import Best, DecisionChange


@dataclass(frozen=True, kw_only=True)
class History:
    """The course of a search, one column a key: what a chart draws.

    ``seq`` is the last event that is in it.
    """

    seq: int
    number: list[int]
    reward: list[float | None]
    state: list[str]
    arm: list[str | None]
    figures: dict[str, list[float | None]]


@dataclass(frozen=True, kw_only=True)
class BestCourse:
    """The best reward so far by the number of the trial: a flight of steps, up to the last."""

    number: list[int]
    reward: list[float]


@dataclass(frozen=True, kw_only=True)
class ComparedSearch:
    """One of the searches that are compared; ``trials`` have ended, ``of`` so many."""

    search: str
    name: str
    state: str
    trials: int
    of: int
    best: Best | None
    seconds_running: float
    course: BestCourse


@dataclass(frozen=True, kw_only=True)
class ComparedView:
    """Searches side by side; ``differs`` says where they do not measure the same."""

    same_measure: bool
    differs: list[str]
    items: list[ComparedSearch]


@dataclass(frozen=True, kw_only=True)
class LineageView:
    """The trials that were changed from others, one column a key; ``trials`` counts all."""

    number: list[int]
    parent: list[int]
    change: list[DecisionChange | None]
    trials: int


@dataclass(frozen=True, kw_only=True)
class PolicyChoice:
    """A decision: its options, and for each picture how probable each is, in 255ths."""

    name: str
    kind: str
    options: list[str]
    shares: list[list[int]]


@dataclass(frozen=True, kw_only=True)
class PolicyView:
    """Pictures of a policy after every ``every`` updates; ``told`` results each had learned."""

    every: int
    told: list[int]
    choices: list[PolicyChoice]


@dataclass(frozen=True, kw_only=True)
class FrontPoint:
    """A trial that no other beats in all objectives."""

    number: int
    values: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class ParetoView:
    """The Pareto front of a search; objectives with - before them are better where less."""

    objectives: list[str]
    front: list[FrontPoint]
    reference: dict[str, float]
    hypervolume: float
    measured: int


@dataclass(frozen=True, kw_only=True)
class FinalistView:
    """A trial in the finals: accuracy in the search, and on the test images with each seed."""

    trial: int
    selection: float | None
    tests: dict[int, float]
    failures: dict[int, str]
    mean: float | None
    spread: float | None


@dataclass(frozen=True, kw_only=True)
class Training:
    """A training that runs: of which trial, with which seed, ``step`` epochs are done."""

    trial: int
    seed: int
    step: int
    metrics: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class RoundView:
    """An asking for finals: ``done`` and ``failed`` of ``total`` trainings have ended."""

    id: str
    state: str
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


@dataclass(frozen=True, kw_only=True)
class FinalsView:
    """The finals of a search, in the order in which the search ranked the finalists."""

    search: str
    epochs: int
    trained: list[int]
    round: RoundView | None
    finalists: list[FinalistView]
    lead_before: float | None
    lead_after: float | None
    lead_error: float | None


@dataclass(frozen=True, kw_only=True)
class NetworkRow:
    """A network that is compared: accuracies on the test images by seed, and what it costs.

    ``kind`` is searched, random or zoo; numbers are None until they are measured.
    """

    name: str
    kind: str
    trial: int | None
    tests: dict[int, float]
    failures: dict[int, str]
    mean: float | None
    spread: float | None
    params: int | None
    madds: int | None
    epochs: int | None
    train_seconds: float | None
    p50_ms: float | None
    p95_ms: float | None


@dataclass(frozen=True, kw_only=True)
class NetworkTraining:
    """A training that runs: of which network, with which seed, ``step`` epochs are done."""

    network: str
    seed: int
    step: int
    epochs: int
    metrics: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class ComparisonView:
    """Networks trained alike, the best first; ``fronts`` names by cost those that none beats."""

    id: str
    search: str
    state: str
    seeds: int
    epochs: int | None
    seconds: float | None
    total: int
    done: int
    failed: int
    progress: NetworkTraining | None
    rows: list[NetworkRow]
    fronts: dict[str, list[str]]
    error: str
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class AuditedView:
    """An audited architecture: ``cost`` in parameters, accuracies by seed."""

    decisions: list[int]
    cost: float
    short: list[float]
    long: list[float]


@dataclass(frozen=True, kw_only=True)
class AuditView:
    """An audit: does the accuracy after a short training rank as that after a long one does?"""

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


@dataclass(frozen=True, kw_only=True)
class FailureGroup:
    """Failed trials of one cause; ``numbers`` are the first twenty, ``message`` that of the first.

    ``machine`` says whether the machine is to blame and not the architecture.
    """

    kind: str
    signature: str
    message: str
    count: int
    machine: bool
    numbers: list[int]
    last: int


@dataclass(frozen=True, kw_only=True)
class FailureGroups:
    """The failures of a search, the most frequent first; ``failed`` trials in all."""

    items: list[FailureGroup]
    failed: int


@dataclass(frozen=True, kw_only=True)
class OperationShare:
    """How large a part of the operations of a cell one is, 0 to 1: of the best trials, of all."""

    cell: str
    operation: str
    label: str
    family: str
    top: float
    all: float


@dataclass(frozen=True, kw_only=True)
class OperationShares:
    """Operations of the ``top`` best architectures against those of all ``different`` ones."""

    items: list[OperationShare]
    top: int
    read: int
    different: int
