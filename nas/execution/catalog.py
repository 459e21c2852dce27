"""The registry of executors."""

from nas.execution import Executor
from searchspaces.registry import Registry

EXECUTORS: Registry[Executor] = Registry(Executor, "nas.execution", "executor")  # type: ignore[type-abstract]
