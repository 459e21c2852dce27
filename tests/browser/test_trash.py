"""Searches thrown away from the list, taken back by Undo, and the pages that hear of both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from tests.browser.conftest import Window
    from tests.browser.house import House


def test_a_deleted_search_is_taken_back_by_undo_and_both_are_heard_of(
    window: Window, house: House
) -> None:
    search = house.note("to be thrown away")
    window.tolerated = ("404",)  # a browser writes refused requests to its console
    page = window.page
    other = page.context.new_page()  # hears of it by the events alone
    other.goto(f"{house.address}#/s/{search}")
    expect(other.get_by_role("heading", name="to be thrown away")).to_be_visible()
    link = page.get_by_role("link", name="to be thrown away", exact=True)
    page.get_by_role("button", name="Delete to be thrown away").click()
    expect(link).to_have_count(0)
    undo = page.get_by_role("button", name="Undo")
    expect(undo).to_be_focused()
    expect(page.locator("main")).to_contain_text(f"nas restore {search}")
    assert house.client.get(f"searches/{search}").status_code == 404
    expect(other.get_by_role("heading", name="No such search")).to_be_visible()
    page.keyboard.press("Enter")
    expect(link).to_be_visible()
    expect(undo).to_have_count(0)
    assert house.view(search)["state"] == "stopped"
    expect(other.get_by_role("heading", name="to be thrown away")).to_be_visible()

    house.client.delete(f"searches/{search}").raise_for_status()
    expect(link).to_have_count(0)  # also where somebody else throws it away
    house.client.post(f"searches/{search}/restore", json={}).raise_for_status()
    expect(link).to_be_visible()


def test_what_runs_has_no_button_and_the_offer_to_undo_ends(window: Window, house: House) -> None:
    paused = house.note("still to go on", "pause")
    house.note("gone for a week")
    page = window.page
    page.clock.install()
    expect(page.get_by_role("link", name="still to go on")).to_be_visible()
    expect(page.get_by_role("button", name="Delete still to go on")).to_have_count(0)
    page.get_by_role("button", name="Delete gone for a week").click()
    undo = page.get_by_role("button", name="Undo")
    expect(undo).to_be_visible()
    page.clock.fast_forward(9_000)
    expect(undo).to_be_visible()
    page.clock.fast_forward(2_000)
    expect(undo).to_have_count(0)
    house.client.post(f"searches/{paused}/stop", json={})
