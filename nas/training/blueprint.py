"""Which network is trained, as plain data: a name of the zoo, or an architecture and its size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from searchspaces.scale import Scale

if TYPE_CHECKING:
    from torch import nn

    from nas.export import Subject
    from nas.recipe import Recipe
    from nas.spec import SearchSpec
    from nas.zoo import ZooModel
    from nas.zoo.training import Training
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
        """Return how its authors trained it, as near as our loop comes; ZooError if unknown."""
        return self._printed()[1].recipe()

    def as_printed(self) -> Blueprint:
        """Return it with the drop path, dropout and auxiliary classifier of its authors' training.

        Written by hand, it has them as it is. Raises ZooError as ``paper_recipe`` does.
        """
        from nas.zoo.sized import SizedModel

        model, training = self._printed()
        if not isinstance(model, SizedModel):
            return self
        parts = {
            "drop_path": training.drop_path,
            "dropout": training.dropout,
            "auxiliary": training.auxiliary_weight > 0,
        }
        scale = (self.scale or model.scale).model_copy(update=parts)
        tree = self.architecture or model.arch.to_json()
        return self.model_copy(update={"architecture": tree, "scale": scale})

    def _printed(self) -> tuple[ZooModel, Training]:
        from nas.zoo import ZooError
        from nas.zoo.catalog import ZOO

        if self.zoo is None:
            raise ZooError(f"{self.title}: only a network of the zoo has a recipe of its authors")
        model = ZOO.create(self.zoo)
        if model.recipe is None:
            raise ZooError(
                f"{model.name}: no source that was read says how its authors trained it; our own "
                "recipe is called default"
            )
        return model, model.recipe
