"""The log of a search on its page: found in, taken away, followed while the search runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.browser.conftest import toy, until

if TYPE_CHECKING:
    from tests.browser.conftest import Window
    from tests.browser.house import House


def lines(house: House, search: str, **query: int) -> list[str]:
    """Return the log as the API has it."""
    answer = house.client.get(f"searches/{search}/logs", params=query)
    assert answer.status_code == 200, answer.text
    return answer.text.splitlines()


def test_the_log_is_shown_searched_and_taken_away_and_a_failed_trial_has_its_last_lines(
    window: Window, house: House
) -> None:
    house.wait(house.moody, "finished")
    page = window.page
    page.goto(f"{house.address}#/s/{house.moody}")
    page.get_by_role("navigation").get_by_role("link", name="Log", exact=True).click()
    shown = page.get_by_role("group", name="Lines of the log")
    said = page.get_by_role("status").filter(has_text="line")
    known = lines(house, house.moody)
    failed = [line for line in known if ": failed" in line]
    assert 0 < len(failed) < len(known)
    expect(said).to_contain_text(f"{len(known)} lines")
    assert shown.inner_text().splitlines() == known
    page.keyboard.press("/")
    page.keyboard.type(": FAILED")
    expect(said).to_have_text(f"{len(failed)} of {len(known)} lines with “: FAILED”")
    expect(shown.locator("mark")).to_have_count(len(failed))
    assert shown.inner_text().splitlines() == failed
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == f"search-{house.moody}.log"
    assert Path(download.value.path()).read_text().splitlines() == known
    page.reload()  # what is looked for is in the address
    expect(page.get_by_label("Find")).to_have_value(": FAILED")
    page.get_by_label("Find").fill("no line has this")
    expect(said).to_contain_text("0 of")
    expect(shown).to_have_count(0)

    number = house.client.get(f"searches/{house.moody}/failures").json()["items"][0]["last"]
    page.goto(f"{house.address}#/s/{house.moody}/trials/{number}")
    page.get_by_text("Last lines of the log").click()
    told = page.get_by_label("Last lines of the log").inner_text().splitlines()
    assert told == lines(house, house.moody, trial=number, tail=30)
    assert f"trial {number}, attempt 1: failed" in told[-1]


def test_the_log_of_a_running_search_is_followed(window: Window, house: House) -> None:
    search = house.start(**toy("printing", trials=300, seconds=0.4))
    page = window.page
    page.goto(f"{house.address}#/s/{search}/logs")
    shown = page.get_by_role("group", name="Lines of the log")
    expect(shown).to_contain_text("trial 0, attempt 1: done")
    expect(shown).to_contain_text("trial 5, attempt 1: done")  # it came while the page was open
    page.get_by_label("Follow").uncheck()
    house.client.post(f"searches/{search}/stop", json={}).raise_for_status()
    house.wait(search, "stopped")
    expect(page.get_by_label("Follow")).to_have_count(0)
    until(page, lambda: shown.inner_text().splitlines() == lines(house, search))
    expect(shown).to_contain_text("the loop has ended: stopped")
