"""The table of all trials: a filter in the address, and only the rows that are seen in the page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from service.db import Database
from service.settings import Settings
from tests.browser.conftest import until
from tests.browser.test_looks import PICTURES, overflow, small_targets, violations
from tests.service.making import fill

if TYPE_CHECKING:
    from tests.browser.conftest import Window
    from tests.browser.house import House

COUNT, MOST_ROWS = 1200, 40


def test_a_long_table_is_scrolled_and_filtered_with_few_rows_in_the_page(
    window: Window, house: House
) -> None:
    window.tolerated = ("422",)
    search = house.note("many trials")
    with Database.open(Settings.load(home=house.home)) as database:
        fill(database, search, COUNT)
    page = window.page
    page.goto(f"{house.address}#/s/{search}/trials")
    rows = page.locator("main [data-row]")
    expect(rows.first).to_contain_text(f"#{COUNT - 1}")
    box = page.get_by_role("region", name="All trials, table")
    expect(box.get_by_role("table")).to_have_attribute("aria-rowcount", str(COUNT + 1))

    def seen(number: int) -> bool:
        """Scroll to the end of what is there; whether a trial's row is drawn by now."""
        box.evaluate("box => { box.scrollTop = box.scrollHeight }")
        assert rows.count() <= MOST_ROWS
        return page.get_by_role("link", name=f"#{number}", exact=True).count() == 1

    until(page, lambda: seen(0))
    expect(rows.last).to_have_attribute("aria-rowindex", str(COUNT + 1))
    box.evaluate("box => { box.scrollTop = box.scrollHeight / 2 }")
    page.wait_for_timeout(100)
    drawn = box.evaluate(
        """box => [...box.querySelectorAll("[data-row]")].filter((row) => {
          const [at, around] = [row.getBoundingClientRect(), box.getBoundingClientRect()];
          return at.bottom > around.top && at.top < around.bottom;
        }).length"""
    )
    assert drawn >= 10  # no hole where rows should be
    page.get_by_role("link", name=re.compile("^#")).first.focus()
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.closest('[data-row]') !== null")

    page.keyboard.press("/")
    field = page.get_by_label("Filter")
    expect(field).to_be_focused()
    field.fill("accuracy>>1")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").filter(has_text="filter")).to_be_visible()
    path = f"searches/{search}/trials"
    best = house.client.get(path, params={"sort": "-reward", "limit": 80}).json()["items"]
    wish = f"accuracy>{best[-1]['reward']:.4f} and params<60000"
    field.fill(wish)
    page.keyboard.press("Enter")
    query = {"filter": wish, "sort": "-number", "limit": 500}
    found = house.client.get(path, params=query).json()["items"]
    assert 0 < len(found) < 80
    expect(page.get_by_text(f"{len(found)} that pass the filter")).to_be_visible()
    assert "q=accuracy" in page.evaluate("location.hash")
    expect(rows.first).to_contain_text(f"#{found[0]['number']}")
    page.reload()
    expect(page.get_by_label("Filter")).to_have_value(wish)
    expect(rows.first).to_contain_text(f"#{found[0]['number']}")
    page.get_by_role("button", name="Parameters").click()
    least = min(found, key=lambda one: (one["metrics"]["params"], one["number"]))
    expect(rows.first).to_contain_text(f"#{least['number']}")
    assert "sort=params" in page.evaluate("location.hash")
    for theme, width in (("light", 1440), ("dark", 390)):
        page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
        page.set_viewport_size({"width": width, "height": 900})
        page.screenshot(path=PICTURES / f"filtered-{theme}-{width}.png")
        assert violations(page) == []
        assert overflow(page) <= 0
        assert small_targets(page) == []
    page.get_by_label("Filter").fill("accuracy>2")
    page.keyboard.press("Enter")
    expect(page.get_by_text("No trial passes accuracy>2")).to_be_visible()
