"""The tree-structured Parzen estimator (Bergstra et al. 2011), as Optuna implements it.

Densities of the decisions of good and of other architectures are estimated, and the candidate with
the greatest ratio of the two is proposed. Optuna's default settings but for ``starts``; see
:mod:`nas.controllers.study` for what is ours.

Figures: ``best`` is the best reward so far.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from nas.controllers.study import Study

if TYPE_CHECKING:
    import optuna

    from searchspaces import SearchSpace


class TPE(Study):
    """Optuna's tree-structured Parzen estimator."""

    name = "tpe"

    def __init__(
        self,
        space: SearchSpace,
        seed: int,
        *,
        starts: Annotated[
            int, Field(ge=1, le=1000, description="Random proposals before the estimator's")
        ] = 10,
    ) -> None:
        """Open a study."""
        self.starts = starts
        super().__init__(space, seed)

    def random_first(self) -> int:
        """Return the starts."""
        return self.starts

    def sampler(self, seed: int) -> optuna.samplers.BaseSampler:
        """Return a fresh sampler."""
        import optuna

        return optuna.samplers.TPESampler(seed=seed, n_startup_trials=self.starts)
