"""Fixtures of the service's tests: every test has a HOME, a database and an app of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fastapi.testclient import TestClient

from service.app import create_app
from service.auth import token_of
from service.db import Database
from service.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.load(home=tmp_path / "home")


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    with Database.open(settings) as opened:
        yield opened


@pytest.fixture
def anonymous(settings: Settings) -> Iterator[TestClient]:
    """A client that has not signed in."""
    app = create_app(settings)
    with TestClient(app, base_url="http://localhost:8000", raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def client(anonymous: TestClient, settings: Settings) -> TestClient:
    """A client with the token."""
    anonymous.headers["Authorization"] = f"Bearer {token_of(settings)}"
    return anonymous
