"""A trial of a search on a service: its fields, its drawings, and the rest of it on demand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from nas.client.answers import TrialDetail, TrialView, fields, read
from nas.client.offers import TrialLayers
from nas.client.pictures import stacked

if TYPE_CHECKING:
    from nas.client.wire import Wire


@dataclass(frozen=True, kw_only=True)
class Trial(TrialView):
    """A trial as it stood when it was asked for; a notebook shows its cells."""

    search: str
    wire: Wire = field(repr=False, compare=False)

    def detail(self) -> TrialDetail:
        """Return the trial as it stands now, with its curve, attempts, architecture and texts."""
        return read(TrialDetail, self.wire.get(f"searches/{self.search}/trials/{self.number}"))

    def layers(self) -> TrialLayers:
        """Return the layers of the trial's network, for the images of its search."""
        place = f"searches/{self.search}/trials/{self.number}/layers"
        return read(TrialLayers, self.wire.get(place))

    @property
    def cells(self) -> tuple[str, ...]:
        """Names of the cells; none where the trial is no architecture of the space (any more)."""
        return tuple(self.barcode)

    def svg(self, cell: str) -> str:
        """Return the drawing of a cell."""
        place = f"searches/{self.search}/trials/{self.number}/cells/{quote(cell, safe='')}.svg"
        return self.wire.text(place)

    def _repr_svg_(self) -> str | None:
        """Return all cells under each other, None where there is nothing to draw."""
        drawings = {cell: self.svg(cell) for cell in self.cells}
        return stacked(drawings) if drawings else None


def trial_of(wire: Wire, search: str, data: Any) -> Trial:
    """Return the trial that an answer describes."""
    return Trial(**fields(read(TrialView, data)), search=search, wire=wire)
