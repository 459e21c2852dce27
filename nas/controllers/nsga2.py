"""NSGA-II (Deb et al. 2002), as Optuna implements it: evolution towards a whole Pareto front.

Generations of ``population`` architectures; parents by rank of domination and crowding, uniform
crossover, mutation. The first objective is the reward, always maximised; ``objectives`` names
further metrics of the evaluator, such as ``-params`` (less is better). With none it is a plain
genetic algorithm. What the contract allows of many objectives is just that: a result has one
reward and all its metrics, so the front is in the trials' metrics and not in the controller; an
architecture that fails, or lacks one of the metrics, is left out.

Figures: ``best`` is the best reward so far.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from nas.controllers.study import Study

if TYPE_CHECKING:
    import optuna

    from searchspaces import SearchSpace


class NSGA2(Study):
    """Optuna's NSGA-II, for the reward and, on request, further metrics."""

    name = "nsga2"

    def __init__(
        self,
        space: SearchSpace,
        seed: int,
        *,
        population: Annotated[int, Field(ge=2, le=10_000, description="Of a generation")] = 20,
        objectives: Annotated[
            list[str],
            Field(max_length=4, description="Further metrics: name for more, -name for less"),
        ] = [],  # noqa: B006 - read, never changed
    ) -> None:
        """Open a study."""
        self.population = population
        super().__init__(space, seed, tuple(objectives))

    def random_first(self) -> int:
        """Return the first generation."""
        return self.population

    def sampler(self, seed: int) -> optuna.samplers.BaseSampler:
        """Return a fresh sampler."""
        import optuna

        return optuna.samplers.NSGAIISampler(seed=seed, population_size=self.population)
