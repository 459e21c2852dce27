"""Classifies images with the service's models: networks kept in memory, requests run together.

Neither torch nor a network is loaded before the first request for one.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nas.batching import Batcher
from nas.export.errors import ExportError
from service import models
from service.errors import Conflict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from nas.predict import Predictor
    from service.db import Database

KEPT = 4  # networks in memory; the one that was not used for longest goes first
TOGETHER = 64  # images of one batch
WAITING = 1024  # images that wait for one network, and
WAITING_BYTES = 2**28  # their bytes once they are prepared; also what one request may come to
THREADS = 1  # of torch for each network: the machine's other cores train


@dataclass(frozen=True, slots=True)
class Served:
    """A network in memory, the queue before it, and the most images that may wait there."""

    predictor: Predictor
    batcher: Batcher[Tensor, Tensor]
    most: int


class Serving:
    """The networks in memory, by model. May be used from any thread."""

    def __init__(self, database: Database) -> None:
        """Serve the models of ``database``."""
        self.database = database
        self._served: OrderedDict[str, Served] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, model_id: str) -> Served:
        """Return the network of a model; the first time it is read, which takes a while.

        Raises NotFound, and Conflict where the model is not made yet or its files are broken.
        """
        with self._lock:  # one is loaded at a time, and nobody loads it twice
            found = self._served.get(model_id)
            if found is None:
                found = self._served[model_id] = self._read(model_id)
                if len(self._served) > KEPT:
                    self._served.popitem(last=False)[1].batcher.close()
            self._served.move_to_end(model_id)
        return found

    def close(self) -> None:
        """Let all networks go."""
        with self._lock:
            gone, self._served = list(self._served.values()), OrderedDict()
        for served in gone:
            served.batcher.close()

    def _read(self, model_id: str) -> Served:
        view = models.view(self.database, model_id)
        if not view.files:
            text = f"model {model_id} is {view.state}: it has no network yet"
            raise Conflict(text, field="model", value=model_id)
        from nas.predict import Predictor

        try:
            predictor = Predictor(models.folder(self.database, model_id))
        except ExportError as error:
            text = f"the files of model {model_id} are broken: {error}"
            raise Conflict(text, field="model", value=model_id) from error

        def run(requests: Sequence[Tensor]) -> Sequence[Tensor]:
            import torch

            torch.set_num_threads(THREADS)  # of this thread
            answers = predictor.probabilities(torch.cat(list(requests)))
            parts: Sequence[Tensor] = answers.split([len(images) for images in requests])
            return parts

        task = predictor.task
        most = min(WAITING, max(1, WAITING_BYTES // (4 * task.channels * task.height * task.width)))
        return Served(predictor, Batcher(run, len, most=min(TOGETHER, most), waiting=most), most)
