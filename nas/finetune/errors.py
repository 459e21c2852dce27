"""The error of fine-tuning."""

from __future__ import annotations


class FinetuneError(ValueError):
    """Weights that do not fit a network, or a network that cannot be fine-tuned; says why."""
