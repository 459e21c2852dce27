"""The layer table of a network: what its parts give out and cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from service.cli.report import count
from service.cli.screen import say, say_table

if TYPE_CHECKING:
    from nas.profile import Profile

LAYERS = (
    ("layer", "left"),
    ("kind", "left"),
    ("output", "left"),
    ("params", "right"),
    ("madds", "right"),
    ("memory", "right"),
    ("receptive field", "right"),
)


def say_layers(cost: Profile) -> None:
    """Print one row a part, the sums, and the most memory at once."""
    rows = [
        [
            layer.name,
            layer.kind,
            "x".join(map(str, layer.output)),
            f"{layer.params:,}",
            count(layer.madds),
            count(layer.memory),
            _pixels(layer.receptive_field),
        ]
        for layer in cost.layers
    ]
    rows.append(
        [
            "in all",
            "",
            "",
            f"{cost.params:,}",
            count(cost.madds),
            count(cost.memory_sum),
            _pixels(cost.receptive_field),
        ]
    )
    say("")
    say_table(LAYERS, rows)
    say(f"memory in bytes of activations for one image, {count(cost.memory_peak)} at most at once")


def layer_items(cost: Profile) -> list[dict[str, Any]]:
    """Return the rows as JSON has them."""
    return [
        {
            "name": layer.name,
            "kind": layer.kind,
            "output": list(layer.output),
            "params": layer.params,
            "madds": layer.madds,
            "memory_bytes": layer.memory,
            "receptive_field": list(layer.receptive_field),
        }
        for layer in cost.layers
    ]


def _pixels(field: tuple[int, int]) -> str:
    return "x".join(map(str, field))
