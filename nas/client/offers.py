"""What a service is and offers, as frozen dataclasses: version, health, names and their options."""

# Annotations are read at run time to check the answers: no future import here.
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from nas.client.answers import Report


@dataclass(frozen=True, kw_only=True)
class Meta:
    """What answers; ``scope`` is what the token may do there: "read", "write" or "admin".

    ``seq`` numbers the last event so far: :meth:`Client.events` ``after`` it misses nothing.
    """

    name: str
    version: str
    scope: str
    seq: int


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Something registered; ``schema`` describes its options.

    ``size`` is the number of architectures of a space as text. ``needs_data`` is of evaluators, and
    ``measures``: the metrics that an objective can name, none where any may come.
    """

    name: str
    summary: str
    schema: dict[str, Any]
    size: str | None = None
    needs_data: bool | None = None
    measures: list[str] | None = None


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A built-in data set."""

    name: str
    summary: str


@dataclass(frozen=True, kw_only=True)
class FormatEntry:
    """An export format. A ``lossy`` one changes the weights; ``missing`` says what to install."""

    name: str
    summary: str
    file: str
    lossy: bool
    missing: str


@dataclass(frozen=True, kw_only=True)
class Catalog:
    """All names and options, the default search, and the JSON schema of a search."""

    spaces: list[Entry]
    controllers: list[Entry]
    evaluators: list[Entry]
    executors: list[Entry]
    datasets: list[Dataset]
    formats: list[FormatEntry]
    defaults: dict[str, Any]
    spec_schema: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Storage:
    """The database."""

    ok: bool
    size_bytes: int


@dataclass(frozen=True, kw_only=True)
class Pulse:
    """A process: whether it lives, and when it was last heard of."""

    alive: bool
    pid: int | None
    seen_at: datetime | None
    detail: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class RunnerPulse(Pulse):
    """The runner of a search."""

    search: str


@dataclass(frozen=True, kw_only=True)
class Health:
    """All parts, each by itself."""

    database: Storage
    supervisor: Pulse
    runners: list[RunnerPulse]
    ray: Pulse


@dataclass(frozen=True, kw_only=True)
class PaperView:
    """What the paper of a network prints; None where it prints nothing. Accuracies in percent."""

    citation: str
    dataset: str
    where: str
    params: str | None
    madds: str | None
    top1: float | None
    top5: float | None
    differs: str | None


@dataclass(frozen=True, kw_only=True)
class LayerView:
    """A layer: output is (channels, height, width) or (classes,); receptive field in pixels."""

    name: str
    kind: str
    output: list[int]
    params: int
    madds: int
    memory_bytes: int
    receptive_field: list[int]


@dataclass(frozen=True, kw_only=True)
class TrialLayers:
    """What the network of a trial costs for one image, in all and by layer."""

    params: int
    madds: int
    memory_peak_bytes: int
    layers: list[LayerView]


@dataclass(frozen=True, kw_only=True)
class NetworkView:
    """A published network and what it costs for images of this size.

    ``recipe`` is how its authors trained it, None for networks that searches found.
    """

    name: str
    title: str
    year: int
    idea: str
    channels: int
    height: int
    width: int
    classes: int
    params: int
    madds: int
    memory_peak_bytes: int
    memory_sum_bytes: int
    recipe: dict[str, Any] | None
    paper: PaperView


@dataclass(frozen=True, kw_only=True)
class NetworkDetail(NetworkView):
    """A published network with its layers."""

    layers: list[LayerView]


@dataclass(frozen=True, kw_only=True)
class Range:
    """From the small architecture to the large one."""

    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class EstimateView:
    """What a search would take, from the small to the large of some random architectures.

    ``basis`` says on what it stands, and why something is None. ``seconds``, ``memory_bytes`` and
    ``disk_bytes`` are of the whole search.
    """

    space_size: str
    seconds_per_trial: Range | None
    memory_bytes_per_trial: Range | None
    disk_bytes_per_trial: Range | None
    seconds: Range | None
    memory_bytes: Range | None
    disk_bytes: Range | None
    gpu_bytes_per_trial: Range | None
    basis: str
    measured_before: bool


@dataclass(frozen=True, kw_only=True)
class PreviewView:
    """An architecture by its decisions; costs are None where there is no network to build."""

    key: str
    cells: list[str]
    svg: dict[str, str]
    text: dict[str, str]
    barcode: dict[str, list[str]]
    arch: dict[str, Any]
    params: int | None
    madds: int | None
    memory_peak_bytes: int | None
    layers: list[LayerView] | None


@dataclass(frozen=True, kw_only=True)
class Running:
    """A trial that runs: its last report, and of how many epochs, where that is known."""

    number: int
    attempt: int
    started_at: datetime | None
    progress: Report | None
    epochs: int | None


@dataclass(frozen=True, kw_only=True)
class Worker:
    """A place that has finished attempts of a search."""

    name: str
    attempts: int
    seen_at: datetime


@dataclass(frozen=True, kw_only=True)
class Crew:
    """A search that is not at its end: its ``places``, the trials in them, who worked for it."""

    search: str
    name: str
    state: str
    executor: str
    places: int
    cpus_per_trial: float
    gpus_per_trial: float
    runner: Pulse | None
    running: list[Running]
    workers: list[Worker]


@dataclass(frozen=True, kw_only=True)
class Machine:
    """The machine of the API; None is what it does not tell."""

    cpus: int
    load: float | None
    memory_bytes: int | None
    memory_available_bytes: int | None


@dataclass(frozen=True, kw_only=True)
class TokenView:
    """A token with a scope: read, write or admin; None: it is valid for ever."""

    id: str
    name: str
    scope: str
    created_at: datetime
    expires_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class TokenCreated(TokenView):
    """A new token; ``token`` is not shown again."""

    token: str


@dataclass(frozen=True, kw_only=True)
class NodeView:
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


@dataclass(frozen=True, kw_only=True)
class WorkersView:
    """What runs where; ``nodes`` are machines of clusters that runners see at this time."""

    machine: Machine
    supervisor: Pulse
    ray: Pulse
    nodes: list[NodeView]
    searches: list[Crew]
