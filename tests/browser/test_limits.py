"""The limits of a search are changed on its page, while it runs and when it has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.browser.conftest import toy, until

if TYPE_CHECKING:
    from tests.browser.conftest import Window
    from tests.browser.house import House


def test_trials_and_workers_are_raised_on_the_page_and_a_finished_search_goes_on(
    window: Window, house: House
) -> None:
    window.tolerated = ("422",)
    search = house.start(**toy("longer", trials=3, seconds=0.1))
    house.wait(search, "finished")
    page = window.page
    page.goto(f"{house.address}#/s/{search}")
    expect(page.get_by_role("button", name="Export best")).to_be_enabled()
    expect(page.get_by_role("button", name="Resume")).to_have_count(0)
    tile = page.locator(".tile").filter(has_text="3 / 3")
    expect(tile.get_by_role("link", name="3 / 3")).to_have_attribute("href", f"#/s/{search}/trials")
    tile.get_by_role("link", name="limits").click()
    card = page.get_by_role("region", name="Limits")
    trials = card.get_by_label("Trials in all")
    expect(trials).to_have_value("3")
    trials.fill("many")
    card.get_by_role("button", name="Change").click()
    expect(card.get_by_role("alert")).to_contain_text("trials")
    expect(trials).to_have_attribute("aria-invalid", "true")
    hours = card.get_by_label("Hours")
    expect(hours).not_to_have_attribute("aria-invalid", "true")
    trials.fill("3")
    hours.fill("2")
    hours.press("Enter")
    expect(card.get_by_role("status")).to_have_text("Changed.")
    expect(hours).to_be_focused()
    hours.fill("1e999")
    hours.press("Enter")
    expect(hours).to_have_attribute("aria-invalid", "true")
    assert house.view(search)["limits"] == {"trials": 3, "hours": 2.0, "workers": 2}
    trials.fill("5")
    card.get_by_label("Hours").fill("1.5")
    card.get_by_label("Workers").fill("1")
    card.get_by_role("button", name="Change").click()
    page.get_by_role("button", name="Resume").click()
    until(page, lambda: house.view(search)["counts"]["done"] == 5)
    done = house.wait(search, "finished")
    assert done["limits"] == {"trials": 5, "hours": 1.5, "workers": 1}
    expect(card.locator(".field-error")).to_be_empty()
    page.reload()
    expect(card.get_by_label("Hours")).to_have_value("1.5")
