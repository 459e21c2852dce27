"""Every page in light and dark, on a desk and a phone: axe, overflow, pictures to look at."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import toy, until

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.conftest import Opener, Window
    from tests.browser.house import House

ROOT = Path(__file__).resolve().parents[2]
AXE = Path(__file__).parent / "vendor" / "axe.min.js"
PICTURES = ROOT / "build" / "screenshots"
SIZES = {"desk": {"width": 1440, "height": 900}, "phone": {"width": 390, "height": 844}}
# Each page by the words that show that it is complete.
PAGES: dict[str, tuple[str, str]] = {
    "searches": ("", "Created"),
    "versus": ("compare?s={digits},{evolved}", "not measure the same"),
    "new": ("new", "What to search"),
    "overview": ("s/{digits}", "Pareto front"),
    "trials": ("s/{digits}/trials", "of 6 trials"),
    "trial": ("s/{digits}/trials/{best}", "test accuracy"),
    "policy": ("s/{digits}/policy", "began with"),
    "lineage": ("s/{evolved}/lineage", "Noise is judged"),
    "operations": ("s/{digits}/ops", "Lift"),
    "compare": ("s/{digits}/compare?t=0,1,4", "Reduction cell"),
    "failures": ("s/{moody}/failures", "by the machine"),
    "models": ("s/{digits}/models", "Use it"),
    "logs": ("s/{digits}/logs", "the loop has ended"),
    "config": ("s/{digits}/config", "recipe.epochs"),
    "failed-trials": ("s/{moody}", "Pareto front"),
    "finetune": ("finetune", "Adapt a model"),
    "zoo": ("zoo?s={digits}", "Not the same measure"),
    "network": ("zoo/resnet20_cifar", "In all"),
    "workers": ("workers", "Memory free"),
    "settings": ("settings", "cifar100"),
}


@pytest.fixture(scope="module")
def searches(house: House) -> dict[str, Any]:
    """Return the ids of searches that have ended, one of them with failures."""
    changes = {"name": "evolution", "options": {"population": 6, "sample": 3}}
    evolved = house.start(**toy("bred", trials=40, controller=changes, seed=5))
    house.wait(house.moody, "finished")
    best = house.wait(house.digits, "finished")["best"]["number"]
    house.wait(evolved, "finished")
    return {"digits": house.digits, "moody": house.moody, "evolved": evolved, "best": best}


def violations(page: Page) -> list[str]:
    """Return what axe finds wrong with the page as it stands."""
    if not page.evaluate("!!window.axe"):
        page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{one['id']}: {[node['target'] for node in one['nodes']][:3]} "
        f"{one['nodes'][0].get('failureSummary', '')}"
        for one in found["violations"]
    ]


def overflow(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - innerWidth"))


def small_targets(page: Page) -> list[str]:
    """Return buttons, links and fields that are smaller than 24 pixels, but for links in text."""
    return list(
        page.evaluate(
            """() => [...document.querySelectorAll("button, a, input, select, summary")]
              .filter((e) => e.offsetParent && !e.closest(".skip, p, li, dd, .notice, .tile-note"))
              .filter((e) => {
                const box = e.getBoundingClientRect();
                return box.height < 23.5 || box.width < 23.5;
              }).map((e) => e.outerHTML.slice(0, 120))"""
        )
    )


@pytest.mark.parametrize("size", list(SIZES))
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_page_is_accessible_and_fits(
    opener: Opener, house: House, searches: dict[str, Any], theme: str, size: str
) -> None:
    page = opener(viewport=SIZES[size], color_scheme=theme).page
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.goto(house.link)
    page.get_by_role("heading", name="Searches").wait_for()
    problems = []
    for name, (path, words) in PAGES.items():
        page.goto(f"{house.address}#/{path.format(**searches)}")
        expect(page.locator("main")).to_contain_text(words)
        expect(page.locator(".skeleton, .cell:not(:has(svg))")).to_have_count(0)
        if name == "searches" and size == "desk":  # on a phone they are out of sight
            expect(page.locator(".spark").first).to_be_visible()
        if name == "new":
            page.get_by_text("every option").click()
        page.screenshot(path=PICTURES / f"{name}-{theme}-{size}.png", full_page=True)
        problems += [f"{name}: {one}" for one in violations(page)]
        if overflow(page) > 0:
            problems.append(f"{name}: {overflow(page)} px too wide")
        problems += [f"{name}: too small: {one}" for one in small_targets(page)]
    assert problems == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_way_in_and_the_dialogs_are_accessible(
    opener: Opener, house: House, theme: str
) -> None:
    window = opener(viewport=SIZES["phone"], color_scheme=theme)
    window.tolerated = ("401",)
    page = window.page
    page.goto(house.address)
    expect(page.get_by_label("Token")).to_be_visible()
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("Enter the token.")).to_be_visible()
    page.screenshot(path=PICTURES / f"signin-{theme}-phone.png")
    assert violations(page) == []
    search = house.note(f"to be stopped {theme}", "pause")
    page.goto(house.link)
    page.goto(f"{house.address}#/s/{search}")
    page.get_by_role("button", name="Stop…").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.screenshot(path=PICTURES / f"stop-{theme}-phone.png")
    assert violations(page) == []
    page.get_by_role("button", name="Stop the search").click()
    house.wait(search, "stopped")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.screenshot(path=PICTURES / f"keys-{theme}-phone.png")
    assert violations(page) == []


def test_canvases_are_drawn_and_speak(
    window: Window, house: House, searches: dict[str, Any]
) -> None:
    page = window.page
    page.goto(f"{house.address}#/s/{searches['moody']}")
    scatter = page.get_by_role("img", name="on the Pareto front")
    scatter.wait_for()
    inked = """(canvas) => {
      const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      let count = 0;
      for (let i = 3; i < data.length; i += 4) count += data[i] > 0;
      return count / (data.length / 4);
    }"""
    for canvas in page.locator("canvas").all():
        until(page, lambda drawn=canvas: 0.01 < drawn.evaluate(inked) < 0.9)
    scatter.focus()
    page.keyboard.press("ArrowLeft")
    words = page.locator("figcaption[aria-live]")
    expect(words).to_have_text(re.compile("^Trial "))
    said = words.inner_text()
    page.keyboard.press("ArrowLeft")
    expect(words).not_to_have_text(said)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Trial #")).to_be_visible()


def test_the_pictures_of_the_documentation(
    request: pytest.FixtureRequest, opener: Opener, house: House
) -> None:
    if not request.config.getoption("--update-pictures", default=False):
        pytest.skip("the pictures are renewed with --update-pictures")
    wanted = house.client.get("catalog").json()["defaults"] | {"name": "digits", "seed": 1}
    wanted["limits"] = {"trials": 60}
    wanted["control_fraction"] = 0.25
    wanted["execution"] = {"executor": "local", "workers": 2}
    wanted["evaluator"]["options"]["recipe"]["epochs"] = 4
    wanted["evaluator"]["options"]["scale"] = {"cells": 1, "filters": 8}
    search = house.start(**wanted)
    last = time.monotonic() + 3600
    while house.view(search)["counts"]["done"] < 48:  # a search in its course, on real images
        assert time.monotonic() < last, house.view(search)
        time.sleep(1)
    page = opener(viewport={"width": 1440, "height": 1130}, device_scale_factor=1.5).page
    page.goto(house.link)
    page.goto(f"{house.address}#/s/{search}")
    expect(page.locator("main")).to_contain_text("Pareto front")
    expect(page.locator(".run-step").first).to_contain_text("epoch")
    folder = ROOT / "docs" / "images"
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / "dashboard.png")
    best = house.view(search)["best"]["number"]
    page.goto(f"{house.address}#/s/{search}/trials/{best}")
    expect(page.get_by_role("img", name=re.compile("^reduction cell"))).to_be_visible()
    page.screenshot(path=folder / "trial.png")
    house.client.post(f"searches/{search}/stop", json={})
