"""How a network is trained: every setting of the training loop, as data."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class Recipe(BaseModel):
    """SGD with Nesterov momentum and one cosine, as NASNet and DARTS are trained on CIFAR-10.

    Momentum 0.9, weight decay 5e-4, gradient norm 5 and auxiliary weight 0.4 are those of the
    authors' CIFAR code of NASNet (arXiv 1707.07012; slim/nets/nasnet/nasnet.py, comments of
    ``cifar_config``). Its 600 epochs at batch 32 and rate 0.025 are not: a trial has a few epochs,
    for which twice the rate with a short warm-up learns more. Weights shared by a whole search
    (``shared_weights``) train without ``crop_scale``, ``randaugment`` and ``ema``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: Annotated[int, Field(ge=1, le=10_000, description="Passes over the images")] = 3
    batch_size: Annotated[int, Field(ge=2, le=8192, description="Images a step")] = 64
    learning_rate: Annotated[
        float, Field(gt=0, le=10, description="Highest learning rate, after the warm-up")
    ] = 0.05
    warmup_fraction: Annotated[
        float, Field(ge=0, lt=1, description="Part of the steps in which the rate rises from 0")
    ] = 0.1
    momentum: Annotated[float, Field(ge=0, lt=1, description="Nesterov momentum")] = 0.9
    weight_decay: Annotated[
        float, Field(ge=0, le=1, description="L2 penalty on convolutions and linear layers")
    ] = 5e-4
    grad_clip: Annotated[
        float, Field(ge=0, le=1e6, description="Largest norm of the gradient; 0: no limit")
    ] = 5.0
    label_smoothing: Annotated[
        float, Field(ge=0, lt=1, description="Probability spread over all classes")
    ] = 0.0
    auxiliary_weight: Annotated[
        float, Field(ge=0, le=10, description="Weight of the auxiliary classifier's loss")
    ] = 0.4
    crop_padding: Annotated[
        int | None,
        Field(ge=0, le=128, description="Pixels of random shift; none: an eighth of the height"),
    ] = None
    flip: Annotated[
        Literal["auto", "on", "off"],
        Field(description="Mirror half of the images; auto: not for digits, which it would change"),
    ] = "auto"
    cutout: Annotated[
        int, Field(ge=0, le=512, description="Side in pixels of the square cut out; 0: none")
    ] = 0
    crop_scale: Annotated[
        float,
        Field(
            gt=0,
            le=1,
            description="Least part of the area that a random resized crop keeps (ImageNet: 0.08); "
            "1: none, shift instead",
        ),
    ] = 1.0
    randaugment: Annotated[
        int,
        Field(ge=0, le=30, description="Strength of RandAugment, two operations; 0: none"),
    ] = 0
    ema: Annotated[
        float,
        Field(
            ge=0,
            lt=1,
            description="Decay of a moving average of the weights, such as 0.9999; 0: none",
        ),
    ] = 0.0
    device: Annotated[
        str,
        Field(
            pattern=r"^(auto|cpu|cuda(:\d+)?)$",
            description="auto: the GPU if the trial has one; cpu, cuda or cuda:N",
        ),
    ] = "auto"
    precision: Annotated[
        Literal["auto", "fp32", "bf16"],
        Field(description="auto: bf16 on a GPU that has it, fp32 on a CPU, where bf16 is slower"),
    ] = "auto"
    channels_last: Annotated[
        bool, Field(description="Keep the channels of a pixel together in memory: faster")
    ] = True
