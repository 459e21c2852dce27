"""The registry of export formats."""

from nas.export import Exporter
from searchspaces.registry import Registry

EXPORTERS: Registry[Exporter] = Registry(Exporter, "nas.export", "export format")  # type: ignore[type-abstract]
