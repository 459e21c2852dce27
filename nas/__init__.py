"""Neural architecture search: controllers, evaluators, the loop, executors, training, export."""

from nas.zoo import create_model, list_models

__all__ = ["create_model", "list_models"]
