"""The description of a search: one model for Python, the command line, the API and the database."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from nas.data.spec import DataSpec
from nas.objective import Objective
from searchspaces.errors import SpaceError
from searchspaces.registry import RegistryError

if TYPE_CHECKING:
    from nas.evaluators import Evaluator

LATENCY = "latency_ms"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Part(_Model):
    """A registered thing by name, with its options. A bare string is a name without options."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    options: dict[str, Any] = {}


def _part(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


Named = Annotated[Part, BeforeValidator(_part, json_schema_input_type=Part | str)]


class Limits(_Model):
    """When a search ends: after so many trials, or hours of running, whichever comes first."""

    trials: Annotated[int, Field(ge=1, le=1_000_000, description="Trials in all")] = 24
    hours: Annotated[
        float | None, Field(gt=0, allow_inf_nan=False, description="Hours of running")
    ] = None


MOST_WORKERS = 10_000


class Execution(_Model):
    """Where trials run and what each may use."""

    executor: Annotated[str, Field(description="ray, or local for plain processes")] = "ray"
    workers: Annotated[int, Field(ge=1, le=MOST_WORKERS, description="Trials at the same time")] = 2
    cpus_per_trial: Annotated[
        float, Field(gt=0, le=1024, description="Cores of each trial; also its torch threads")
    ] = 1.0
    gpus_per_trial: Annotated[
        float,
        Field(ge=0, le=64, description="GPUs of each trial; a fraction shares one GPU"),
    ] = 0.0
    ray_address: Annotated[
        str | None, Field(max_length=200, description="An existing cluster, host:port")
    ] = None
    trial_timeout_seconds: Annotated[
        float | None,
        Field(gt=0, le=30 * 86400, description="A trial that takes longer fails; none: no limit"),
    ] = None
    attempts: Annotated[
        int, Field(ge=1, le=20, description="Attempts at a trial whose machine fails")
    ] = 5


class Setup(_Model):
    """What a worker needs to make its evaluator: plain data, the same in every process."""

    space: Named
    evaluator: Named
    data: DataSpec | None = None
    data_root: Path = Path("data")
    seed: int = 0


class Final(_Model):
    """The retraining of the winner from scratch, and the one look at the test set."""

    epochs: Annotated[
        int, Field(ge=0, le=10_000, description="Epochs of the final training; 0 skips it")
    ] = 12


class PrefilterSpec(_Model):
    """Proposals that a zero-cost score thinks worst are not trained, once it is shown to rank."""

    score: Annotated[
        Literal["jacov", "naswot", "synflow", "grad_norm", "params", "madds"],
        Field(description="Which score; more is taken for better"),
    ] = "jacov"
    drop: Annotated[
        float, Field(gt=0, lt=1, description="Share of the proposals that is not trained")
    ] = 0.25


class SearchSpec(_Model):
    """A whole search as data. Names and options are checked against the registries by ``check``."""

    name: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f/\\]+$")] = (
        "search"
    )
    space: Named = Part(name="nasnet")
    controller: Named = Part(name="surrogate")
    evaluator: Named = Part(name="trained")
    objective: Objective = Objective()
    data: DataSpec | None = DataSpec()
    control_fraction: Annotated[
        float,
        Field(
            ge=0,
            le=0.9,
            allow_inf_nan=False,
            description="Share of the trials drawn at random, to tell whether the search beats it",
        ),
    ] = 0.0
    prefilter: PrefilterSpec | None = None
    limits: Limits = Limits()
    execution: Execution = Execution()
    final: Final = Final()
    seed: Annotated[int, Field(ge=0, lt=2**53, description="The seed of everything")] = 0
    ordered: Annotated[
        bool, Field(description="Tell results in trial order: same search at any parallelism")
    ] = False

    def checked(self) -> SearchSpec:
        """Return the spec with all options completed.

        Raises RegistryError; its ``field`` is the path of what is wrong, ``space.options.blocks``.
        """
        parts = {field: _completed(field, part) for field, part in self._parts()}
        self._follow_objective(parts)
        evaluator = _known("evaluator", self.evaluator.name, "evaluator.name")
        _known("executor", self.execution.executor, "execution.executor")
        _check_space(parts["space"], evaluator)
        self._check_metrics(evaluator.measures)
        if evaluator.needs_data and self.data is None:
            raise RegistryError(f"evaluator {self.evaluator.name!r} needs data", "data")
        if self.prefilter and not evaluator.needs_data:
            raise RegistryError(
                f"prefilter looks at images; evaluator {self.evaluator.name!r} has none",
                "prefilter",
            )
        data = self.data if evaluator.needs_data else None
        return self.model_copy(update={**parts, "data": data})

    def _check_metrics(self, measured: tuple[str, ...]) -> None:
        """Raise RegistryError where the objective asks for what the evaluator never measures."""
        objective = self.objective
        named = [("metric", objective.metric)]
        named += [(f"limits.{i}.metric", limit.metric) for i, limit in enumerate(objective.limits)]
        named += [
            (f"pareto.{i}", name.removeprefix("-")) for i, name in enumerate(objective.pareto)
        ]
        if objective.trade_off:
            named.append(("trade_off.metric", objective.trade_off.metric))
        for field, metric in named:
            if measured and metric not in measured:
                raise RegistryError(
                    f"objective.{field} is {metric!r}; evaluator {self.evaluator.name!r} "
                    f"measures {', '.join(measured)}",
                    f"objective.{field}",
                    measured,
                )

    def _follow_objective(self, parts: dict[str, Part]) -> None:
        """Let the evaluator time what the objective limits, the controller learn all objectives."""
        wanted = self.objective
        named = {*wanted.pareto, *(limit.metric for limit in wanted.limits)}
        named |= {wanted.trade_off.metric} if wanted.trade_off else set()
        timed = {name.removeprefix("-") for name in (*named, wanted.metric)} & {LATENCY}
        for field, option, value in (
            ("evaluator", "latency", bool(timed)),
            ("controller", "objectives", list(wanted.pareto)),
        ):
            part = parts[field]
            if value and part.options.get(option, value) != value and not part.options[option]:
                parts[field] = Part(name=part.name, options={**part.options, option: value})

    def setup(self, data_root: Path) -> Setup:
        """Return what the workers need."""
        return Setup(
            space=self.space,
            evaluator=self.evaluator,
            data=self.data,
            data_root=data_root,
            seed=self.seed,
        )

    def _parts(self) -> list[tuple[str, Part]]:
        return [
            ("space", self.space),
            ("controller", self.controller),
            ("evaluator", self.evaluator),
        ]


def _known(registry: str, name: str, field: str) -> Any:
    """Return the class of a name; raise RegistryError at ``field`` where there is none."""
    from nas.catalog import REGISTRIES

    try:
        return REGISTRIES[registry].get(name)
    except RegistryError as error:
        raise error.at(field) from error


def _completed(field: str, part: Part) -> Part:
    """Return a part with all its options; raise RegistryError at its place in the spec."""
    from nas.catalog import REGISTRIES

    _known(field, part.name, f"{field}.name")
    try:
        options = REGISTRIES[field].check(part.name, part.options)
    except RegistryError as error:
        raise error.at(f"{field}.options.{error.field}".rstrip(".")) from error
    return Part(name=part.name, options=options)


def _check_space(part: Part, evaluator: type[Evaluator]) -> None:
    """Raise RegistryError where the space cannot be made, or not be measured."""
    from nas.catalog import REGISTRIES

    try:
        space = REGISTRIES["space"].create(part.name, part.options)
    except RegistryError as error:
        raise error.at(f"space.options.{error.field}".rstrip(".")) from error
    except SpaceError as error:
        raise RegistryError(str(error), "space.options") from error
    try:
        evaluator.check_space(space)
    except RegistryError as error:
        raise error.at("evaluator.name") from error
