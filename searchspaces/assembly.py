"""How the authors of a family put cells into a network, as data: where TF, DARTS and ENAS differ.

TENSORFLOW is slim/nets/nasnet of tensorflow/models (NASNet, PNASNet) and models/official/amoeba_net
of tensorflow/tpu; TORCH is cnn/model.py of quark0/darts; ENAS is src/cifar10/micro_child.py of
melodyguan/enas.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Auxiliary:
    """Where the auxiliary classifier reads, and how it differs.

    ``place`` counts from the last reduction: 0 is what it reads, 1 its output, 2 the cell after.
    ``step`` is the stride of its average, ``last_norm`` normalises its last convolution, and
    ``average`` pads that convolution and averages its maps (ENAS).
    """

    place: int = 0
    step: int = 3
    last_norm: bool = True
    average: bool = False


@dataclass(frozen=True, slots=True)
class Assembly:
    """The choices of one code base.

    ``raw_first`` hands the stem untouched to the first cell as h_{i-1}, ``raw_equal`` an h_{i-1}
    that has the cell's size and width already; ``now_twice`` adjusts h_i twice; ``same_padding``
    pads as TensorFlow; ``stem_convs`` replaces the two reduction cells of the ImageNet stem by
    convolutions; ``head_relu`` and ``bias`` belong to the classifiers; ``norms`` is the stem whose
    epsilon all normalisations have (that of the scale if empty); ``deep_drop`` lets drop path grow
    with the depth of the cell.
    """

    raw_first: bool = True
    raw_equal: bool = True
    now_twice: bool = False
    same_padding: bool = True
    stem_convs: bool = False
    head_relu: bool = True
    bias: bool = True
    norms: str = ""
    deep_drop: bool = True
    auxiliary: Auxiliary = field(default_factory=Auxiliary)


TENSORFLOW = Assembly()
# drop_connect_version "v1" of tensorflow/tpu: the probability grows with the steps alone.
TPU = Assembly(deep_drop=False)
TORCH = Assembly(
    raw_first=False,
    raw_equal=False,
    same_padding=False,
    stem_convs=True,
    head_relu=False,
    norms="cifar",
    deep_drop=False,
    auxiliary=Auxiliary(place=1),
)
# The ImageNet network of DARTS averages at stride 2 and forgot one normalisation.
TORCH_IMAGENET = Assembly(
    raw_first=False,
    raw_equal=False,
    same_padding=False,
    stem_convs=True,
    head_relu=False,
    norms="cifar",
    deep_drop=False,
    auxiliary=Auxiliary(place=1, step=2, last_norm=False),
)
ENAS = Assembly(
    raw_first=False, now_twice=True, bias=False, auxiliary=Auxiliary(place=2, average=True)
)
