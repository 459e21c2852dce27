"""The layers of a trial's network for the images of its search, and what they cost."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from nas.data import DataError
from nas.spec import SearchSpec
from searchspaces import SpaceError, Task
from searchspaces.scale import Scale
from service import architectures
from service.errors import NotFound, UserError
from service.schemas import View
from service.searchrows import SearchRows
from service.zoo import LayerView

if TYPE_CHECKING:
    from pathlib import Path

    from service.db import Database

KEPT = 64  # networks whose layers are remembered: an architecture never changes


class TrialLayers(View):
    """What the network of a trial costs for one image, in all and by layer."""

    params: int
    madds: int
    memory_peak_bytes: int
    layers: list[LayerView]


def layers(database: Database, search_id: str, number: int) -> TrialLayers:
    """Return the layers of a trial's network at the size that the search trains.

    Raises NotFound without such a trial, without images, and where there is no network to build.
    """
    with database.read() as connection:
        rows = SearchRows(connection, search_id)
        spec, row = rows.search().spec, rows.trial(number)
    text = SearchSpec.model_validate(spec).model_dump_json()
    return _measured(text, tuple(row.decisions), database.settings.data_root)


@lru_cache(maxsize=KEPT)
def _measured(text: str, decisions: tuple[int, ...], data_root: Path) -> TrialLayers:
    spec = SearchSpec.model_validate_json(text)
    arch = architectures.decoded(spec.model_dump(mode="json"), decisions)
    if spec.data is None:
        raise NotFound("a search without images has no layers", field="data")
    if arch is None:
        raise NotFound("the trial is not an architecture of the space any more", field="number")
    space = architectures.space_of(spec.model_dump(mode="json"))
    if not space.buildable:
        raise NotFound(f"space {space.name} has no networks to build", field="space")
    import torch  # only here: the API answers without it until somebody asks for a network

    from nas.data import describe
    from nas.profile import profile

    try:
        images = describe(spec.data, data_root)
        task = Task(images["channels"], images["height"], images["width"], len(images["classes"]))
        scale = Scale.model_validate(spec.evaluator.options.get("scale", {}))
        with torch.device("meta"):  # shapes only: nothing is allocated
            cost = profile(space.build(arch, task, scale), task)
    except (DataError, SpaceError, ValueError) as error:
        raise UserError(str(error), field="data", value=spec.data.source) from error
    return TrialLayers(
        params=cost.params,
        madds=cost.madds,
        memory_peak_bytes=cost.memory_peak,
        layers=[LayerView.of(layer) for layer in cost.layers],
    )
