"""What runs where, who may do what: the pages of workers and tokens, a session that only looks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import toy, until

if TYPE_CHECKING:
    from tests.browser.conftest import Opener, Window
    from tests.browser.house import House


def test_the_workers_page_shows_what_the_api_tells_of_a_search_at_work(
    window: Window, house: House
) -> None:
    search = house.start(**toy("at work", trials=40, seconds=3))
    until(window.page, lambda: house.view(search)["counts"]["running"] == 2)
    page = window.page
    page.get_by_role("link", name="Workers").click()
    card = page.locator(".card").filter(has=page.get_by_role("link", name="at work"))
    rows = page.get_by_role("region", name="Trials of at work that run").locator("tbody tr")

    def agree() -> bool:
        crews = house.client.get("workers").json()["searches"]
        crew = next(one for one in crews if one["search"] == search)
        return rows.locator("th").all_inner_texts() == [
            f"#{one['number']}" for one in crew["running"]
        ]

    until(page, agree)
    expect(card).to_contain_text("of 2 places taken: executor local")
    expect(page.locator(".tile").filter(has_text="Places taken")).to_contain_text("/")
    found = house.client.get("workers").json()
    load = page.locator(".tile").filter(has_text="Load")
    expect(load).to_contain_text(f"of {found['machine']['cpus']} core")
    house.client.post(f"searches/{search}/stop", json={}).raise_for_status()
    house.wait(search, "stopped")
    expect(card).to_have_count(0)  # it has come to its end
    rows.first.wait_for(state="detached")


@pytest.mark.ray
def test_the_nodes_of_a_cluster_are_shown_with_who_uses_them(window: Window, house: House) -> None:
    wish = toy("on a cluster", trials=40, seconds=2)
    search = house.start(**wish | {"execution": {"executor": "ray", "workers": 1}})
    page = window.page
    page.get_by_role("link", name="Workers").click()
    until(page, lambda: house.view(search)["counts"]["done"] > 0)
    row = page.get_by_role("region", name="Nodes of Ray, table").locator("tbody tr")
    expect(row).to_have_count(1)  # with the next pulse of the runner
    (node,) = house.client.get("workers").json()["nodes"]
    expect(row).to_contain_text(f"{node['name']} {node['address']}")
    expect(row).to_contain_text("running")
    expect(row).to_contain_text("on a cluster")
    expect(row).to_contain_text(re.compile("just now|s ago"))
    house.client.post(f"searches/{search}/stop", json={}).raise_for_status()
    house.wait(search, "stopped")
    expect(row).to_have_count(0)


def test_a_token_is_made_shown_once_and_revoked_and_a_session_may_what_its_token_may(
    window: Window, opener: Opener, house: House
) -> None:
    page = window.page
    page.get_by_role("link", name="Settings").click()
    card = page.get_by_role("region", name="Tokens", exact=True)
    card.get_by_label("Name").fill("a guest")
    card.get_by_label("Days").fill("2")
    card.get_by_role("button", name="Make a token").click()
    shown = card.locator(".notice code")
    expect(shown).to_have_text(re.compile(r"^nas_[0-9a-f]{8}_\S{43}$"))
    token = shown.inner_text()
    row = card.get_by_role("row").filter(has_text="a guest")
    (made,) = house.client.get("tokens").json()["items"]
    assert (made["name"], made["scope"], made["expires_at"] is None) == ("a guest", "read", False)
    expect(row).to_contain_text("read")

    guest = opener()
    guest.tolerated = ("401", "403")  # a browser writes refused requests to its console
    other = guest.page
    other.goto(f"{house.address}#token={token}")
    other.get_by_role("heading", name="Searches").wait_for()
    main = other.locator("main")
    search = house.note("looked at", "pause")
    expect(main).to_contain_text("looked at")
    assert not other.get_by_role("link", name="New search").count()
    for place in ("new", "finetune", f"s/{search}"):
        other.goto(f"{house.address}#/{place}")
        expect(main).to_contain_text("This session may only look: its token has the scope read.")
        for act in ("Resume", "Stop…", "Start search", "Fine-tune", "Export best"):
            assert not main.get_by_role("button", name=act).count(), (place, act)
    other.goto(f"{house.address}#/settings")
    expect(main).to_contain_text("by a session with the scope admin only")
    assert not other.get_by_role("button", name="Make a token").count()

    card.get_by_role("button", name="Done").click()
    expect(page.get_by_text(token)).to_have_count(0)
    row.get_by_role("button", name="Revoke").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke", exact=True).click()
    expect(row).to_have_count(0)
    assert house.client.get("tokens").json()["items"] == []
    other.reload()
    expect(other.get_by_label("Token")).to_be_visible()  # signed out with the token's end
    house.client.post(f"searches/{search}/stop", json={}).raise_for_status()

    window.tolerated = ("401",)
    with page.expect_event("load"):  # a tab that is closed while it reloads can hang for ever
        page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Token")).to_be_visible()
