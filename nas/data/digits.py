"""The digits that come with scikit-learn: 1,797 grey images of 8x8 pixels, always at hand.

Their file is read without importing the package: that would load scipy and pandas, and costs every
process that trains 1.7 s of processor time and 100 MB.
"""

from __future__ import annotations

import gzip
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from nas.data.arrays import ArraySource
from nas.data.spec import DataError

FILE = "datasets/data/digits.csv.gz"  # 64 values from 0 to 16 and the digit, a line an image


def digits() -> ArraySource:
    """Return the digits; their values from 0 to 16 are brought to 0 to 255.

    Raises DataError where scikit-learn is not there, or holds them in another place.
    """
    package = find_spec("sklearn")
    places = list(package.submodule_search_locations or ()) if package else []
    file = next((path for place in places if (path := Path(place, FILE)).is_file()), None)
    if file is None:
        raise DataError(f"digits: no {FILE} in {places or 'scikit-learn, which is not installed'}")
    with gzip.open(file, "rt") as lines:
        table = np.loadtxt(lines, delimiter=",", dtype=np.uint8)
    x = np.rint(table[:, :-1] * (255 / 16)).astype(np.uint8).reshape(-1, 1, 8, 8)
    classes = tuple(str(digit) for digit in range(10))
    return ArraySource(classes, (x, table[:, -1].astype(np.int64)), mirror=False)
