"""What is special about the labels of a table: they are no operations, whatever they are called."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from searchspaces.catalog import SPACES

if TYPE_CHECKING:
    from pathlib import Path


def test_labels_named_like_operations_stay_different_points(tmp_path: Path) -> None:
    names = ("none", "skip_connect", "add", "concat", "1")
    rows = [",".join(point) + ",0" for point in product(names, repeat=2)]
    path = tmp_path / "table.csv"
    path.write_text("\n".join(["choice:a,choice:b,score", *rows]))
    space = SPACES.create("table", {"path": str(path)})
    points = list(product(range(len(names)), repeat=2))
    archs = [space.decode(point) for point in points]
    assert len({arch.key() for arch in archs}) == len(points)
    assert [space.encode(arch) for arch in archs] == points
