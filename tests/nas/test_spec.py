"""The search spec: defaults, short forms, round trip, and errors that name the field."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from nas.objective import Objective
from nas.spec import SearchSpec
from nas.trial import FailureKind, TrialFailure
from searchspaces.registry import RegistryError


def test_the_default_spec_is_complete_and_survives_json():
    spec = SearchSpec().checked()
    assert spec.space.options["blocks"] == 5
    assert spec.data is not None
    again = SearchSpec.model_validate_json(spec.model_dump_json())
    assert again == spec
    assert again.checked() == spec


def test_a_bare_name_stands_for_a_part_without_options():
    spec = SearchSpec(space="toy", controller="random", evaluator="toy").checked()
    assert (spec.space.name, spec.controller.name, spec.evaluator.name) == ("toy", "random", "toy")
    assert spec.data is None


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"limits": {"trials": -3}}, ("limits", "trials")),
        ({"limits": {"trials": 2**63}}, ("limits", "trials")),
        ({"limits": {"hours": float("inf")}}, ("limits", "hours")),
        ({"seed": -1}, ("seed",)),
        ({"name": ""}, ("name",)),
        ({"name": "a/b"}, ("name",)),
        ({"trails": 3}, ("trails",)),
        ({"execution": {"gpus_per_trial": -0.5}}, ("execution", "gpus_per_trial")),
    ],
)
def test_a_bad_field_is_refused_by_name(fields, where):
    with pytest.raises(ValidationError) as caught:
        SearchSpec.model_validate(fields)
    assert caught.value.errors()[0]["loc"] == where


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"space": "nasnett"}, "unknown search space 'nasnett'; known: "),
        ({"controller": {"name": "random", "options": {"x": 1}}}, "unknown option 'x'"),
        ({"execution": {"executor": "slurm"}}, "unknown executor 'slurm'"),
        ({"evaluator": "toy"}, "evaluator 'toy' scores the search space 'toy' only"),
        ({"data": None}, "needs data"),
    ],
)
def test_what_only_the_registries_know_is_checked_too(fields, message):
    with pytest.raises(RegistryError, match=message):
        SearchSpec.model_validate(fields).checked()


def test_a_setup_carries_what_a_worker_needs():
    setup = SearchSpec(seed=5).checked().setup(Path("/data"))
    assert (setup.seed, setup.data_root, setup.space.name) == (5, Path("/data"), "nasnet")


def test_an_objective_maximises_or_minimises_one_metric():
    assert Objective().reward({"accuracy": 0.5, "params": 3.0}) == 0.5
    assert Objective(metric="params", minimise=True, floor=-9).reward({"params": 3}) == -3.0
    with pytest.raises(TrialFailure, match="metrics: params") as caught:
        Objective().reward({"params": 3.0})
    assert caught.value.kind is FailureKind.BAD_METRIC
