"""Fine-tunings on a service: ask for one, wait for it, stop it; its result is a model."""

# Annotations are read at run time to check the answers: no future import here.
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from nas.client.answers import read
from nas.client.errors import ClientError
from nas.client.waiting import until
from nas.client.wire import Wire

ENDED = frozenset({"done", "failed", "stopped"})


@dataclass(frozen=True, kw_only=True)
class FinetuneRequest:
    """What was asked for."""

    model: str | None
    zoo: str | None
    weights: str | None
    data: dict[str, Any]
    strategy: str
    stages: int | None
    seed: int
    recipe: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class SimilarityView:
    """How well the trained features fit the images: accuracies (0 to 1) of linear classifiers."""

    images: int
    stages: list[float]
    fresh: float
    lead: float
    lead_error: float
    gain: float
    gain_error: float
    shift: float | None


@dataclass(frozen=True, kw_only=True)
class PlanView:
    """What was measured, what is recommended and why, and what is done."""

    source: str
    strategy: str
    stages: int | None
    epochs: int
    recommended: str
    reasons: list[str]
    similarity: SimilarityView


@dataclass(frozen=True, kw_only=True)
class Step:
    """How far the training is: ``step`` epochs are done."""

    step: int
    metrics: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class FinetuneView:
    """A fine-tuning; ``model`` is the id of the result, for ``client.model``."""

    id: str
    state: str
    wish: FinetuneRequest
    plan: PlanView | None
    progress: Step | None
    model: str | None
    error: str
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class Finetunes:
    """What a client can do with fine-tunings."""

    wire: Wire

    def start_finetune(self, **wanted: Any) -> FinetuneView:
        """Adapt a trained network to other images; return how it stands.

        ``client.start_finetune(model=model.id, data={"source": "/photos"})``; paths are those of
        the machine that the service runs on.
        """
        answer = self.wire.send("POST", "finetunes", wanted, key=str(uuid4()))
        return read(FinetuneView, answer)

    def finetunes(self, *, page: int = 50) -> Iterator[FinetuneView]:
        """Yield the fine-tunings, the newest first; ``page`` are fetched at a time."""
        after: str | None = None
        while True:
            found = self.wire.get("finetunes", limit=page, after=after)
            for one in found["items"]:
                yield read(FinetuneView, one)
            after = found["next"]
            if after is None:
                return

    def finetune(self, finetune_id: str) -> FinetuneView:
        """Return a fine-tuning by its id."""
        return read(FinetuneView, self.wire.get(f"finetunes/{quote(finetune_id, safe='')}"))

    def stop_finetune(self, finetune_id: str) -> FinetuneView:
        """End a fine-tuning."""
        place = f"finetunes/{quote(finetune_id, safe='')}/stop"
        return read(FinetuneView, self.wire.send("POST", place, again=False))

    def wait_finetune(
        self, finetune_id: str, *, progress: bool = False, timeout: float | None = None
    ) -> FinetuneView:
        """Wait until a fine-tuning has ended well, and return it; raise ClientError otherwise."""
        view = until(
            lambda: self.finetune(finetune_id),
            lambda one: one.state in ENDED,
            _text,
            progress,
            timeout,
        )
        if view.state != "done":
            raise ClientError(f"fine-tuning {view.id} {view.state}: {view.error}", field="model")
        return view


def _text(view: FinetuneView) -> str:
    if view.plan is None or view.progress is None:
        return f"fine-tuning: {view.state}"
    return (
        f"fine-tuning ({view.plan.strategy}): {view.state}, "
        f"epoch {view.progress.step} of {view.plan.epochs}"
    )
