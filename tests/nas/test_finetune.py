"""Tests of transfer learning: stages, strategies, starting weights, similarity and advice."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from nas.data.images import Images
from nas.data.spec import DataSpec
from nas.finetune.advice import FEW, advise
from nas.finetune.errors import FinetuneError
from nas.finetune.job import images_for, make_plan, prepare, train_planned
from nas.finetune.ridge import PENALTIES, can_fit, fit
from nas.finetune.similarity import SHIFTED, Similarity, measure_similarity, right, shift_of
from nas.finetune.stages import features, find_stages
from nas.finetune.start import Start, put, read_weights
from nas.finetune.strategies import FALL, apply, recipe_for
from nas.normalisation import Statistics
from nas.recipe import Recipe
from nas.seeding import seeded
from nas.train import evaluate, fit_feed
from nas.training.album import Album
from nas.training.blueprint import Blueprint
from nas.training.checkpoint import CheckpointError
from nas.training.feed import MemoryFeed
from nas.training.job import Job
from nas.zoo import create_model
from searchspaces import Task

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CPU = torch.device("cpu")
STATISTICS = Statistics((0.5,), (0.3,))
TASK = Task(1, 16, 16, 3)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Net(nn.Module):
    """Two stages, a normalisation in each, a classifier, and one that only training uses."""

    def __init__(self, classes: int = 3) -> None:
        super().__init__()
        self.one = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU())
        self.two = nn.Sequential(nn.Conv2d(4, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU())
        self.auxiliary = nn.Linear(8, classes)
        self.classifier = nn.Linear(8, classes)

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        x = self.two(self.one(x)).mean((2, 3))
        out: Tensor = self.classifier(x)
        return (out, self.auxiliary(x)) if self.training else out


def net(seed: int = 0, classes: int = 3) -> Net:
    with seeded(seed, CPU):
        return Net(classes)


def images(count: int = 60) -> Images:
    random = torch.Generator().manual_seed(0)
    x = torch.randint(256, (count, 1, 16, 16), generator=random, dtype=torch.uint8)
    return Images(x, torch.arange(count) % 3)


def weights(model: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


# --- stages -------------------------------------------------------------------------------------


def test_the_stages_of_a_small_network_are_what_its_maps_say() -> None:
    stages = find_stages(net(), TASK)
    assert [(stage.modules, stage.side) for stage in stages.body] == [
        (("one.0", "one.1"), 16),
        (("two.0", "two.1"), 8),
    ]
    assert (stages.head, stages.idle) == ("classifier", ("auxiliary",))


@pytest.mark.parametrize(
    ("name", "sides"),
    [
        ("resnet20_cifar", [32, 16, 8]),
        ("resnet50", [112, 56, 28, 14, 7]),
        ("nasnet_a_mobile", [111, 56, 28, 14, 7]),
        ("googlenet", [112, 56, 28, 14, 7]),
        ("se_resnet50", [112, 56, 28, 14, 7]),
    ],
)
def test_published_networks_fall_into_the_stages_of_their_papers(
    name: str, sides: list[int]
) -> None:
    with torch.device("meta"):
        model = create_model(name)
    from nas.zoo.catalog import ZOO

    stages = find_stages(model, ZOO.create(name).task)
    assert [stage.side for stage in stages.body] == sides
    assert dict(model.named_modules())[stages.head].out_features == ZOO.create(name).task.classes


class Gated(nn.Module):
    """Two stages with a gate in the first, which looks at the whole map for a moment."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Conv2d(1, 4, 3, padding=1)
        self.gate = nn.Linear(4, 4)
        self.noise = nn.Dropout(0.5)
        self.two = nn.Conv2d(4, 8, 3, 2, 1)
        self.late = nn.Dropout(0.5)
        self.classifier = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.one(x)
        x = self.two(self.noise(x * self.gate(x.mean((2, 3))).sigmoid()[..., None, None]))
        out: Tensor = self.classifier(self.late(x.mean((2, 3))))
        return out


def test_a_gate_belongs_to_the_stage_of_the_map_that_it_is_for() -> None:
    stages = find_stages(Gated(), TASK)
    assert [(stage.modules, stage.side) for stage in stages.body] == [
        (("one", "gate"), 16),
        (("two",), 8),
    ]
    # The last gate is one too, a hidden layer is none.
    with torch.device("meta"):
        vgg = find_stages(create_model("vgg11"), Task(3, 224, 224, 1000))
    assert vgg.body[-1].modules == ("classifier.0", "classifier.3")


def test_a_network_that_does_not_end_in_a_classifier_is_refused() -> None:
    with pytest.raises(FinetuneError, match="gives \\(3,\\) and not 5 classes"):
        find_stages(net(), replace(TASK, classes=5))


def test_the_last_features_are_what_the_classifier_sees() -> None:
    model = net().eval()
    x = torch.randn(5, 1, 16, 16, generator=torch.Generator().manual_seed(1))
    *_, last = features(model, find_stages(model, TASK), [x[:2], x[2:]])
    with torch.no_grad():
        assert torch.allclose(model.classifier(last), model(x), atol=1e-6)


# --- strategies ---------------------------------------------------------------------------------


def moved(strategy: str, last: int = 1) -> set[str]:
    """Return which tensors a strategy changes."""
    model = net()
    extras = apply(strategy, model, find_stages(model, TASK), last)
    before = weights(model)
    recipe = Recipe(epochs=2, batch_size=20)
    feed = MemoryFeed(images(), None, recipe, STATISTICS, seed=0)
    fit_feed(model, feed, recipe, seed=0, extras=extras)
    after = weights(model)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    return {name.rpartition(".")[0] for name in changed}


def test_each_strategy_trains_its_part_and_leaves_the_rest_to_the_bit() -> None:
    assert moved("linear") == {"classifier", "auxiliary"}
    assert moved("last") == {"classifier", "auxiliary", "two.0", "two.1"}
    everything = {"classifier", "auxiliary", "two.0", "two.1", "one.0", "one.1"}
    assert moved("last", last=2) == everything
    assert moved("all") == moved("scratch") == everything


def test_dropout_is_still_before_the_first_layer_that_is_trained_and_works_behind_it() -> None:
    for strategy, last, still in (
        ("linear", 1, {"one", "gate", "noise", "two", "late"}),
        ("last", 1, {"one", "gate", "noise"}),
        ("all", 1, set()),
    ):
        model = Gated()
        assert apply(strategy, model, find_stages(model, TASK), last).still == still
    for name, working in (("vgg16", 2), ("fractalnet20_cifar", 14)):
        with torch.device("meta"):
            network = create_model(name)
        from nas.zoo.catalog import ZOO

        extras = apply("last", network, find_stages(network, ZOO.create(name).task), 2)
        dropouts = {name for name, part in network.named_modules() if isinstance(part, nn.Dropout)}
        assert len(dropouts - extras.still) == working


def test_earlier_layers_train_at_lower_rates() -> None:
    model = net()
    rates = apply("all", model, find_stages(model, TASK)).rates
    assert rates["classifier.weight"] == 1
    assert rates["two.0.weight"] == 1
    assert rates["one.1.bias"] == pytest.approx(FALL)
    assert set(apply("scratch", model, find_stages(model, TASK)).rates.values()) == {1.0}


@pytest.mark.parametrize("count", [12, 40, 1000, 100_000])
def test_a_recipe_takes_some_hundred_steps_whatever_the_number_of_images(count: int) -> None:
    recipe = recipe_for("all", count)
    steps = recipe.epochs * -(-count // recipe.batch_size)
    assert steps >= 300 or recipe.epochs == 200
    assert recipe.batch_size <= count


def lines(count: int, seed: int, noise: float = 0.2) -> tuple[Tensor, Tensor]:
    """Return features of three classes: what tells them apart is small beside what does not."""
    random = torch.Generator().manual_seed(seed)
    y = torch.arange(count) % 3
    small = 0.001 * (functional.one_hot(y) + noise * torch.randn(count, 3, generator=random))
    return torch.cat([small, torch.randn(count, 5, generator=random) + 4], 1), y


def test_a_fitted_classifier_is_ridge_regression_as_a_layer() -> None:
    x, y = lines(60, 0)
    made = fit(x, y, 3)
    middle, spread = x.mean(0), x.std(0)
    scaled, targets = ((x - middle) / spread).double(), functional.one_hot(y).double()
    size = torch.linalg.eigvalsh(scaled @ scaled.T).clamp_min(0).mean()
    logits = (x @ made.weight.T + made.bias).double()
    close = []
    for penalty in PENALTIES:
        a = scaled.T @ scaled + penalty * size * torch.eye(8)
        slopes = torch.linalg.solve(a, scaled.T @ (targets - targets.mean(0)))
        expected = scaled @ slopes + targets.mean(0)
        sharp = (logits * expected).sum() / expected.square().sum()
        close.append(torch.allclose(logits, sharp * expected, atol=1e-3))
    assert sum(close) == 1
    other, labels = lines(300, 1)
    assert ((other @ made.weight.T + made.bias).argmax(1) == labels).double().mean() > 0.95


def test_the_logits_of_a_fitted_classifier_are_as_sure_as_it_is_right() -> None:
    x, y = lines(120, 0, noise=0.7)
    other, labels = lines(600, 1, noise=0.7)
    made = fit(x, y, 3)
    logits = other @ made.weight.T + made.bias
    losses = [functional.cross_entropy(by * logits, labels).item() for by in (0.3, 1.0, 3.0)]
    assert losses[1] == min(losses)


def test_the_linear_strategy_starts_from_the_classifier_that_was_measured(tmp_path: Path) -> None:
    # Stripes of two directions, seen by a network that knows nothing of them.
    random = torch.Generator().manual_seed(0)
    y = torch.arange(80) % 2
    wave = torch.arange(28) // 2 % 2 * 160.0
    forms = torch.stack([wave[:, None].expand(28, 28), wave[None].expand(28, 28)])
    x = (forms[y] + 90 * torch.rand((80, 28, 28), generator=random)).to(torch.uint8)[:, None]
    task, data = Task(1, 28, 28, 2), Images(x, y)
    album = Album(data, None, data, task, ("rows", "columns"), STATISTICS, {"images": "these"})
    blueprint = Blueprint.named("lenet5")
    with seeded(1, CPU):
        start = Start(blueprint, blueprint.build(task).state_dict(), task, None, "untrained")
    prepared = prepare(start, album, seed=0)
    still = {"epochs": 1, "learning_rate": 1e-9}
    plan = make_plan(start, album, prepared, strategy="linear", changes=still)
    assert (plan.recipe.crop_padding, plan.recipe.flip) == (0, "off")
    assert make_plan(start, album, prepared, strategy="last").recipe.flip == "auto"
    job = Job(
        blueprint=blueprint,
        data=DataSpec(source="digits"),
        recipe=plan.recipe,
        folder=tmp_path / "out",
        root=tmp_path,
    )
    model, _ = train_planned(job, start, album, prepared, plan)
    assert evaluate(model, data, STATISTICS, plan.recipe)["accuracy"] > 0.95
    # Other weights, other images: another training, whatever they are called.
    other = replace(start, weights={name: 2 * value for name, value in start.weights.items()})
    with pytest.raises(CheckpointError, match="another training: there weights"):
        train_planned(job, other, album, prepared, plan)
    elsewhere = replace(album, hashes={"images": "others"})
    with pytest.raises(CheckpointError, match='another training: there "images": "these"'):
        train_planned(job, start, elsewhere, prepared, plan)


def test_fresh_weights_see_images_as_their_own_training_would() -> None:
    data = images()
    task = Task(1, 16, 16, 3)
    album = Album(data, None, data, task, ("a", "b", "c"), STATISTICS, {"images": "these"})
    start = Start(Blueprint.named("lenet5"), {}, task, Statistics((0.1,), (0.2,)), "trained")
    assert images_for("scratch", start, album).statistics == STATISTICS
    assert images_for("all", start, album).statistics == start.statistics


def test_a_classifier_without_a_constant_is_trained_as_before() -> None:
    model = net()
    stages = find_stages(model, TASK)
    assert can_fit(model, stages)
    model.classifier = nn.Linear(8, 3, bias=False)
    assert not can_fit(model, stages)
    assert recipe_for("linear", 60).learning_rate == 0.05


# --- starting weights ---------------------------------------------------------------------------


def test_trained_weights_go_into_the_body_and_the_classifier_stays_fresh() -> None:
    source, model = net(1, classes=7), net(2)
    fresh = model.classifier.weight.clone()
    put(source.state_dict(), model, find_stages(model, TASK))
    assert torch.equal(model.one[0].weight, source.one[0].weight)
    assert torch.equal(model.two[1].running_var, source.two[1].running_var)
    assert torch.equal(model.classifier.weight, fresh)


def test_weights_of_another_network_are_refused() -> None:
    model = net()
    stages = find_stages(model, TASK)
    given = weights(model)
    with pytest.raises(FinetuneError, match=r"no 'two\.0\.weight'"):
        put({k: v for k, v in given.items() if k != "two.0.weight"}, model, stages)
    with pytest.raises(FinetuneError, match=r"one.0.weight is \(4, 3, 3, 3\) in the weights"):
        put(given | {"one.0.weight": torch.zeros(4, 3, 3, 3)}, model, stages)


def test_weights_come_from_files_that_cannot_run_code(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    state = weights(net())
    save_file(state, tmp_path / "a.safetensors")
    torch.save({"state_dict": state}, tmp_path / "a.pth")
    for name in ("a.safetensors", "a.pth"):
        assert torch.equal(read_weights(tmp_path / name)["one.0.weight"], state["one.0.weight"])
    torch.save(net(), tmp_path / "code.pth")
    with pytest.raises(FinetuneError, match="no plain weights"):
        read_weights(tmp_path / "code.pth")
    buffer = io.BytesIO()
    torch.save([1, 2], buffer)
    (tmp_path / "list.pth").write_bytes(buffer.getvalue())
    with pytest.raises(FinetuneError, match="no weights by name"):
        read_weights(tmp_path / "list.pth")
    with pytest.raises(FinetuneError, match="cannot be read"):
        read_weights(tmp_path / "missing.pth")


def test_a_network_of_the_zoo_starts_from_its_own_weights_on_other_classes() -> None:
    blueprint = Blueprint.named("resnet20_cifar")
    with seeded(5, CPU):
        trained = blueprint.build(Task(3, 32, 32, 10))
    start = Start(blueprint, trained.state_dict(), Task(3, 32, 32, 10), None, "trained")
    data = Images(torch.zeros((6, 3, 16, 16), dtype=torch.uint8), torch.arange(6) % 2)
    task = Task(3, 16, 16, 2)
    album = Album(data, None, data, task, ("a", "b"), STATISTICS, {"images": "these"})
    made = prepare(start, album, seed=0)
    assert torch.equal(made.model[0].weight, trained[0].weight)
    assert made.model(torch.zeros(1, 3, 16, 16)).shape == (1, 2)


# --- similarity and advice ----------------------------------------------------------------------


@pytest.mark.parametrize("width", [5, 40])
def test_leaving_one_out_in_closed_form_is_fitting_without_it(width: int) -> None:
    random = torch.Generator().manual_seed(3)
    y = torch.arange(18) % 3
    x = torch.randn(18, width, generator=random) + 2 * functional.one_hot(y, width)
    scaled = ((x - x.mean(0)) / x.std(0)).double()
    targets = functional.one_hot(y).double()
    mean_value = torch.linalg.eigvalsh(scaled @ scaled.T).clamp_min(0).mean()
    predictions = []
    for penalty in PENALTIES:
        rows = []
        for out in range(18):
            kept = [i for i in range(18) if i != out]
            middle, constant = scaled[kept].mean(0), targets[kept].mean(0)
            inside = scaled[kept] - middle
            a = inside.T @ inside + penalty * mean_value * torch.eye(width)
            slopes = torch.linalg.solve(a, inside.T @ (targets[kept] - constant))
            rows.append(constant + (scaled[out] - middle) @ slopes)
        predictions.append(torch.stack(rows))
    best = min(predictions, key=lambda found: (targets - found).square().mean().item())
    assert torch.equal(right(x, y), (best.argmax(1) == y).double())
    assert 0.3 < right(x, y).mean() < 1


def test_more_features_than_images_do_not_tell_classes_that_are_chance() -> None:
    random = torch.Generator().manual_seed(0)
    known = [
        right(torch.randn(40, 300, generator=random), torch.arange(40) % 4).mean().item()
        for _ in range(20)
    ]
    assert 0.15 < sum(known) / 20 < 0.3


def test_images_of_its_own_kind_are_similar_and_meaningless_labels_are_not() -> None:
    # Stripes of three directions, which the network was trained to tell.
    random = torch.Generator().manual_seed(0)
    y = torch.arange(240) % 3
    wave = torch.arange(16) // 2 % 2 * 160.0
    forms = torch.stack(
        [wave[:, None].expand(16, 16), wave[None].expand(16, 16), torch.zeros(16, 16)]
    )
    x = (forms[y] + 90 * torch.rand((240, 16, 16), generator=random)).to(torch.uint8)[:, None]
    data = Images(x, y)
    model, recipe = net(), Recipe(epochs=8, batch_size=24)
    fit_feed(model, MemoryFeed(data, None, recipe, STATISTICS, seed=0), recipe, seed=0)
    stages = find_stages(model, TASK)
    own = measure_similarity(model, net(9), stages, data, STATISTICS)
    assert own.images == 240
    assert own.stages[-1] > 0.95
    noise = Images(x, torch.randint(3, (240,), generator=random))
    none = measure_similarity(model, net(9), stages, noise, STATISTICS)
    assert not none.similar
    assert none.stages[-1] < 0.5
    dark = measure_similarity(model, net(9), stages, Images(255 - x // 4, y), STATISTICS)
    assert own.shift is not None
    assert dark.shift is not None
    assert dark.shift > 3 * own.shift


def measured(*, lead: float = 0.0, gain: float = 0.3, shift: float | None) -> Similarity:
    return Similarity(100, (0.6 + lead, 0.6), 0.6 - gain, lead, 0.02, gain, 0.02, shift)


@pytest.mark.parametrize(
    ("each", "found", "strategy"),
    [
        (FEW - 1, measured(shift=0.9 * SHIFTED), "linear"),
        (FEW - 1, measured(shift=1.1 * SHIFTED), "all"),
        (FEW, measured(shift=0.9 * SHIFTED), "last"),
        (FEW, measured(shift=1.1 * SHIFTED), "all"),
        (FEW, measured(shift=0.9 * SHIFTED, gain=0.01), "all"),
        (FEW, measured(shift=0.9 * SHIFTED, lead=0.1), "last"),
        (FEW - 1, measured(shift=None), "linear"),
        (FEW, measured(shift=None, lead=0.1), "all"),
        (FEW, measured(shift=None, gain=0.03), "all"),
    ],
)
def test_the_advice_is_the_table_of_four_cases_and_says_why(
    each: int, found: Similarity, strategy: str
) -> None:
    advice = advise(found, 4 * each, 4)
    assert (advice.strategy, advice.last) == (strategy, 2)
    text = " ".join(advice.reasons)
    assert f"{each} a class: {'few' if each < FEW else 'many'}" in text
    assert "knows 60.0% of the images" in text
    if found.shift is None:
        assert ("earlier features fit better" in text) == (found.lead > 0.02)
    else:
        assert ("of another kind" in text) == (found.shift > SHIFTED)
    assert ("--strategy scratch" in text) == (strategy == "all")
    assert "is not known" in " ".join(advise(found, 4 * each, 4, known=False).reasons)


class Deep(nn.Module):
    """Residual blocks that double the signal where normalisation knows nothing of it."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 4, 3, padding=1)
        self.norms = nn.ModuleList(nn.BatchNorm2d(4) for _ in range(140))
        self.classifier = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        for norm in self.norms:
            x = x + norm(x)
        out: Tensor = self.classifier(x.mean((2, 3)))
        return out


def test_a_fresh_network_is_compared_as_if_it_knew_the_statistics_of_the_images() -> None:
    with seeded(0, CPU):
        model, fresh = Deep(), Deep()
    data = images()
    stages = find_stages(model, TASK)
    assert not fresh.eval()(torch.ones(1, 1, 16, 16)).isfinite().all()
    with pytest.raises(FinetuneError, match="not finite"):
        measure_similarity(model, fresh, stages, data, STATISTICS)
    trained = Deep()
    measure_similarity(fresh, trained, stages, data, STATISTICS)  # both are settled by now
    assert trained.norms[0].momentum == 0.1
    assert not trained.norms[0].training
    alone = shift_of(fresh, data, STATISTICS)
    assert alone == pytest.approx(0, abs=1e-4)
