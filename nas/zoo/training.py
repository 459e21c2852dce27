"""How the authors of a network trained it: the settings of a paper, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nas.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Training:
    """The settings that a paper prints; None where it prints nothing.

    ``schedule`` says in words how the learning rate falls from ``learning_rate``. ``source`` is
    where the settings stand, and says who quotes them where they were not read there.
    ``drop_path`` is the probability at the end of the training, ``cutout`` a side in pixels.
    """

    source: str
    schedule: str
    batch_size: int | None = None
    learning_rate: float | None = None
    epochs: int | None = None
    weight_decay: float | None = None
    momentum: float = 0.9
    nesterov: bool = False
    optimiser: str = "SGD"
    label_smoothing: float = 0.0
    auxiliary_weight: float = 0.0
    dropout: float = 0.0
    drop_path: float = 0.0
    cutout: int = 0
    grad_clip: float = 0.0

    def recipe(self, **changes: Any) -> Recipe:
        """Return the nearest recipe of our training loop: the same numbers on one cosine.

        What the paper leaves open keeps the recipe's default. The loop needs batches of two and
        knows SGD with Nesterov momentum only: a paper's other optimiser, and its learning rate
        with it, are not taken over. Dropout and drop path are part of the network.
        """
        from nas.recipe import Recipe

        sgd = self.optimiser == "SGD"
        printed = {
            "batch_size": self.batch_size and max(2, self.batch_size),
            "learning_rate": self.learning_rate if sgd else None,
            "epochs": self.epochs,
            "weight_decay": self.weight_decay,
            "momentum": self.momentum if sgd else None,
        }
        settings = {name: value for name, value in printed.items() if value is not None}
        settings["label_smoothing"] = self.label_smoothing
        settings["auxiliary_weight"] = self.auxiliary_weight
        settings["cutout"] = self.cutout
        settings["grad_clip"] = self.grad_clip
        return Recipe.model_validate(settings | changes)
