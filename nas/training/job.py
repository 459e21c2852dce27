"""One training from images to a folder of files, as a value that other processes can be given."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import torch
from pydantic import BaseModel, ConfigDict, Field

from nas.data.spec import DataSpec
from nas.profile import profile
from nas.recipe import Recipe
from nas.seeding import seeded
from nas.train import fit_feed, pick_device, score
from nas.training.album import open_album
from nas.training.blueprint import Blueprint
from nas.training.checkpoint import Checkpoint, write_atomically
from nas.training.extras import Extras
from nas.training.parallel import SOLO, Parallel

if TYPE_CHECKING:
    from collections.abc import Callable

    from nas.evaluators import Report
    from nas.export import ExportedFile
    from nas.training.album import Album
    from nas.trial import Metrics

CHECKPOINT, HISTORY, MODEL = "checkpoint.pt", "history.json", "model"


class Job(BaseModel):
    """What is trained, on which images, how, and where its files go."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    blueprint: Blueprint
    data: DataSpec
    recipe: Recipe
    folder: Annotated[Path, Field(description="Checkpoint, history and model are written here")]
    root: Annotated[Path, Field(description="Downloads and decoded images")]
    seed: Annotated[int, Field(ge=0, lt=2**53)] = 0
    hold_out: Annotated[
        bool, Field(description="Keep the selection images out, to report accuracy by epoch")
    ] = True
    memory_gib: Annotated[
        float, Field(gt=0, description="Decoded images to keep in memory; more stay on the disk")
    ] = 2.0
    workers: Annotated[
        int, Field(ge=0, le=256, description="Processes that decode, for each that trains")
    ] = 0

    def identity(self, album: Album) -> str:
        """Return what must be equal for a training to be gone on with; the machine may change."""
        elsewhere: Any = {"folder": True, "root": True, "workers": True, "recipe": {"device"}}
        same = self.model_dump(mode="json", exclude=elsewhere) | {"images": album.hashes["images"]}
        return json.dumps(same, indent=1, sort_keys=True)


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training gave: the metrics of the end, those of each epoch, and the model's folder.

    Metrics: test_accuracy, test_loss, train_loss, learning_rate, params, madds, epochs, and
    accuracy and loss on the held-out images where there are any. ``files`` are what this process
    has exported.
    """

    metrics: Metrics
    history: list[Metrics]
    folder: Path
    files: list[ExportedFile] = field(default_factory=list)


def run(
    job: Job,
    *,
    parallel: Parallel = SOLO,
    report: Report | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Trained:
    """Train, test once and export; with several processes all must call it, the first writes.

    Goes on from the checkpoint in the job's folder where there is one. Raises CheckpointError where
    it belongs to another training, and what :func:`nas.train.fit` and :func:`nas.export.export`
    raise.
    """
    device = device_of(job.recipe, parallel)
    album = _album(job, parallel, progress)
    with seeded(job.seed, device):
        model = job.blueprint.build(album.task)
    cost = profile(model, album.task)
    checkpoint = Checkpoint(job.folder / CHECKPOINT, job.identity(album))
    before = checkpoint.load()
    history = list(before["history"]) if before else []

    def noted(epoch: int, metrics: Metrics) -> bool:
        history.append({name: metrics[name] for name in metrics if name != "images_per_second"})
        write_json(job.folder / HISTORY, history)
        return True if report is None else report(epoch, metrics)

    feed = album.feed(job.recipe, device, job.seed, parallel, job.workers)
    metrics = fit_feed(
        model,
        feed,
        job.recipe,
        seed=job.seed,
        report=noted,
        extras=Extras(checkpoint=checkpoint, parallel=parallel),
    )
    batches = album.test_batches(job.recipe, device, parallel, job.workers)
    test = score(model, batches, job.recipe, device, parallel)
    metrics = dict(metrics) | {f"test_{name}": value for name, value in test.items()}
    metrics |= {
        "params": float(cost.params),
        "madds": float(cost.madds),
        "epochs": float(job.recipe.epochs),
    }
    files = []
    if parallel.first:
        write_json(job.folder / HISTORY, history)
        files = export_model(job, album, model, metrics, {})
    return Trained(metrics, history, job.folder / MODEL, files)


def device_of(recipe: Recipe, parallel: Parallel) -> torch.device:
    """Return the device of this process: each has a GPU of its own where there are GPUs."""
    if parallel.world > 1 and recipe.device == "auto" and torch.cuda.is_available():
        return pick_device(f"cuda:{parallel.local_rank}")
    return pick_device(recipe.device)


def export_model(
    job: Job, album: Album, model: torch.nn.Module, metrics: Metrics, more: dict[str, Any]
) -> list[ExportedFile]:
    """Write the model's folder; ``more`` is added to what its card says of the training."""
    from nas.export import export

    card = {
        "title": job.blueprint.title,
        "zoo": job.blueprint.zoo,
        "classes": album.classes,
        "mean": album.statistics.mean,
        "std": album.statistics.std,
        "metrics": metrics,
        "data": {"source": job.data.source, **album.about()},
        "training": {
            "epochs": job.recipe.epochs,
            "seed": job.seed,
            "recipe": job.recipe.model_dump(mode="json"),
            **more,
        },
        "space_options": job.blueprint.space_options,
    }
    arch, scale = job.blueprint.arch, job.blueprint.scale
    return export(job.folder / MODEL, model, arch, album.task, scale, card=card)


def write_json(path: Path, data: Any) -> None:
    """Write a JSON file whole or not at all."""
    text = json.dumps(data, indent=1) + "\n"
    write_atomically(path, lambda file: file.write(text.encode()))


def _album(job: Job, parallel: Parallel, progress: Callable[[int, int], None] | None) -> Album:
    """Return the images; the first process downloads and decodes, the others wait for it."""
    found = None
    for first in (True, False):
        if parallel.first is first:
            found = open_album(
                job.data,
                job.seed,
                job.root,
                memory_bytes=job.memory_gib * 2**30,
                hold_out=job.hold_out,
                progress=progress if first else None,
            )
        parallel.wait()
    if found is None:
        raise RuntimeError("no process opened the images")
    return found
