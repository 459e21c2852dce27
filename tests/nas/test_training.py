"""Tests of what stands around the training loop: resume, averages, rates, streams, processes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from nas.data import DataError, DataSpec
from nas.data.images import Images
from nas.data.pictures import TensorPictures
from nas.data.shard import Shard
from nas.normalisation import Statistics
from nas.recipe import Recipe
from nas.seeding import seeded
from nas.train import evaluate, fit, fit_feed
from nas.training.album import open_album
from nas.training.blueprint import Blueprint
from nas.training.checkpoint import Checkpoint, CheckpointError
from nas.training.ema import Ema
from nas.training.extras import Extras
from nas.training.feed import MemoryFeed
from nas.training.job import CHECKPOINT, HISTORY, Job, run
from nas.training.launch import ProcessLost, TrainingRefused, launch
from nas.training.parallel import SOLO, GlobalBatchNorm
from nas.training.stream import StreamFeed
from searchspaces.scale import Scale
from searchspaces.toy import OPTIMUM, Toy

if TYPE_CHECKING:
    from collections.abc import Iterator

CPU = torch.device("cpu")
STATISTICS = Statistics((0.5,), (0.3,))


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def images(count: int = 96, seed: int = 0) -> Images:
    """Return bright and dark images with noise; class 1 is bright in its upper half."""
    random = torch.Generator().manual_seed(seed)
    y = torch.randint(2, (count,), generator=random)
    x = torch.randint(100, (count, 1, 8, 8), generator=random)
    x[y == 1, :, :4] += 100
    return Images(x.to(torch.uint8), y)


def network(dropout: float = 0.0) -> nn.Module:
    with seeded(0, CPU):
        return nn.Sequential(
            nn.Conv2d(1, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Flatten(),
            nn.Dropout(dropout), nn.Linear(6 * 36, 2),
        )  # fmt: skip


def feed(recipe: Recipe, shard: Shard | None = None) -> MemoryFeed:
    more = {} if shard is None else {"shard": shard}
    return MemoryFeed(images(), images(40, 1), recipe, STATISTICS, seed=0, **more)


def weights(model: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


# --- resume -----------------------------------------------------------------------------------


class Killed(Exception):
    """Stands for the end of a process."""


@pytest.mark.parametrize("options", [{}, {"ema": 0.9}, {"randaugment": 5}])
def test_a_training_that_was_killed_goes_on_to_the_same_bits(
    tmp_path: Path, options: dict[str, Any]
) -> None:
    recipe = Recipe(epochs=4, batch_size=16, **options)

    def make() -> Any:
        if recipe.randaugment:
            pictures = TensorPictures(images())
            return StreamFeed(pictures, pictures, recipe, STATISTICS, seed=0)
        return feed(recipe)

    def train(name: str, last: int) -> tuple[nn.Module, list[dict[str, float]]]:
        model, seen = network(dropout=0.3), []

        def report(epoch: int, metrics: dict[str, float]) -> bool:
            seen.append({k: v for k, v in metrics.items() if k != "images_per_second"})
            if epoch == last:
                raise Killed
            return True

        extras = Extras(checkpoint=Checkpoint(tmp_path / name, "a"))
        with contextlib.suppress(Killed):
            fit_feed(model, make(), recipe, seed=0, report=report, extras=extras)
        return model, seen

    whole, curve = train("whole", 99)
    _, before = train("parts", 2)
    resumed, after = train("parts", 99)
    assert len(before) == len(after) == 2
    assert before + after == curve
    assert same(weights(whole), weights(resumed))


def test_a_finished_training_is_not_done_again(tmp_path: Path) -> None:
    recipe, extras = Recipe(epochs=2), Extras(checkpoint=Checkpoint(tmp_path / "c", "a"))
    first = fit_feed(network(), feed(recipe), recipe, seed=0, extras=extras)
    model = network()
    again = fit_feed(
        model, feed(recipe), recipe, seed=0, report=lambda *_: pytest.fail("trained"), extras=extras
    )
    assert again == first
    held = images(40, 1)
    assert evaluate(model, held, STATISTICS, recipe)["accuracy"] == first["accuracy"]


def test_a_checkpoint_of_another_training_or_a_damaged_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.pt"
    Checkpoint(path, '"epochs": 3\n"seed": 1').save({"epoch": 1})
    assert Checkpoint(path, '"epochs": 3\n"seed": 1').load()["epoch"] == 1
    with pytest.raises(CheckpointError, match='there "seed": 1, here "seed": 2'):
        Checkpoint(path, '"epochs": 3\n"seed": 2').load()
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(CheckpointError, match="is damaged"):
        Checkpoint(path, "").load()
    assert list(tmp_path.iterdir()) == [path]


def test_a_checkpoint_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "c.pt"
    Checkpoint(path, "a").save({"epoch": 1})
    with pytest.raises(AttributeError, match="local object"):
        Checkpoint(path, "a").save({"epoch": lambda: 2})  # no plain data
    assert Checkpoint(path, "a").load()["epoch"] == 1
    assert list(tmp_path.iterdir()) == [path]


# --- averages and rates -------------------------------------------------------------------------


def test_the_moving_average_is_the_sum_written_out() -> None:
    model = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(model.weight)
    ema = Ema(model, 0.5)
    expected = 0.0
    for step, value in enumerate((1.0, 3.0, 2.0)):
        nn.init.constant_(model.weight, value)
        ema.update()
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * value
    assert ema.average["weight"].item() == pytest.approx(expected)
    with ema.inside():
        assert model.weight.item() == pytest.approx(expected)
    assert model.weight.item() == 2.0


def test_what_is_measured_of_averaged_weights_is_what_is_handed_back() -> None:
    model, recipe = network(), Recipe(epochs=3, batch_size=16, ema=0.95)
    metrics = fit_feed(model, feed(recipe), recipe, seed=0)
    held = images(40, 1)
    assert evaluate(model, held, STATISTICS, recipe)["loss"] == metrics["loss"]
    plain = network()
    fit_feed(plain, feed(recipe), recipe.model_copy(update={"ema": 0.0}), seed=0)
    assert not same(weights(model), weights(plain))


def test_a_rate_of_a_tenth_moves_a_layer_a_tenth_as_far() -> None:
    recipe = Recipe(
        epochs=1, batch_size=96, warmup_fraction=0, grad_clip=0, weight_decay=0, crop_padding=0
    )

    def moved(rates: dict[str, float]) -> tuple[Tensor, Tensor]:
        model = network()
        before = weights(model)
        fit_feed(model, feed(recipe), recipe, seed=0, extras=Extras(rates=rates))
        after = weights(model)
        return after["0.weight"] - before["0.weight"], after["5.weight"] - before["5.weight"]

    conv, linear = moved({})
    slow, as_before = moved({"0.weight": 0.1})
    assert torch.allclose(slow, 0.1 * conv, atol=1e-7)
    assert torch.equal(as_before, linear)


def test_a_part_that_stays_still_keeps_its_batch_statistics() -> None:
    model, recipe = network(), Recipe(epochs=1)
    for parameter in model[:2].parameters():
        parameter.requires_grad_(False)
    before = weights(model)
    fit_feed(model, feed(recipe), recipe, seed=0, extras=Extras(still=frozenset({"0", "1"})))
    after = weights(model)
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved == {"5.weight", "5.bias"}


# --- streams ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return train/ and test/ of two classes, red and blue, 64 pixels and larger."""
    top, random = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    for part, count in (("train", 12), ("test", 4)):
        for name, colour in (("red", 0), ("blue", 2)):
            home = top / part / name
            home.mkdir(parents=True)
            for number in range(count):
                side = 64 + 8 * (number % 3)
                x = random.integers(0, 120, (side, 64, 3), dtype=np.uint8)
                x[..., colour] += 100
                suffix = "jpg" if number % 2 else "png"
                Image.fromarray(x).save(home / f"{number}.{suffix}")
    return top


def test_images_beyond_the_memory_limit_are_read_from_the_folder_and_are_the_same(
    folder: Path, tmp_path: Path
) -> None:
    spec = DataSpec(source=str(folder), image_size=64)
    memory, disk = (open_album(spec, 0, tmp_path, memory_bytes=size) for size in (1e9, 1e5))
    assert (memory.in_memory, disk.in_memory) == (True, False)
    assert memory.about() == disk.about()
    assert memory.statistics == disk.statistics
    recipe = Recipe()
    for one, other in zip(
        memory.test_batches(recipe, CPU, SOLO), disk.test_batches(recipe, CPU, SOLO), strict=True
    ):
        assert torch.equal(one[0], other[0])
        assert torch.equal(one[1], other[1])


def test_an_archive_beyond_the_memory_limit_is_refused_with_the_way_out(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x_train=np.zeros((20, 8, 8), np.uint8), y_train=[0, 1] * 10)
    spec = DataSpec(source=str(tmp_path / "a.npz"))
    with pytest.raises(DataError, match="a folder is read from the disk, so unpack it"):
        open_album(spec, 0, tmp_path, memory_bytes=100)


def test_an_augmented_image_depends_on_its_epoch_and_on_no_other(folder: Path) -> None:
    recipe = Recipe(batch_size=8, crop_scale=0.3, randaugment=9, cutout=8)
    spec = DataSpec(source=str(folder), image_size=64)
    album = open_album(spec, 0, folder, memory_bytes=1e5)

    def epoch(number: int, workers: int, shard: Shard | None = None) -> Tensor:
        made = StreamFeed(album.train, None, recipe, album.statistics, seed=3)
        batches = made.among(shard or Shard(), workers).epoch(number)
        return torch.cat([x for x, _ in batches])

    whole = epoch(1, workers=0)
    assert torch.equal(whole, epoch(1, workers=2))
    assert not torch.equal(whole, epoch(2, workers=0))
    halves = [epoch(1, 0, Shard(rank, 2)) for rank in (0, 1)]
    size = 6  # 18 images in 3 batches
    for number, batch in enumerate(whole.split(size)):
        half = slice(number * size // 2, (number + 1) * size // 2)
        assert torch.equal(batch, torch.cat([part[half] for part in halves]))


def test_randaugment_changes_the_images_of_a_search_too() -> None:
    losses = [
        fit(
            network(), images(), None, Recipe(epochs=1, randaugment=m),
            statistics=STATISTICS, seed=0,
        )["train_loss"]
        for m in (0, 9, 9)
    ]  # fmt: skip
    assert losses[0] != losses[1] == losses[2]


# --- several processes --------------------------------------------------------------------------


def test_the_parts_of_all_processes_are_the_batch_of_one() -> None:
    recipe = Recipe(batch_size=32)
    whole = [x for x, _ in feed(recipe).epoch(1)]
    parts = [[x for x, _ in feed(recipe, Shard(rank, 2)).epoch(1)] for rank in (0, 1)]
    for batch, *halves in zip(whole, *parts, strict=True):
        assert torch.equal(batch, torch.cat(halves))


def test_alone_batch_norm_over_all_is_batch_norm(tmp_path: Path) -> None:
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{tmp_path / 'meeting'}", rank=0, world_size=1
    )
    try:
        ours, theirs = GlobalBatchNorm(3), nn.BatchNorm2d(3)
        x = 5 + torch.randn(4, 3, 6, 5, generator=torch.Generator().manual_seed(0))
        results = []
        for norm in (ours, theirs):
            nn.init.uniform_(norm.weight, generator=torch.Generator().manual_seed(1))
            leaf = x.clone().requires_grad_()
            out = norm(leaf)
            (out * torch.arange(5.0)).square().sum().backward()
            results.append([out, leaf.grad, norm.weight.grad, norm.bias.grad])
            results[-1] += [norm.running_mean, norm.running_var, norm.eval()(x)]
        for mine, reference in zip(*results, strict=True):
            assert torch.allclose(mine, reference, rtol=1e-4, atol=1e-4)
        assert int(ours.num_batches_tracked) == 1
    finally:
        torch.distributed.destroy_process_group()


EPOCHS = 8


def job(folder: Path, epochs: int = EPOCHS) -> Job:
    space = Toy()
    return Job(
        blueprint=Blueprint(
            title="toy",
            architecture=space.decode(OPTIMUM).to_json(),
            scale=Scale(filters=8),
        ),
        data=DataSpec(train_images=120, test_images=50),
        recipe=Recipe(epochs=epochs, batch_size=32, learning_rate=0.01),
        folder=folder,
        root=folder / "root",
    )


@pytest.mark.slow
def test_two_processes_train_as_one_and_go_on_after_one_is_killed(tmp_path: Path) -> None:
    # 96 images in batches of 32, 16 for each process; both batch norms see all 32.
    alone = run(job(tmp_path / "alone"))

    def kill_second(epoch: int, _: Any) -> bool:
        if epoch == 1:
            os.kill(worker(rank=1), signal.SIGKILL)
        return True

    with pytest.raises(ProcessLost, match="training process 1 was killed by SIGKILL"):
        launch(job(tmp_path / "two"), 2, report=kill_second)
    assert 1 <= len(json.loads((tmp_path / "two" / HISTORY).read_text())) < EPOCHS
    together = launch(job(tmp_path / "two"), 2)
    assert len(together.history) == len(alone.history) == EPOCHS
    for one, other in zip(alone.history, together.history, strict=True):
        assert one == pytest.approx(other, rel=1e-5, abs=1e-6)  # seen: 7e-7
    states = [
        torch.load(tmp_path / name / CHECKPOINT, weights_only=True)["model"]
        for name in ("alone", "two")
    ]
    for name, value in states[0].items():
        assert torch.allclose(value, states[1][name], rtol=1e-3, atol=5e-5), name


def test_what_a_process_cannot_train_is_told_by_the_one_that_started_it(tmp_path: Path) -> None:
    wrong = job(tmp_path).model_copy(update={"data": DataSpec(source=str(tmp_path / "nowhere"))})
    with pytest.raises(TrainingRefused, match="nowhere: No such file or directory"):
        launch(wrong, 2)


def worker(rank: int) -> int:
    """Return the process of that rank that this test has started."""
    for process in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            environment = (process / "environ").read_bytes().split(b"\0")
            parent = (process / "stat").read_text().rpartition(")")[2].split()[1]
            if f"RANK={rank}".encode() in environment and int(parent) == os.getpid():
                return int(process.name)
    raise AssertionError(f"no process of rank {rank}")
