"""Chromium, a running service with searches in it, and pages that must not complain."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser.house import House

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WAIT_MS = 40_000  # runs share two cores with whatever else goes on
DIGITS: dict[str, Any] = {
    "name": "digits",
    "space": {"name": "nasnet", "options": {"blocks": 3}},
    "controller": {"name": "reinforce", "options": {}},
    "evaluator": {
        "name": "trained",
        "options": {
            "recipe": {"epochs": 2, "batch_size": 16},
            "scale": {"cells": 1, "filters": 4},
        },
    },
    "data": {"source": "digits", "train_images": 400},
    "limits": {"trials": 6},
    "execution": {"executor": "local", "workers": 1},
    "final": {"epochs": 1},
    "seed": 3,
}


MOODY: dict[str, Any] = {"evaluator": {"name": "moody", "options": {}}, "seed": 1}


def toy(name: str, *, trials: int, seconds: float = 0.0, **more: Any) -> dict[str, Any]:
    """Return the description of a search of the toy space."""
    return {
        "name": name,
        "space": {"name": "toy", "options": {}},
        "controller": {"name": "reinforce", "options": {}},
        "evaluator": {"name": "toy", "options": {"seconds": seconds}},
        "data": None,
        "limits": {"trials": trials},
        "execution": {"executor": "local", "workers": 2},
        "final": {"epochs": 0},
    } | more


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the switch that renews the pictures of the documentation."""
    parser.addoption("--update-pictures", action="store_true", help="rewrite docs/images")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this folder that use Chromium."""
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)


def until(page: Page, holds: Callable[[], bool]) -> None:
    """Wait for a condition. (The page's policy forbids what wait_for_function does.)"""
    last = time.monotonic() + WAIT_MS / 1000
    while not holds():
        assert time.monotonic() < last, "it did not come about"
        page.wait_for_timeout(50)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Return Chromium; without one, skip, or fail where CI says that everything must run.

    Playwright keeps an event loop running in this thread until it ends, and asyncio.run refuses to
    work beside it: that is why it ends with the tests of this folder.
    """
    if not CHROMIUM.exists():
        reason = f"{CHROMIUM} is missing: apt-get install chromium"
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    expect.set_options(timeout=WAIT_MS)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="package")
def house(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[House]:
    """Return a running service in which a search on real images has begun."""
    del browser  # asked for first: without Chromium nothing is started
    house = House(tmp_path_factory.mktemp("house") / "home")
    try:
        house.digits = house.start(**DIGITS)
        house.moody = house.start(**toy("with failures", trials=24, **MOODY))
        yield house
        assert house.stop() == 0
    finally:
        house.kill()


class Window:
    """A page that notes what it must not do: complain, or ask other hosts."""

    def __init__(self, context: BrowserContext, address: str) -> None:
        """Open a tab and listen to it."""
        self.page: Page = context.new_page()
        self.page.set_default_timeout(WAIT_MS)
        self.complaints: list[str] = []
        self.tolerated: tuple[str, ...] = ()
        self.host = address.split("/")[2]
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))
        self.page.on("request", self._request)

    def _console(self, message: Any) -> None:
        if message.type in {"error", "warning"}:
            where = message.location.get("url", "")
            self.complaints.append(f"console: {message.text} {where}")

    def _request(self, request: Any) -> None:
        if request.url.split("/")[2] != self.host:
            self.complaints.append(f"off the host: {request.url}")

    def serious(self) -> list[str]:
        """Return the complaints that the test has not said to expect."""
        return [one for one in self.complaints if not any(part in one for part in self.tolerated)]


Opener = Callable[..., Window]


@pytest.fixture
def opener(browser: Browser, house: House) -> Iterator[Opener]:
    """Return a function that opens a tab in a new profile; afterwards none may have complained."""
    contexts: list[BrowserContext] = []
    windows: list[Window] = []

    def open_window(address: str | None = None, **options: Any) -> Window:
        sizes = {"viewport": {"width": 1440, "height": 900}} | options
        context = browser.new_context(**sizes)
        contexts.append(context)
        window = Window(context, house.address if address is None else address)
        windows.append(window)
        return window

    yield open_window
    for context in contexts:
        context.close()
    for window in windows:
        assert window.serious() == []


@pytest.fixture
def window(opener: Opener, house: House) -> Window:
    """Return a tab that is signed in."""
    found = opener()
    found.page.goto(house.link)
    found.page.get_by_role("heading", name="Searches").wait_for()
    return found
