"""The page of failures: causes, blame and trials as the API has them, and the state without any."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from tests.browser.conftest import Window
    from tests.browser.house import House


def test_failures_stand_by_cause_with_their_blame_and_lead_to_their_trials(
    window: Window, house: House
) -> None:
    house.wait(house.moody, "finished")
    known = house.client.get(f"searches/{house.moody}/failures").json()
    assert len(known["items"]) == 2  # or there is nothing to tell apart
    page = window.page
    page.goto(f"{house.address}#/s/{house.moody}")
    tile = page.locator(".tile").filter(has_text="Failed")
    first = known["items"][0]
    expect(tile).to_contain_text(f"{first['count']} {first['kind'].replace('_', ' ')}")
    tile.get_by_role("link").click()
    expect(page.get_by_role("heading", name="Failures")).to_be_visible()
    nav = page.get_by_role("navigation").get_by_role("link", name="Failures")
    expect(nav).to_have_text(f"Failures{known['failed']}")
    main = page.locator("main")
    expect(main).to_contain_text(f"{known['failed']} by the architecture's doing, 0 by the machine")
    for group in known["items"]:
        kind = group["kind"].replace("_", " ").capitalize()
        card = main.locator(".card").filter(has_text=f"{kind}: {group['count']} trial")
        expect(card.locator("pre")).to_have_text(group["message"])
        expect(card).to_contain_text("The architecture's doing")
        links = card.get_by_role("link").all_inner_texts()
        assert links == [f"#{number}" for number in group["numbers"]]
    number = first["numbers"][-1]
    main.get_by_role("link", name=f"#{number}", exact=True).click()
    expect(page.get_by_role("heading", name=f"Trial #{number}")).to_be_visible()
    expect(page.get_by_role("alert")).to_contain_text(re.compile("The architecture's doing: it"))


def test_a_search_without_failures_says_so(window: Window, house: House) -> None:
    search = house.note("nothing failed")
    page = window.page
    page.goto(f"{house.address}#/s/{search}/failures")
    expect(page.locator("main")).to_contain_text("No trial of this search has failed")
    badge = page.get_by_role("navigation").get_by_role("link", name="Failures")
    expect(badge).to_have_text("Failures")
