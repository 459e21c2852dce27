"""The registry of evaluators."""

from nas.evaluators import Evaluator
from searchspaces.registry import Registry

EVALUATORS: Registry[Evaluator] = Registry(Evaluator, "nas.evaluators", "evaluator")  # type: ignore[type-abstract]
