"""The table of all trials: a filter in the address, and only the rows that are seen in the page."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

from playwright.sync_api import Error, expect
from sqlalchemy import update

from nas.events import EventKind
from service import eventlog
from service.db import Database
from service.settings import Settings
from service.tables import trial
from tests.browser.conftest import until
from tests.browser.test_looks import PICTURES, overflow, small_targets, violations
from tests.service.making import fill

if TYPE_CHECKING:
    from playwright.sync_api import Route

    from tests.browser.conftest import Opener, Window
    from tests.browser.house import House

COUNT, MOST_ROWS = 1200, 40
AT_THE_FOOT = """(box) => {
  const {left, bottom} = box.getBoundingClientRect();
  return document.elementFromPoint(left + 200, bottom - 6)?.closest("[data-row]") !== null;
}"""


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
    first = rows.first.get_by_role("link")
    expect(first).to_have_text(f"#{COUNT - 1}")
    box = page.get_by_role("region", name="All trials, table")
    expect(box.get_by_role("table")).to_have_attribute("aria-rowcount", str(COUNT + 1))

    def seen(number: int) -> bool:
        """Scroll to the end of what is there; whether a trial's row is drawn by now."""
        box.evaluate("box => { box.scrollTop = box.scrollHeight }")
        assert rows.count() <= MOST_ROWS
        return page.locator(f'main [data-row] a[href$="/trials/{number}"]').count() == 1

    until(page, lambda: seen(0))
    expect(rows.last).to_have_attribute("aria-rowindex", str(COUNT + 1))
    for jump, index in (("0", 2), ("box.scrollHeight", COUNT + 1)):  # from end to end at once
        box.evaluate(f"box => {{ box.scrollTop = {jump} }}")
        expect(box.locator(f"[aria-rowindex='{index}']")).to_have_count(1)
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
    expect(first).to_have_text(f"#{found[0]['number']}")
    page.reload()
    expect(page.get_by_label("Filter")).to_have_value(wish)
    expect(first).to_have_text(f"#{found[0]['number']}")
    page.get_by_role("button", name="Parameters").click()
    least = min(found, key=lambda one: (one["metrics"]["params"], one["number"]))
    expect(first).to_have_text(f"#{least['number']}")
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


def test_no_row_is_missing_where_the_page_is_zoomed_out(opener: Opener, house: House) -> None:
    search = house.note("seen from afar")
    with Database.open(Settings.load(home=house.home)) as database:
        fill(database, search, 200)
    page = opener(
        viewport={"width": 1440, "height": 900}, screen={"width": 1440, "height": 900}
    ).page
    page.goto(house.link)
    page.get_by_role("heading", name="Searches").wait_for()
    page.goto(f"{house.address}#/s/{search}/trials")
    expect(page.get_by_role("link", name="#199", exact=True)).to_be_visible()
    page.set_viewport_size({"width": 2880, "height": 1800})  # as with 50 %; the screen stays
    box = page.get_by_role("region", name="All trials, table")
    for row in range(30, 42):
        box.evaluate(
            """(box, row) => {
              box.scrollTop = (row + 1) * box.querySelector("[data-row]").offsetHeight - 3;
            }""",
            row,
        )
        page.wait_for_timeout(60)
        assert page.locator("main [data-row]").count() <= MOST_ROWS
        until(page, lambda: bool(box.evaluate(AT_THE_FOOT)))


def test_what_changes_while_the_table_is_extended_is_not_lost(window: Window, house: House) -> None:
    search = house.note("extended")
    page = window.page
    with Database.open(Settings.load(home=house.home)) as database:
        fill(database, search, 300)
        page.goto(f"{house.address}#/s/{search}/trials")
        row = page.locator("[data-row]").first
        expect(row).to_contain_text("#299")
        held: list[Route] = []
        page.route(re.compile("/trials[?]"), lambda route: held.append(route))
        change = update(trial).where(trial.c.search_id == search, trial.c.number == 299)
        with database.write() as connection:
            connection.execute(change.values(state="stopped"))
            eventlog.append(connection, search, EventKind.TRIAL_STOPPED, {}, 299)
        until(page, lambda: len(held) == 1)  # the table is asked for again: that takes long
        page.get_by_role("region", name="All trials, table").evaluate(
            "box => { box.scrollTop = box.scrollHeight }"
        )
        until(page, lambda: len(held) == 2)  # and now for more of it: the first is given up
        assert "after=" not in held[1].request.url
        page.unroute(re.compile("/trials[?]"))
        for one in held:
            with suppress(Error):
                one.continue_()
        page.get_by_role("region", name="All trials, table").evaluate(
            "box => { box.scrollTop = 0 }"
        )
        expect(row).to_contain_text("#299")
        expect(row).to_contain_text("stopped")
