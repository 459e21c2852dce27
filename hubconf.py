"""Entry points of torch.hub: every network of the zoo by its name, and an exported folder.

torch.hub.load("/path/to/this/folder", "resnet20_cifar", source="local", num_classes=5)
"""

# Everything here that can be called is an entry point, unless its name begins with an underscore.
from pathlib import Path as _Path

import nas
from nas.export import load as _load
from nas.zoo.catalog import ZOO
from nas.zoo.weights import load_weights as _load_weights

dependencies = ["torch", "torchvision", "pydantic", "safetensors"]


def exported(folder):
    """Return the trained network of an exported folder, in evaluation mode."""
    return _load(_Path(folder)).model


def _entry(name, title):
    def build(*, num_classes=None, channels=None, size=None, weights=None):
        model = nas.create_model(name, num_classes=num_classes, channels=channels, size=size)
        if weights is not None:
            _load_weights(model, _Path(weights))
        return model

    build.__name__ = build.__qualname__ = name
    build.__doc__ = (
        f"Return {title}, fresh or with weights from a file (.safetensors, .pt, .pth).\n\n"
        "By default for the classes, channels and pixels (size) of its paper."
    )
    return build


globals().update({name: _entry(name, ZOO.get(name).title) for name in nas.list_models()})
