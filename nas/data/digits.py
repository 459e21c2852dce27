"""The digits that come with scikit-learn: 1,797 grey images of 8x8 pixels, always at hand."""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_digits

from nas.data.arrays import ArraySource


def digits() -> ArraySource:
    """Return the digits; their values from 0 to 16 are brought to 0 to 255."""
    data = load_digits()
    x = np.rint(data.images * (255 / 16)).astype(np.uint8)[:, None]  # (1797, 1, 8, 8)
    classes = tuple(str(name) for name in data.target_names)
    return ArraySource(classes, (x, data.target.astype(np.int64)), mirror=False)
