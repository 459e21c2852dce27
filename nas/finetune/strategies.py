"""How much of a trained network is trained again: the classifier, the last stages, or all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from nas.recipe import Recipe
from nas.training.extras import Extras

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn

    from nas.finetune.stages import Stages

Strategy = Literal["scratch", "linear", "last", "all"]
STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)
MEANS = {
    "scratch": "a fresh network: the trained weights are not used",
    "linear": "a new classifier on top of a network that stays as it is",
    "last": "the classifier and the last stages",
    "all": "every layer, earlier stages at lower rates",
}
# With "all" the last stage trains at the classifier's rate, as with "last", and each earlier one at
# this part of the rate of the one after it: ULMFiT's 1 / 2.6 (Howard and Ruder 2018, arXiv
# 1801.06146, section 3.2).
FALL = 1 / 2.6
LAST = 2  # stages that "last" trains: cs231n's "a few layers"; benchmarks/finetune.py
RATES = {"scratch": 0.05, "linear": 0.05, "last": 0.02, "all": 0.02}
# A classifier that was fitted in closed form needs small steps only, and the images as they were
# when it was fitted: moved and mirrored ones took it back (benchmarks/finetune.py, digits).
FITTED = {"learning_rate": 0.003, "crop_padding": 0, "flip": "off"}


def apply(strategy: Strategy, model: nn.Module, stages: Stages, last: int = LAST) -> Extras:
    """Freeze what a strategy leaves alone; return the rates of the rest, and what stays still.

    ``last`` is how many stages "last" trains. Parts that run in training only are always trained.
    """
    trained = _trained(strategy, stages, last)
    rates = {
        own: factor for name, factor in trained.items() for own in stages.parameters(model, (name,))
    }
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name in rates)
    whole = strategy in ("scratch", "all")
    return Extras(rates=rates, still=frozenset() if whole else _still(model, stages, trained))


def recipe_for(strategy: Strategy, images: int, *, fitted: bool = False) -> Recipe:
    """Return a recipe for a strategy and so many training images: at least some 300 steps.

    ``fitted`` says that training starts from a classifier that was fitted in closed form.
    """
    batch = max(2, min(32, images // 4))
    epochs = max(10, min(200, -(-300 * batch // max(1, images))))
    settings = {"learning_rate": RATES[strategy], "weight_decay": 5e-4}
    more = FITTED if fitted else {}
    return Recipe.model_validate({"epochs": epochs, "batch_size": batch, **settings, **more})


def _still(model: nn.Module, stages: Stages, trained: Mapping[str, float]) -> frozenset[str]:
    """Return what stays in evaluation mode: frozen layers, and dropout before the first trained.

    Dropout and drop path have no parameters: they go by where they run, or, where they run in
    training only, by what is around them.
    """
    place = {name: at for at, name in enumerate(stages.order)}
    first = min(place[name] for name in trained if name in place)
    frozen = set[str]()
    for name, part in model.named_modules():
        own = list(part.parameters())
        if own:
            if not any(parameter.requires_grad for parameter in own):
                frozen.add(name)
        elif name in place:
            if place[name] < first:
                frozen.add(name)
        elif name.rpartition(".")[0] in frozen:
            frozen.add(name)
    return frozenset(frozen)


def _trained(strategy: Strategy, stages: Stages, last: int) -> dict[str, float]:
    """Return the modules that are trained, with the factor of their learning rate."""
    found = dict.fromkeys((stages.head, *stages.idle), 1.0)
    kept = {"linear": 0, "last": min(last, len(stages.body))}.get(strategy, len(stages.body))
    for back, stage in enumerate(reversed(stages.body), 1):
        if back <= kept:
            factor = FALL ** (back - 1) if strategy == "all" else 1.0
            found |= dict.fromkeys(stage.modules, factor)
    return found
