"""What is asked of fine-tunings, and what is shown of them."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from nas.data import DataSpec
from service.schemas import View
from service.states import JobState

Strategy = Literal["scratch", "linear", "last", "all"]


class FinetuneRequest(BaseModel):
    """Which network to adapt to which images: ``model``, or ``zoo`` with ``weights``.

    ``recipe`` replaces settings of the strategy's own recipe, such as ``epochs``. The side of the
    images is by default that of the weights.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"model": "4f1c2a90d3", "data": {"source": "/photos"}}]},
    )

    model: Annotated[
        str | None, Field(min_length=1, max_length=100, description="Id of a model of this service")
    ] = None
    zoo: Annotated[
        str | None, Field(min_length=1, max_length=100, description="Name of a published network")
    ] = None
    weights: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=1000,
            description="Its weights: a .safetensors, .pt or .pth on the machine of the service",
        ),
    ] = None
    data: DataSpec = DataSpec()
    strategy: Annotated[
        Literal["auto", "scratch", "linear", "last", "all"],
        Field(description="auto: what is recommended, from what is measured"),
    ] = "auto"
    stages: Annotated[
        int | None, Field(ge=1, le=100, description="Last stages that the strategy last trains")
    ] = None
    seed: Annotated[int, Field(ge=0, lt=2**53)] = 0
    recipe: Annotated[dict[str, Any], Field(description="Settings, as those of a search")] = {}


class SimilarityView(View):
    """How well the trained features fit the images: accuracies (0 to 1) of linear classifiers.

    ``stages`` on each stage of the trained network, ``fresh`` on the last of an untrained one.
    ``lead`` is by how much the best earlier stage beats the last, ``gain`` by how much the last
    beats the fresh one, each with its standard error. ``shift`` is how far the images are from what
    batch normalisation remembers, in deviations; null without it.
    """

    images: int
    stages: list[float]
    fresh: float
    lead: float
    lead_error: float
    gain: float
    gain_error: float
    shift: float | None


class PlanView(View):
    """What was measured, what is recommended and why, and what is done.

    ``epochs`` are those of the training, ``stages`` the last ones that the strategy last trains.
    """

    source: str
    strategy: Strategy
    stages: int | None
    epochs: int
    recommended: Strategy
    reasons: list[str]
    similarity: SimilarityView


class Step(View):
    """How far the training is: ``step`` epochs are done."""

    step: int
    metrics: dict[str, float]


class FinetuneView(View):
    """A fine-tuning. ``plan`` is null until it is made, ``model`` is the id of the result."""

    id: str
    state: JobState
    wish: FinetuneRequest
    plan: PlanView | None
    progress: Step | None
    model: str | None
    error: str
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class FinetunePage(View):
    """Fine-tunings, the newest first. ``next`` is the cursor of the following page, or null."""

    items: list[FinetuneView]
    next: str | None
