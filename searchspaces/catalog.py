"""The registry of search spaces."""

from searchspaces import SearchSpace
from searchspaces.registry import Registry

SPACES: Registry[SearchSpace] = Registry(SearchSpace, "searchspaces", "search space")  # type: ignore[type-abstract]
