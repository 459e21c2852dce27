"""All registries in one place, for the spec, the command line and the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nas.controllers.catalog import CONTROLLERS
from nas.evaluators.catalog import EVALUATORS
from nas.execution.catalog import EXECUTORS
from searchspaces.catalog import SPACES

if TYPE_CHECKING:
    from searchspaces.registry import Registry

REGISTRIES: dict[str, Registry[Any]] = {
    "space": SPACES,
    "controller": CONTROLLERS,
    "evaluator": EVALUATORS,
    "executor": EXECUTORS,
}
