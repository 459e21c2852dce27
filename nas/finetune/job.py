"""One fine-tuning: trained weights and an image folder in, advice and a model out."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import torch

from nas.data.images import Images
from nas.finetune.advice import Advice, advise
from nas.finetune.ridge import LOOKED_AT, can_fit, fit_head
from nas.finetune.similarity import Similarity, measure_similarity
from nas.finetune.stages import Stages, find_stages
from nas.finetune.start import put
from nas.finetune.strategies import Strategy, apply, recipe_for
from nas.profile import profile
from nas.seeding import generator, seeded
from nas.train import fit_feed, pick_device, score
from nas.training.checkpoint import Checkpoint
from nas.training.job import CHECKPOINT, HISTORY, MODEL, Job, Trained, export_model, write_json
from nas.training.parallel import SOLO

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn

    from nas.evaluators import Report
    from nas.finetune.start import Start
    from nas.recipe import Recipe
    from nas.training.album import Album
    from nas.trial import Metrics


@dataclass(frozen=True, slots=True)
class Prepared:
    """A network with trained weights, a fresh classifier, and its stages."""

    model: nn.Module
    stages: Stages


def prepare(start: Start, album: Album, seed: int) -> Prepared:
    """Build the network for other images and classes and put the trained weights into it."""
    with seeded(seed, torch.device("cpu")):
        model = start.blueprint.build(album.task)
    stages = find_stages(model, album.task)
    put(start.weights, model, stages)
    return Prepared(model, stages)


def fitted_album(start: Start, album: Album) -> Album:
    """Return images normalised as the trained network's were, where that is known."""
    return album if start.statistics is None else album.normalised_by(start.statistics)


def images_for(strategy: Strategy, start: Start, album: Album) -> Album:
    """Return the images as a strategy sees them: fresh weights know no other normalisation."""
    return album if strategy == "scratch" else fitted_album(start, album)


def compare_images(start: Start, album: Album, prepared: Prepared, seed: int) -> Similarity:
    """Return how similar the images are to those that the weights were trained on."""
    with seeded(seed + 1, torch.device("cpu")):
        fresh = start.blueprint.build(album.task)
    images = some_images(album, LOOKED_AT, seed)
    return measure_similarity(
        prepared.model, fresh, prepared.stages, images, album.statistics, seed=seed
    )


def some_images(album: Album, count: int, seed: int) -> Images:
    """Return up to ``count`` of the training images, at random, as tensors."""
    if isinstance(album.train, Images):
        return album.train
    pictures = album.train
    order = torch.randperm(len(pictures), generator=generator(seed, "probe images"))
    places = order[:count].tolist()
    x = torch.stack([pictures.fitted(place) for place in places])
    y = torch.tensor([pictures.labels[place] for place in places])
    return Images(x, y, pictures.mirror)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is going to be done: the strategy, how it trains, and the advice it follows or not."""

    strategy: Strategy
    last: int
    recipe: Recipe
    advice: Advice
    similarity: Similarity

    def told(self, start: Start) -> dict[str, Any]:
        """Return the plan as JSON data for the model card."""
        return {
            "from": start.title,
            "strategy": self.strategy,
            "stages": self.last if self.strategy == "last" else None,
            "recommended": self.advice.strategy,
            "reasons": list(self.advice.reasons),
            "similarity": asdict(self.similarity),
        }


def make_plan(
    start: Start,
    album: Album,
    prepared: Prepared,
    *,
    strategy: Strategy | Literal["auto"] = "auto",
    last: int | None = None,
    changes: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> Plan:
    """Measure, advise, and settle strategy and recipe; what is given is not advised on.

    ``changes`` replace settings of the strategy's own recipe. Raises ValidationError for a wrong
    one.
    """
    similarity = compare_images(start, fitted_album(start, album), prepared, seed)
    known = start.statistics is not None
    advice = advise(similarity, len(album.train), album.task.classes, known=known)
    chosen: Strategy = advice.strategy if strategy == "auto" else strategy
    recipe = recipe_for(chosen, len(album.train), fitted=fits(chosen, prepared))
    settled = type(recipe).model_validate(recipe.model_dump() | dict(changes or {}))
    return Plan(chosen, last or advice.last, settled, advice, similarity)


def run(
    job: Job,
    start: Start,
    album: Album,
    prepared: Prepared,
    plan: Plan,
    *,
    report: Report | None = None,
) -> Trained:
    """Train as planned, test once and export; goes on from the checkpoint in the job's folder."""
    device = pick_device(job.recipe.device)
    model, metrics = train_planned(job, start, album, prepared, plan, report=report)
    album = images_for(plan.strategy, start, album)
    batches = album.test_batches(job.recipe, device, SOLO, job.workers)
    test = score(model, batches, job.recipe, device)
    cost = profile(model, album.task)
    whole = dict(metrics) | {f"test_{name}": value for name, value in test.items()}
    whole |= {
        "params": float(cost.params),
        "madds": float(cost.madds),
        "epochs": float(job.recipe.epochs),
    }
    files = export_model(job, album, model, whole, plan.told(start))
    state = Checkpoint(job.folder / CHECKPOINT, _identity(job, start, album, plan)).load()
    history = list(state["history"]) if state else []
    write_json(job.folder / HISTORY, history)
    return Trained(whole, history, job.folder / MODEL, files)


def train_planned(
    job: Job,
    start: Start,
    album: Album,
    prepared: Prepared,
    plan: Plan,
    *,
    report: Report | None = None,
) -> tuple[nn.Module, Metrics]:
    """Return the trained network and the metrics of its last epoch."""
    device = pick_device(job.recipe.device)
    album = images_for(plan.strategy, start, album)
    model = prepared.model
    if plan.strategy == "scratch":
        with seeded(job.seed, torch.device("cpu")):
            model = start.blueprint.build(album.task)
    if fits(plan.strategy, prepared):
        images = some_images(album, LOOKED_AT, job.seed)
        fit_head(model, prepared.stages, images, album.statistics, job.seed)
    extras = apply(plan.strategy, model, prepared.stages, plan.last)
    checkpoint = Checkpoint(job.folder / CHECKPOINT, _identity(job, start, album, plan))
    feed = album.feed(job.recipe, device, job.seed, SOLO, job.workers)
    metrics = fit_feed(
        model,
        feed,
        job.recipe,
        seed=job.seed,
        report=report,
        extras=replace(extras, checkpoint=checkpoint),
    )
    return model, metrics


def fits(strategy: Strategy, prepared: Prepared) -> bool:
    """Return whether a strategy starts from a classifier that is fitted in closed form.

    That of ``linear`` does: it is the classifier that the similarity was measured with.
    """
    return strategy == "linear" and can_fit(prepared.model, prepared.stages)


def _identity(job: Job, start: Start, album: Album, plan: Plan) -> str:
    return (
        f"{job.identity(album)}\nfrom {start.title}\nweights {start.digest()}\n"
        f"strategy {plan.strategy} {plan.last}"
    )
