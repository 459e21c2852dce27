"""The search that a first start begins with: small, real, and over in a few minutes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nas.data import DataSpec
from nas.spec import Execution, Final, Limits, Part, SearchSpec
from service import searches
from service.errors import NotFound

if TYPE_CHECKING:
    from service.db import Database

NAME = "demo-digits"


def demo_spec() -> SearchSpec:
    """Return a NASNet search on the embedded digits that ends within six minutes on two cores."""
    return SearchSpec(
        name=NAME,
        space=Part(name="nasnet"),
        controller=Part(name="surrogate"),
        evaluator=Part(name="trained"),
        data=DataSpec(source="digits"),
        control_fraction=0.25,
        limits=Limits(trials=24),
        execution=Execution(executor="ray", workers=2),
        final=Final(epochs=12),
    )


def ensure_demo(database: Database) -> str:
    """Keep the demo search unless there is one already, and return its id."""
    try:
        return searches.resolve(database, NAME)
    except NotFound:
        return searches.create(database, demo_spec())
