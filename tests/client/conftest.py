"""A service for the tests of the client: with two searches that have run."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from nas.client import Client
from service import searches
from service.auth import token_of
from service.db import Database
from service.settings import Settings
from tests.client.running import Harm, Running
from tests.service.making import digits_spec, finished, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class House(NamedTuple):
    """A folder with its service; ``toy`` has seven trials, ``digits`` two and a model."""

    home: Path
    database: Database
    url: str
    port: int
    toy: str
    digits: str


@pytest.fixture(scope="package")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    home = tmp_path_factory.mktemp("house") / "home"
    settings = Settings.load(home=home)
    token_of(settings)  # the file
    with Database.open(settings) as database:
        toy = finished(database, 7, name="a <script>toy")
        digits = searches.create(database, digits_spec(2))
        assert run(database, digits) == 0
        running = Running(settings)
        yield House(home, database, running.url, running.port, toy, digits)
        running.close()


@pytest.fixture
def client(house: House) -> Iterator[Client]:
    with Client(house.url, home=house.home) as made:
        yield made


@pytest.fixture
def harm(house: House) -> Iterator[Harm]:
    made = Harm(house.port)
    yield made
    made.close()


@pytest.fixture
def harmed(house: House, harm: Harm) -> Iterator[Client]:
    """A client whose requests pass the proxy."""
    with Client(harm.url, home=house.home, timeout=1) as made:
        yield made
