"""How large a network is built around a cell: depth, width, stem, regularisation."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema


class Scale(BaseModel):
    """The size of the network around the searched cell. The defaults suit a search on a laptop.

    ``cells`` is N of the NASNet paper (arXiv 1707.07012, figure 2): normal cells a stage, three
    stages with a reduction cell between them. ``filters`` is F, the filters of the first stage,
    doubled at each reduction. NASNet-A 6@768 on CIFAR is N=6, F=32, multiplier 3; 4@1056 (mobile)
    is N=4, F=44, imagenet, multiplier 1; 6@4032 (large) is N=6, F=168, imagenet, multiplier 3 with
    ``skip_reduction_input``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    cells: Annotated[int, Field(ge=1, le=30, description="Normal cells a stage (N)")] = 1
    filters: Annotated[int, Field(ge=1, le=4096, description="Filters of the first stage (F)")] = 16
    stem: Annotated[
        Literal["cifar", "imagenet"],
        Field(description="cifar: one 3x3 convolution; imagenet: stride 2 and two reduction cells"),
    ] = "cifar"
    stem_multiplier: Annotated[
        float,
        Field(gt=0, le=8, description="Stem filters: times F (cifar) or times 32 (imagenet)"),
    ] = 3.0
    skip_reduction_input: Annotated[
        bool, Field(description="Let the cell after a reduction read what the reduction read")
    ] = False
    auxiliary: Annotated[
        bool, Field(description="Add the auxiliary classifier before the second reduction")
    ] = False
    drop_path: Annotated[
        float, Field(ge=0, lt=1, description="Final probability of dropping a path")
    ] = 0.0
    dropout: Annotated[float, Field(ge=0, lt=1, description="Dropout before the classifier")] = 0.0
    # How a network with timm's weights counts, not a size to choose: no form offers it, and it is
    # written only where it is set, so that what other networks write stays as it was.
    count_padding: SkipJsonSchema[
        Annotated[
            bool,
            Field(
                description="Averages of stride 2 count the padding (weights of timm's NASNet)",
                exclude_if=lambda counted: not counted,
            ),
        ]
    ] = False
