"""Tests of the training loop: it learns, it repeats itself, it knows when to stop."""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING, Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from nas.data.images import Images
from nas.normalisation import Statistics
from nas.recipe import Recipe
from nas.seeding import generator, seeded
from nas.train import evaluate, fit, learning_rate, pick_device
from nas.trial import FailureKind, Metrics, TrialFailure, TrialStopped

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


def stripes(count: int, seed: int = 0) -> Images:
    """Return noisy stripes, horizontal (0) or vertical (1)."""
    random = torch.Generator().manual_seed(seed)
    y = torch.randint(2, (count,), generator=random)
    wave = torch.arange(8) // 2 % 2 * 100.0
    flat, tall = wave[:, None].expand(8, 8), wave[None].expand(8, 8)
    x = torch.where(y.bool()[:, None, None], tall, flat)
    x = x + 100 * torch.rand((count, 8, 8), generator=random)
    return Images(x[:, None].to(torch.uint8), y)


class Small(nn.Module):
    """A convolution, dropout, and two classifiers; one layer is never used."""

    def __init__(self, auxiliary: bool = False, dropout: float = 0.2) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU())
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(8 * 36, 2)
        self.unused = nn.Linear(3, 3)
        self.auxiliary = nn.Linear(8 * 36, 2) if auxiliary else None
        self.progress: list[float] = []

    def set_progress(self, fraction: float) -> None:
        self.progress.append(fraction)

    def forward(self, x: Tensor) -> Any:
        x = self.dropout(self.features(x).flatten(1))
        if self.training and self.auxiliary is not None:
            return self.classifier(x), self.auxiliary(x)
        return self.classifier(x)


def small(seed: int = 0, **options: Any) -> Small:
    with seeded(seed, CPU):
        return Small(**options)


def train(model: nn.Module, recipe: Recipe | None = None, **options: Any) -> Metrics:
    recipe = recipe or Recipe(epochs=3, batch_size=32)
    given = {"statistics": STATISTICS, "seed": 0, "report": None} | options
    held_out = stripes(100, seed=1)
    return fit(model, stripes(300), held_out, recipe, **given)


def weights(model: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def test_a_small_network_learns_to_tell_stripes() -> None:
    model = small()
    before = evaluate(model, stripes(100, seed=1), STATISTICS, Recipe())
    after = train(model)
    assert before["accuracy"] < 0.8
    assert after["accuracy"] > 0.95
    assert after["loss"] < before["loss"]


def test_the_same_seed_trains_to_the_same_bits_whatever_ran_before() -> None:
    first, second, other = small(), small(), small()
    one = train(first)
    torch.rand(17)
    two = train(second)
    three = train(other, seed=1)
    assert one == two
    for name, value in first.state_dict().items():
        assert torch.equal(value, second.state_dict()[name]), name
    assert one != three


def test_training_leaves_the_default_generator_as_it_was() -> None:
    state = torch.get_rng_state()
    train(small())
    assert torch.equal(torch.get_rng_state(), state)


def test_every_epoch_is_reported_and_the_last_report_is_the_result() -> None:
    reports: list[tuple[int, Metrics]] = []
    result = train(small(), report=lambda *told: reports.append(told) or True)
    assert [step for step, _ in reports] == [1, 2, 3]
    assert all(metrics["images_per_second"] > 0 for _, metrics in reports)
    last = dict(reports[-1][1])
    del last["images_per_second"]
    assert last == result
    assert set(result) == {"accuracy", "loss", "train_loss", "learning_rate"}


def test_without_held_out_images_no_accuracy_is_reported() -> None:
    result = fit(small(), stripes(64), None, Recipe(epochs=1), statistics=STATISTICS, seed=0)
    assert set(result) == {"train_loss", "learning_rate"}


def test_training_stops_at_the_epoch_whose_report_says_so() -> None:
    seen: list[int] = []

    def report(step: int, _: Metrics) -> bool:
        seen.append(step)
        return step < 2

    with pytest.raises(TrialStopped, match="after epoch 2 of 3"):
        train(small(), report=report)
    assert seen == [1, 2]


def test_a_loss_that_is_no_number_ends_the_trial_as_diverged() -> None:
    class Broken(Small):
        def forward(self, x: Tensor) -> Any:
            return super().forward(x) / torch.zeros(())

    with pytest.raises(TrialFailure, match=r"the loss was (nan|inf) in epoch 1") as caught:
        train(Broken())
    assert caught.value.kind is FailureKind.DIVERGED


def test_a_network_that_breaks_only_in_evaluation_has_diverged_too() -> None:
    class Broken(Small):
        def forward(self, x: Tensor) -> Any:
            return super().forward(x) * (1.0 if self.training else math.inf)

    with pytest.raises(TrialFailure, match="on the selection images after epoch 1"):
        train(Broken())


def test_a_rate_far_too_high_is_noticed_before_the_epoch_is_over() -> None:
    recipe = Recipe(epochs=1, batch_size=2, learning_rate=10, grad_clip=0, warmup_fraction=0)
    linear = nn.Sequential(nn.Flatten(), *(nn.Linear(64, 64) for _ in range(6)), nn.Linear(64, 2))
    with pytest.raises(TrialFailure, match=r"in epoch 1, step (16|32)$"):
        train(linear, recipe)


def test_parameters_without_a_gradient_are_left_alone() -> None:
    model = small()
    before = weights(model.unused)
    train(model)
    assert all(torch.equal(value, before[name]) for name, value in weights(model.unused).items())


def test_the_auxiliary_classifier_learns_by_its_weight_and_is_silent_in_evaluation() -> None:
    model, frozen = small(auxiliary=True), small(auxiliary=True)
    assert model.auxiliary is not None
    assert frozen.auxiliary is not None
    before = weights(model.auxiliary)
    assert train(model)["accuracy"] > 0.9
    assert not torch.equal(model.auxiliary.weight, before["weight"])
    train(frozen, Recipe(epochs=1, auxiliary_weight=0, weight_decay=0))
    assert torch.equal(frozen.auxiliary.weight, before["weight"])


def test_the_network_is_told_how_far_the_training_has_come() -> None:
    model = small()
    train(model)
    assert model.progress == pytest.approx([step / 30 for step in range(30)])


def test_one_step_is_the_step_of_sgd_written_out() -> None:
    # One batch of all images, no augmentation: weights -= rate * (gradient + decay * weights).
    recipe = Recipe(
        epochs=1, batch_size=64, crop_padding=0, flip="off", warmup_fraction=0, grad_clip=0,
        learning_rate=0.1, momentum=0.0, weight_decay=0.01, channels_last=False,
    )  # fmt: skip
    data = stripes(64)
    torch_model = nn.Sequential(nn.Flatten(), nn.Linear(64, 2))
    layer = torch_model[1]
    assert isinstance(layer, nn.Linear)
    start = weights(layer)
    x = (data.x.double() / 255 - 0.5) / 0.3
    weight = start["weight"].double().requires_grad_()
    bias = start["bias"].double().requires_grad_()
    nn.functional.cross_entropy(x.flatten(1) @ weight.T + bias, data.y).backward()
    assert weight.grad is not None
    assert bias.grad is not None
    fit(torch_model, data, None, recipe, statistics=STATISTICS, seed=0)
    expected = weight - 0.1 * (weight.grad + 0.01 * weight)
    assert torch.allclose(layer.weight.double(), expected, atol=1e-6)
    assert torch.allclose(layer.bias.double(), bias - 0.1 * bias.grad, atol=1e-6)  # no decay


def test_the_gradient_is_cut_to_its_greatest_norm() -> None:
    recipe = Recipe(
        epochs=1, batch_size=64, warmup_fraction=0, grad_clip=1e-3, learning_rate=1.0,
        momentum=0.0, weight_decay=0.0,
    )  # fmt: skip
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 2))
    before = torch.cat([p.detach().flatten() for p in model.parameters()])
    fit(model, stripes(64), None, recipe, statistics=STATISTICS, seed=0)
    after = torch.cat([p.detach().flatten() for p in model.parameters()])
    assert (after - before).norm().item() == pytest.approx(1e-3, rel=1e-3)


def test_label_smoothing_raises_the_loss_of_a_sure_network() -> None:
    losses = [
        train(small(dropout=0.0), Recipe(epochs=3, label_smoothing=smoothing))["train_loss"]
        for smoothing in (0.0, 0.3)
    ]
    assert losses[1] > losses[0] + 0.1


@pytest.mark.parametrize(("mirror", "flip", "expected"), [
    (True, "auto", True), (False, "auto", False), (False, "on", True), (True, "off", False),
])  # fmt: skip
def test_images_are_mirrored_only_where_their_class_allows_or_the_recipe_insists(
    mirror: bool, flip: str, expected: bool
) -> None:
    seen: list[Tensor] = []

    class Spy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.classifier = nn.Linear(64, 2)

        def forward(self, x: Tensor) -> Tensor:
            seen.append(x.detach().clone())
            out: Tensor = self.classifier(x.flatten(1))
            return out

    ramp = torch.arange(8, dtype=torch.uint8).expand(64, 1, 8, 8).contiguous()
    data = Images(ramp, torch.arange(64) % 2, mirror)
    recipe = Recipe.model_validate({"epochs": 1, "flip": flip, "crop_padding": 0})
    fit(Spy(), data, None, recipe, statistics=STATISTICS, seed=0)
    x = seen[0]
    assert bool((x[:, 0, 0, 0] > x[:, 0, 0, 7]).any()) is expected


def test_the_rate_warms_up_and_then_falls_along_half_a_cosine() -> None:
    recipe = Recipe(learning_rate=0.8, warmup_fraction=0.2)
    rates = [learning_rate(recipe, step, 20) for step in range(20)]
    assert rates[:5] == pytest.approx([0.16, 0.32, 0.48, 0.64, 0.8])
    assert rates[12] == pytest.approx(0.4)  # half way down
    assert rates[4:] == sorted(rates[4:], reverse=True)
    assert 0 < rates[-1] < 0.01


def test_bf16_learns_as_well() -> None:
    assert train(small(), Recipe(epochs=3, batch_size=32, precision="bf16"))["accuracy"] > 0.9


def test_channels_last_changes_memory_and_not_what_is_learned() -> None:
    results = [
        train(small(), Recipe(epochs=1, batch_size=32, channels_last=flag))
        for flag in (True, False)
    ]
    assert results[0]["loss"] == pytest.approx(results[1]["loss"], rel=0.02)


def test_evaluation_is_the_same_for_any_batch_and_keeps_running_statistics() -> None:
    model = small()
    train(model)
    before = weights(model)
    data = stripes(700, seed=2)  # more than one batch
    got = evaluate(model, data, STATISTICS, Recipe())
    x = (data.x.float() / 255 - 0.5) / 0.3
    with torch.no_grad():
        logits = model.eval()(x)
    assert got["accuracy"] == (logits.argmax(1) == data.y).double().mean().item()
    assert got["loss"] == pytest.approx(
        nn.functional.cross_entropy(logits, data.y).item(), rel=1e-5
    )
    assert all(torch.equal(value, before[name]) for name, value in weights(model).items())


def test_large_images_are_evaluated_in_small_batches() -> None:
    sizes: list[int] = []

    class Counting(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            sizes.append(len(x))
            return x.flatten(1)[:, :2]

    data = Images(torch.zeros((20, 1, 256, 256), dtype=torch.uint8), torch.arange(20) % 2)
    evaluate(Counting(), data, STATISTICS, Recipe())
    assert sizes == [8, 8, 4]
    sizes.clear()
    evaluate(Counting(), stripes(600), STATISTICS, Recipe())
    assert sizes == [512, 88]


def test_a_seeded_block_is_the_same_each_time_and_generators_are_apart_by_purpose() -> None:
    draws = []
    for seed in (3, 3, 4):
        with seeded(seed, CPU):
            draws.append(torch.rand(4).tolist())
    assert draws[0] == draws[1] != draws[2]
    one, same, other = (torch.rand(4, generator=generator(3, p)).tolist() for p in "aab")
    assert one == same != other
    generator(2**63 - 1, "the largest seed of a trial")


def test_a_gpu_that_is_not_there_is_refused_in_one_line() -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    assert pick_device("auto") == CPU
    with pytest.raises(ValueError, match="device is 'cuda:3', but 0 GPUs can be used here"):
        pick_device("cuda:3")


@pytest.mark.gpu
def test_a_gpu_learns_as_well() -> None:
    if not torch.cuda.is_available():
        pytest.skip("no GPU here")
    recipe = Recipe(epochs=3, batch_size=32)
    data, held_out = stripes(300).to("cuda"), stripes(100, seed=1).to("cuda")
    result = fit(small(), data, held_out, recipe, statistics=STATISTICS, seed=0)
    assert result["accuracy"] > 0.95


@pytest.mark.parametrize("options", [
    {"epochs": 0}, {"batch_size": 1}, {"learning_rate": -1}, {"learning_rate": math.nan},
    {"momentum": 1.0}, {"device": "tpu"}, {"flip": "maybe"}, {"rate": 1},
])  # fmt: skip
def test_a_recipe_out_of_range_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Recipe.model_validate(options)


def test_a_training_in_another_thread_at_another_time_is_the_same() -> None:
    here = train(small())
    found: list[Metrics] = []
    thread = threading.Thread(target=lambda: found.append(train(small())))
    thread.start()
    thread.join()
    assert found == [here]
