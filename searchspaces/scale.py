"""How large a network is built around a cell: depth, width, stem, regularisation."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class Scale(BaseModel):
    """The size of the network around the searched cell. The defaults suit a search on a laptop.

    ``cells`` is N of the NASNet paper (arXiv 1707.07012, figure 2): normal cells a stage, three
    stages with a reduction cell between them. ``filters`` is F, the filters of the first stage,
    doubled at each reduction.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    cells: Annotated[int, Field(ge=1, le=30, description="Normal cells a stage (N)")] = 1
    filters: Annotated[int, Field(ge=1, le=4096, description="Filters of the first stage (F)")] = 16
    stem: Annotated[
        Literal["cifar", "imagenet"],
        Field(description="cifar: one 3x3 convolution; imagenet: stride 2 and two reduction cells"),
    ] = "cifar"
    stem_multiplier: Annotated[
        float, Field(gt=0, le=8, description="Stem filters as a multiple of F (NASNet CIFAR: 3)")
    ] = 3.0
    auxiliary: Annotated[
        bool, Field(description="Add the auxiliary classifier before the second reduction")
    ] = False
    drop_path: Annotated[
        float, Field(ge=0, lt=1, description="Final probability of dropping a path")
    ] = 0.0
    dropout: Annotated[float, Field(ge=0, lt=1, description="Dropout before the classifier")] = 0.0
