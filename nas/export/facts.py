"""What is told of an exported model beside its architecture: the fields of a model card."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nas.export.errors import ExportError

if TYPE_CHECKING:
    from searchspaces import Task


class Card(BaseModel):
    """What is told of a model beside its architecture. Further fields are kept in ``card.json``."""

    model_config = ConfigDict(frozen=True, extra="allow")

    title: Annotated[str, Field(min_length=1, max_length=200)] = "model"
    classes: Annotated[tuple[str, ...], Field(min_length=2, description="Names, by logit")]
    mean: Annotated[tuple[float, ...], Field(description="Of each channel, pixels from 0 to 1")]
    std: Annotated[tuple[float, ...], Field(description="Of each channel, pixels from 0 to 1")]
    metrics: Annotated[
        dict[str, float], Field(description="test_accuracy, selection_accuracy, params, madds, ...")
    ] = {}
    search: Annotated[
        dict[str, Any], Field(description="id, name, seed, trial, spec of the search")
    ] = {}
    data: Annotated[
        dict[str, Any], Field(description="source, counts and hashes of the splits")
    ] = {}
    training: Annotated[dict[str, Any], Field(description="epochs, seed, recipe")] = {}
    space_options: Annotated[dict[str, Any], Field(description="Options of the search space")] = {}
    zoo: Annotated[str | None, Field(description="Name in the zoo, if the network has one")] = None

    @classmethod
    def of(cls, fields: dict[str, Any], task: Task) -> Card:
        """Return the card of ``fields``; raise ExportError where they do not fit the task."""
        try:
            card = cls.model_validate(fields)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise ExportError(f"model card: {where}: {first['msg']}") from error
        for name, given, wanted in (
            ("classes", len(card.classes), task.classes),
            ("mean", len(card.mean), task.channels),
            ("std", len(card.std), task.channels),
        ):
            if given != wanted:
                raise ExportError(f"model card: {name} has {given} values, the task has {wanted}")
        return card


class Agreement(BaseModel):
    """How far a lossy format is from the network that was trained, in float32.

    ``top1`` is the share of images that both put into the same class. Accuracies are from 0 to 1,
    and null where there were no labels: on noise. ``worst`` is the largest difference of a logit.
    """

    model_config = ConfigDict(frozen=True)

    images: int
    noise: bool
    top1: float
    worst: float
    accuracy: float | None = None
    accuracy_before: float | None = None

    def text(self) -> str:
        """Return it in words."""
        kind = "images of noise" if self.noise else "test images"
        parts = [f"the same class for {self.top1:.2%} of {self.images:,} {kind}"]
        if self.accuracy is not None and self.accuracy_before is not None:
            lost = self.accuracy_before - self.accuracy
            parts.append(
                f"accuracy {self.accuracy:.2%} instead of {self.accuracy_before:.2%} "
                f"({100 * lost:+.2f} points lost)"
            )
        return "; ".join([*parts, f"logits differ by up to {self.worst:.2g}"])


class Format(BaseModel):
    """A format that stands in a folder: its file, how closely it was checked, what it costs."""

    model_config = ConfigDict(frozen=True)

    name: str
    file: str
    tolerance: float
    agreement: Agreement | None = None
