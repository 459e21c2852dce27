"""What is asked of comparisons, and what is shown of them."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from service.finals import MOST_EPOCHS, MOST_SEEDS, MOST_TOP
from service.schemas import View
from service.states import JobState


class ComparisonRequest(BaseModel):
    """What to compare, and the budget of each training: ``epochs`` or ``seconds``.

    By default the epochs of the search's final training.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"top": 2, "random": 1, "zoo": ["resnet20_cifar"], "epochs": 20}]
        },
    )

    top: Annotated[
        int, Field(ge=0, le=MOST_TOP, description="Best different cells of the search")
    ] = 1
    random: Annotated[
        int, Field(ge=0, le=MOST_TOP, description="Random cells of its space, in its size")
    ] = 1
    zoo: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=100)]],
        Field(max_length=MOST_TOP, description="Names of the zoo"),
    ] = []
    seeds: Annotated[
        int, Field(ge=1, le=MOST_SEEDS, description="Trainings of each, from scratch")
    ] = 3
    epochs: Annotated[int | None, Field(ge=1, le=MOST_EPOCHS)] = None
    seconds: Annotated[
        float | None,
        Field(ge=0.1, le=1e6, description="For each training, in place of epochs"),
    ] = None


class NetworkRow(View):
    """A network that is compared: accuracies on the test images by seed, and what it costs.

    ``trial`` is null unless it was searched. ``failures`` says by seed why a training has no
    result. Numbers are null until they are measured: ``p50_ms`` and ``p95_ms``, milliseconds for
    one image, at the end.
    """

    name: str
    kind: Literal["searched", "random", "zoo"]
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


class NetworkTraining(View):
    """A training that runs: of which network, with which seed, ``step`` epochs are done."""

    network: str
    seed: int
    step: int
    epochs: int
    metrics: dict[str, float]


class ComparisonView(View):
    """A comparison: ``seeds`` trainings of each network, ``total`` in all, the best first.

    ``fronts`` names by cost (params, madds, p50_ms) the networks that no other beats in both.
    """

    id: str
    search: str
    state: JobState
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
