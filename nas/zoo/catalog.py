"""The registry of the zoo."""

from nas.zoo import ZooModel
from searchspaces.registry import Registry

ZOO: Registry[ZooModel] = Registry(ZooModel, "nas.zoo", "zoo model")  # type: ignore[type-abstract]
