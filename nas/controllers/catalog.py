"""The registry of controllers."""

from nas.controllers import Controller
from searchspaces.registry import Registry

CONTROLLERS: Registry[Controller] = Registry(Controller, "nas.controllers", "controller")  # type: ignore[type-abstract]
