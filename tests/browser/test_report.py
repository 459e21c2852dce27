"""A saved report: the pages of a search from one file on disk, with nobody to ask."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import quote

from playwright.sync_api import expect
from typer.testing import CliRunner

from service.cli import app
from tests.browser.conftest import until
from tests.browser.test_looks import SIZES, overflow, violations

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

    from tests.browser.conftest import Opener, Window
    from tests.browser.house import House

# Each page with words that show that it is complete.
PAGES = {
    "": "Pareto front",
    "/trials?sort=-reward": "trials",
    "/trials?sort=-number&state=failed": "trials",
    "/trials?sort=params": "by column",
    "/ops": "Lift",
    "/failures": "by the machine",
    "/config": "limits",
    "/compare?t=0,1": "Numbers",
}
JUDGED = ("", "/trials?sort=-reward", "/failures")  # by axe; all are, as pages of the service
ACTS = ("Pause", "Stop…", "Resume", "Export best", "Delete", "New search", "Train", "Make the")


def saved(house: House, search: str, file: Path) -> str:
    """Return the address of the report of a search, which is made through the server."""
    there = ["--server", house.address, "--token", house.token]
    done = CliRunner().invoke(app, [*there, "report", search, "-o", str(file)])
    assert done.exit_code == 0, done.output
    assert f"{file.stat().st_size / 1e3:.0f} kB. Saved on" in done.stderr
    return file.as_uri()


def cells(page: Page) -> list[list[str]]:
    """Return what stands in the tables and tiles of the page."""
    main = page.locator("main")
    return [main.locator(what).all_inner_texts() for what in (".tile", "table", ".facts")]


def rows(page: Page) -> list[str]:
    """Return what a filter finds, or what is wrong with it."""
    table, wrong = page.locator("main [data-row]"), page.locator("#filter-error")
    return [*table.all_inner_texts(), wrong.inner_text()]


def test_a_report_opens_from_disk_and_shows_what_the_service_shows(
    window: Window, opener: Opener, house: House, tmp_path: Path
) -> None:
    house.wait(house.moody, "finished")
    address = saved(house, house.moody, tmp_path / "report.html")
    page = opener(address, viewport=SIZES["phone"], color_scheme="dark").page
    window.page.set_viewport_size(SIZES["phone"])
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    name = house.view(house.moody)["name"]
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    assert page.url == f"{address}#/s/{house.moody}"  # a report has no other search
    problems = []
    for path, words in PAGES.items():
        live = window.page
        for one, start in ((live, house.address), (page, address)):
            one.goto(f"{start}#/s/{house.moody}{path}")
            expect(one.locator("main")).to_contain_text(words)
            expect(one.locator(".skeleton, .holding")).to_have_count(0)
        with suppress(AssertionError):
            until(page, lambda: cells(page) == cells(window.page))
        assert cells(page) == cells(window.page), path
        if path in JUDGED:
            problems += [f"{path}: {one}" for one in violations(page)]
        assert overflow(page) <= 0, path
        for act in ACTS:
            assert not page.get_by_role("button", name=act).count(), (path, act)
            assert not page.get_by_role("link", name=act).count(), (path, act)
    assert problems == []
    assert asked == [address]


def test_a_report_has_trials_with_their_cells_finals_and_layers(
    opener: Opener, house: House, tmp_path: Path
) -> None:
    view = house.wait(house.digits, "finished")
    address = saved(house, house.digits, tmp_path / "report.html")
    page = opener(address).page
    best = view["best"]["number"]
    place = f"searches/{house.digits}/trials/{best}"
    page.goto(f"{address}#/s/{house.digits}/trials/{best}")
    main = page.locator("main")
    trial = house.client.get(place).json()
    expect(main.locator(".cell svg")).to_have_count(len(trial["cells"]))
    expect(main).to_contain_text(f"{100 * trial['metrics']['accuracy']:.2f}\u2009%")
    main.get_by_text("Layers", exact=True).click()
    layers = house.client.get(f"{place}/layers").json()["layers"]
    expect(main.get_by_role("region", name="Layers").locator("tbody tr")).to_have_count(
        len(layers) + 1
    )
    assert violations(page) == []
    page.goto(f"{address}#/s/{house.digits}")
    finals = house.client.get(f"searches/{house.digits}/finals?top=5&epochs=1").json()
    card = main.get_by_role("region", name="Finals", exact=True)
    card.get_by_label("Best").select_option("5")
    if any(one["tests"] for one in finals["finalists"]):  # another test has asked for them
        expect(card.locator("tbody tr")).to_have_count(len(finals["finalists"]))
    else:
        expect(card).to_contain_text("Not trained yet at 1 epoch.")
    page.goto(f"{address}#/s/{house.digits}/trials/9999")
    expect(main).to_contain_text("not held in full in the report")


def test_a_report_filters_its_trials_as_the_service_does(
    window: Window, opener: Opener, house: House, tmp_path: Path
) -> None:
    window.tolerated = ("422",)
    house.wait(house.moody, "finished")
    address = saved(house, house.moody, tmp_path / "report.html")
    page = opener(address).page
    path = f"searches/{house.moody}/trials"
    rewards = house.client.get(f"{path}?sort=-reward").json()["items"]
    middle = rewards[len(rewards) // 3]["reward"]
    for wish in (
        '"reward">0 and "no and no"=1',
        '"number">3 and state=done',
        f"accuracy>={middle} and number<20",
        f"reward<{middle} && state=done",
        f"reward={middle}",
        "failure!=timeout AND attempt=1",
        "arm=search",
        "seconds>=0 and nothing.known<1e3",
        "accuracy>>1",
        "state<done",
        "failure=tired",
        "params<many",
        "reward>1_0",
        " and ".join(["number<9"] * 21),
        f"number<{'9' * 500}",
    ):
        answer = house.client.get(path, params={"filter": wish, "sort": "-number", "limit": 500})
        for one, start in ((window.page, house.address), (page, address)):
            one.goto(f"{start}#/s/{house.moody}/trials?q={quote(wish)}")
            expect(one.get_by_label("Filter")).to_have_value(wish)
            if answer.status_code == 422:
                expect(one.locator("#filter-error")).to_have_text(answer.json()["detail"])
                continue
            numbers = [f"#{trial['number']}" for trial in answer.json()["items"]]
            expect(one.locator("#filter-error")).to_be_empty()
            expect(one.locator("main [data-row] th a")).to_have_text(numbers)
            if not numbers:
                expect(one.get_by_text("No trial passes")).to_be_visible()
        with suppress(AssertionError):
            until(page, lambda: rows(page) == rows(window.page))
        assert rows(page) == rows(window.page), wish


def test_a_name_that_would_end_the_script_ends_nothing(
    opener: Opener, house: House, tmp_path: Path
) -> None:
    name = "<!--<script>document.title='hacked'"
    search = house.note(name)
    address = saved(house, search, tmp_path / "report.html")
    page = opener(address).page
    page.goto(address)
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    expect(page).to_have_title(f"{name} · Nasturtium")
