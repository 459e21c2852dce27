"""The source of networks that no space builds: what is in it, under which names, how it reads."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from types import ModuleType

import pytest
import torch
from torch import Tensor, nn

from nas.export import ExportError, Subject
from nas.export.classes import Classes
from nas.export.facts import Card
from nas.export.source import source_text
from nas.export.trace import state_names, trace
from nas.zoo.catalog import ZOO
from searchspaces import Task

TASK = Task(3, 32, 32, 5)


def subject_of(model: nn.Module, task: Task = TASK) -> Subject:
    names = tuple(f"class {number}" for number in range(task.classes))
    middle = (0.5,) * task.channels
    return Subject(
        model.eval(), None, task, None, Card(classes=names, mean=middle, std=middle, zoo="ours")
    )


def zoo(name: str, side: int = 32) -> Subject:
    entry = ZOO.create(name)
    task = replace(entry.task, height=side, width=side, classes=5)
    return subject_of(entry.build(task), task)


def executed(text: str) -> ModuleType:
    """Return a file's text as a module."""
    module = ModuleType("model")
    sys.modules["model"] = module
    try:
        exec(text, vars(module))
    finally:
        del sys.modules["model"]
    return module


def definitions(model: nn.Module) -> tuple[str, str]:
    """Return the classes and the lines that make the network."""
    classes = Classes(trace(model.eval(), (8, 8)), set())
    return classes.text(), "\n".join(classes.made())


@pytest.mark.parametrize(
    "name",
    ["lenet5_1998", "resnet20_cifar", "densenet121", "shufflenet_v2_050", "mobilenet_v2_100"],
)
def test_the_weights_have_the_names_the_order_and_the_sizes_of_the_network(name):
    subject = zoo(name)
    made = executed(source_text(subject)).build().state_dict()
    assert [(n, t.shape, t.dtype) for n, t in made.items()] == [
        (n, t.shape, t.dtype) for n, t in subject.model.state_dict().items()
    ]


def test_what_only_training_needs_is_left_out_and_only_that(tmp_path):
    subject = zoo("googlenet")
    text = source_text(subject)
    assert 'LEFT_OUT = ("auxiliary.",)' in text
    assert "Auxiliary" not in text
    module = executed(text)
    state = subject.model.state_dict()
    module.read_safetensors = lambda _: dict(state)
    made = module.load(tmp_path).state_dict()
    assert set(state) - set(made) == {name for name in state if name.startswith("auxiliary.")}
    del state["linear.bias"]
    with pytest.raises(RuntimeError, match=r"linear\.bias"):
        module.load(tmp_path)
    state |= {"linear.bias": made["linear.bias"], "other": made["linear.bias"]}
    with pytest.raises(RuntimeError, match="other"):
        module.load(tmp_path)


def test_the_file_of_a_network_without_such_parts_is_loaded_whole():
    assert "LEFT_OUT" not in source_text(zoo("resnet20_cifar"))


@pytest.mark.parametrize("name", ["lenet5_1998", "densenet121", "googlenet", "shufflenet_v1_g3"])
def test_the_file_reads_as_the_linter_and_the_formatter_want_it(name, tmp_path):
    (tmp_path / "model.py").write_text(source_text(zoo(name)))
    ruff = [sys.executable, "-m", "ruff"]
    rules = ["--select=E,F,I,UP,B", "--target-version=py311"]
    for command in (["check", *rules], ["format", "--check"]):
        done = subprocess.run(
            [*ruff, *command, "--isolated", "--line-length=100", str(tmp_path / "model.py")],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_blocks_that_differ_in_numbers_are_one_class_and_equal_ones_one_line():
    text = source_text(zoo("resnet56_cifar"))
    assert text.count("class BasicBlock") == 3  # the first, and two that add maps
    assert "*(BasicBlock(32) for _ in range(8))," in text


class Doubling(nn.Module):
    """Uses one layer twice, and its input after it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layer = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(self.layer(x)) + x


def test_a_name_lives_as_long_as_its_value_is_needed():
    text, made = definitions(nn.Sequential(nn.Flatten(), Doubling(4), Doubling(6)))
    assert text.endswith(
        "        layer = self.layer(x)\n        layer = self.layer(layer)\n        return layer + x"
    )
    assert "def __init__(self, in_features: int) -> None:" in text
    assert made.splitlines()[1:-1] == ["    nn.Flatten(),", "    Doubling(4),", "    Doubling(6),"]


class Scheduled(nn.Module):
    """Is told by its caller how to run."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 3, 1)

    def forward(self, x: Tensor, times: int = 1, *, negative: bool = False) -> Tensor:
        for _ in range(times):
            x = self.layer(x)
        return x * -1 if negative else x


class Caller(nn.Module):
    """Calls one module in two ways."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.third = Scheduled(), Scheduled(), Scheduled()

    def forward(self, x: Tensor) -> Tensor:
        return self.third(self.second(self.second(self.first(x, 2), 1), 2), negative=True)


def test_constants_that_a_module_is_called_with_are_part_of_its_steps():
    model = Caller().eval()
    text, made = definitions(model)
    scope: dict[str, object] = {"nn": nn, "Tensor": Tensor, "torch": torch}
    exec(f"{text}\n\n\ndef build():\n    {made}", scope)
    again = scope["build"]()
    again.load_state_dict(model.state_dict())
    images = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(again(images), model(images))


LAYERS = [
    nn.Conv2d(4, 8, (1, 7), padding=(0, 3), groups=2, bias=False, padding_mode="reflect"),
    nn.Conv2d(4, 8, 3, padding="same"),
    nn.ConvTranspose2d(4, 8, 3, 2, output_padding=1),
    nn.BatchNorm2d(8, eps=0.001, momentum=None, affine=False),
    nn.GroupNorm(2, 8, affine=False),
    nn.LayerNorm((4, 4)),
    nn.MaxPool2d(3, 2, 1, ceil_mode=True),
    nn.AvgPool2d((2, 3), count_include_pad=False),
    nn.AdaptiveAvgPool2d((1, 2)),
    nn.Dropout(0.2, inplace=True),
    nn.LeakyReLU(0.2),
    nn.Hardtanh(-2.0, 2.0),
    nn.ReLU6(),
    nn.PReLU(4),
    nn.Linear(4, 8, bias=False),
    nn.Flatten(2),
    nn.Softmax(dim=1),
    nn.Upsample(scale_factor=2.0, mode="bilinear"),
    nn.PixelShuffle(2),
    nn.LocalResponseNorm(5, alpha=5e-4, k=2.0),
    nn.Identity(),
]


@pytest.mark.parametrize("layer", LAYERS, ids=lambda one: type(one).__name__)
def test_the_constructor_of_a_layer_makes_the_same_layer(layer):
    made = definitions(layer)[1]
    again = eval(made.removeprefix("return "), {"nn": nn})
    assert repr(again) == repr(layer)
    shapes = {name: value.shape for name, value in layer.state_dict().items()}
    assert {name: value.shape for name, value in again.state_dict().items()} == shapes


class Shuffled(nn.Module):
    """Holds an order of channels as a buffer of whole numbers, and one weight."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("order", torch.tensor([2, 0, 1]))
        self.gain = nn.Parameter(torch.tensor(2.0))

    def forward(self, x: Tensor) -> Tensor:
        return (x[:, self.order] * self.gain).mean((2, 3))


def test_values_of_a_module_itself_have_their_shape_and_type():
    made = executed(source_text(subject_of(Shuffled(), Task(3, 8, 8, 3)))).build()
    assert (made.order.dtype, made.order.shape) == (torch.int64, (3,))
    assert isinstance(made.gain, nn.Parameter)
    assert made(torch.randn(7, 3, 8, 8)).shape == (7, 3)


class Foreign(nn.Module):
    """Calls a function that is not torch's."""

    def forward(self, x: Tensor) -> Tensor:
        return x[0 if x is None else slice(None)] + _foreign(x)


def _foreign(x: Tensor) -> Tensor:
    return x


torch.fx.wrap("_foreign")


class Hidden(nn.Module):
    """Holds a tensor that is not in the state dict."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mask", torch.ones(3, 1, 1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.mask


class Wild(nn.Module):
    """Decides by what it sees."""

    def forward(self, x: Tensor) -> Tensor:
        return x if x.sum() > 0 else -x


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (Foreign(), "_foreign"),
        (nn.Sequential(Hidden()), r"network\.0 \(Hidden\) uses mask"),
        (nn.Sequential(nn.Sequential(Wild())), r"network\.0\.0 \(Wild\) cannot be traced"),
    ],
)
def test_what_cannot_be_written_down_is_refused_by_name(model, reason):
    with pytest.raises(ExportError, match=reason):
        source_text(subject_of(model))


def test_tracing_leaves_every_module_in_its_mode():
    model = zoo("googlenet").model.train()
    model.pool.eval()
    kept = set(state_names(trace(model, (32, 32))))
    assert model.training
    assert not model.pool.training
    assert not any(name.startswith("auxiliary") for name in kept)
