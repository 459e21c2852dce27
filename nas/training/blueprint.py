"""Which network is trained, as plain data: a name of the zoo, or an architecture and its size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from nas.recipe import Recipe
from searchspaces.scale import Scale

if TYPE_CHECKING:
    from torch import nn

    from nas.export import Subject
    from nas.spec import SearchSpec
    from searchspaces import Task
    from searchspaces.arch import Arch


class Blueprint(BaseModel):
    """A network without its weights: ``zoo``, or ``architecture`` with ``scale``, or all three."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: Annotated[str, Field(min_length=1, max_length=200)]
    zoo: Annotated[str | None, Field(description="Name of a published network")] = None
    architecture: Annotated[
        dict[str, Any] | None, Field(description="Its cells, as Arch.to_json has them")
    ] = None
    scale: Annotated[Scale | None, Field(description="The size of the network")] = None
    space_options: Annotated[dict[str, Any], Field(description="Options of the search space")] = {}

    @model_validator(mode="after")
    def _complete(self) -> Blueprint:
        if (self.architecture is None) != (self.scale is None):
            raise ValueError("an architecture needs a scale, and a scale an architecture")
        if self.architecture is None and self.zoo is None:
            raise ValueError("a network needs an architecture and a scale, or a name in the zoo")
        return self

    @classmethod
    def named(cls, name: str) -> Blueprint:
        """Return a network of the zoo; raise RegistryError where there is none of that name."""
        from nas.zoo.catalog import ZOO

        return cls(title=ZOO.create(name).title, zoo=name)

    @classmethod
    def exported(cls, subject: Subject) -> Blueprint:
        """Return what an exported folder holds, without its weights."""
        return cls(
            title=subject.card.title,
            zoo=subject.card.zoo,
            architecture=None if subject.arch is None else subject.arch.to_json(),
            scale=subject.scale,
            space_options=subject.card.space_options,
        )

    @classmethod
    def searched(cls, title: str, arch: Arch, spec: SearchSpec) -> Blueprint:
        """Return an architecture of a search's space, in the size of the search's trials."""
        return cls(
            title=title,
            architecture=arch.to_json(),
            scale=Scale.model_validate(spec.evaluator.options.get("scale", {})),
            space_options=spec.space.options,
        )

    @property
    def arch(self) -> Arch | None:
        """The architecture; None for a network that was written by hand."""
        from searchspaces.arch import Arch

        return None if self.architecture is None else Arch.from_json(self.architecture)

    def build(self, task: Task) -> nn.Module:
        """Return a fresh network for images of ``task``.

        Raises SpaceError or ZooError where it cannot be built for them.
        """
        arch = self.arch
        if arch is None or self.scale is None:
            from nas.zoo.catalog import ZOO

            return ZOO.create(self.zoo or "").build(task)
        from searchspaces.catalog import SPACES

        return SPACES.create(arch.space, self.space_options).build(arch, task, self.scale)

    def paper_recipe(self) -> Recipe:
        """Return how its authors trained it, as near as our loop comes; else the default recipe."""
        if self.zoo is None:
            return Recipe()
        from nas.zoo.catalog import ZOO

        training = ZOO.create(self.zoo).recipe
        return Recipe() if training is None else training.recipe()
