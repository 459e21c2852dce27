"""Generated requests against the running API: it keeps its contract, and never fails."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import requests
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from schemathesis.checks import not_a_server_error
from schemathesis.openapi import from_dict
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from service import models, searches
from service.clock import now
from service.db import Database
from service.settings import Settings
from service.states import ModelState
from tests.conftest import ROOT
from tests.service.living import Api
from tests.service.making import digits_spec, run

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
    unsupported_method,
]


class World:
    """A running API over a database in which there is something to find."""

    def __init__(self, settings: Settings) -> None:
        with Database.open(settings) as database:
            self.search_id = searches.create(database, digits_spec(2, final_epochs=0))
            assert run(database, self.search_id) == 0
            self.model_id = models.request(database, self.search_id)
            models.change(database, self.model_id, state=ModelState.FAILED, ended_at=now())
        self.api = Api(settings)
        self.session = requests.Session()
        self.asked = 0

    def ask(self, case) -> None:
        """Send a request and hold the answer to the contract."""
        self.asked += 1
        case.call_and_validate(
            base_url=self.api.url, headers=self.api.headers, session=self.session, checks=CHECKS
        )

    def make_real(self, case) -> bool:
        """Put ids of things that are there into a request; say whether it has any."""
        found = {"search_id": self.search_id, "model_id": self.model_id, "number": 0}
        found |= {"cell": "chain"}
        names = set(case.path_parameters or {}) & set(found)
        for name in names:
            case.path_parameters[name] = found[name]
        return bool(names)


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Iterator[World]:
    home = tmp_path_factory.mktemp("world") / "home"
    made = World(Settings.load(home=home, requests_per_second=0))
    made.api.ready()
    yield made
    made.session.close()
    made.api.close()


# Endless, or the end of the session, or trains for seconds: these have tests of their own.
LEFT_OUT = ("/api/v1/events", "/api/v1/logout", "/api/v1/estimate")
SCHEMA = from_dict(json.loads((ROOT / "tests" / "golden" / "openapi.json").read_text()))
OPERATIONS = [
    operation.ok()
    for operation in SCHEMA.get_all_operations()
    if operation.ok().path not in LEFT_OUT
]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: f"{one.method}-{one.path}")
def test_every_operation_keeps_its_contract(operation, world):
    @hypothesis_settings(
        max_examples=25,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        database=None,
    )
    @given(case=operation.as_strategy())
    def ask(case):
        world.ask(case)
        if world.make_real(case):
            world.ask(case)

    ask()
    assert world.asked > 10
