"""Which images a search uses, and how they are divided: plain data, without torch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

BUILT_IN = ("digits", "mnist", "fashion_mnist", "cifar10", "cifar100")


class DataError(ValueError):
    """Images that cannot be used: one line that names the file or field and what is allowed."""

    def __init__(self, message: str, field: str = "source") -> None:
        """Keep the field of the specification that is to blame, for the API's answer."""
        super().__init__(message)
        self.field = field


def _is_none(value: object) -> bool:
    return value is None


def expanded(source: str) -> Path:
    """Return a path with the home that ``~`` stands for; as it is where there is no such user."""
    try:
        return Path(source).expanduser()
    except RuntimeError:
        return Path(source)


class DataSpec(BaseModel):
    """The images of a search and their division into training, selection and test images."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: Annotated[
        str,
        Field(
            min_length=1,
            max_length=1000,
            pattern=r"^[^\x00-\x1f]+$",
            description=f"{', '.join(BUILT_IN)}, the name of a registered data set, or the path of "
            "a folder, a .zip or a .npz",
        ),
    ] = "digits"
    path: Annotated[
        str | None,
        Field(
            max_length=4000,
            pattern=r"^[^\x00-\x1f]+$",
            exclude_if=_is_none,
            description="Where the images of a registered data set lie; the service fills it in",
        ),
    ] = None
    image_size: Annotated[
        int | None,
        Field(
            ge=4,
            le=1024,
            description="Side in pixels to which images are brought; none: their own size if "
            "all have the same, else 32",
        ),
    ] = None
    colour: Annotated[
        Literal["auto", "rgb", "grey"],
        Field(description="auto: grey if every image is grey, else rgb"),
    ] = "auto"
    train_images: Annotated[
        Annotated[int, Field(ge=4)] | Literal["auto", "all"],
        Field(
            description="Training images to use, evenly from all classes; all; or auto: all for "
            "trials on a GPU, what a core trains in about a minute for those without"
        ),
    ] = "auto"
    test_images: Annotated[
        int | None,
        Field(ge=1, description="Use only so many test images, evenly from all classes"),
    ] = None
    selection_fraction: Annotated[
        float,
        Field(gt=0, le=0.5, description="Part of the training images that measures the reward"),
    ] = 0.2
    test_fraction: Annotated[
        float,
        Field(gt=0, le=0.5, description="Part held out for the test where the source has none"),
    ] = 0.15

    @property
    def built_in(self) -> bool:
        """Say whether the source is a name rather than a path; ``./digits`` is a path."""
        return self.source in BUILT_IN and self.path is None

    def resolved(self) -> DataSpec:
        """Return the same with an absolute path, for a worker with another working folder."""
        if self.built_in or self.path is not None:
            return self
        path = expanded(self.source).resolve()
        return self.model_copy(update={"source": str(path)})
