"""What the page shows when things are not as usual: empty, failed, slow, cut off, prefixed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import toy, until
from tests.browser.house import House
from tests.browser.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Route

    from tests.browser.conftest import Opener, Window

PREFIX = "/proxy/8080"


@pytest.fixture(scope="module")
def api_only(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[House]:
    """Return a service without a supervisor, behind a prefix: nothing is ever run."""
    del browser
    house = House(tmp_path_factory.mktemp("api") / "home", role="api", root_path=PREFIX)
    proxy = Proxy(PREFIX, house.port)
    house.address = f"http://127.0.0.1:{proxy.port}{PREFIX}/"
    try:
        yield house
    finally:
        house.kill()
        proxy.close()


def test_a_new_house_offers_a_demonstration_and_works_behind_a_prefix(
    opener: Opener, api_only: House
) -> None:
    page = opener(api_only.address).page
    page.goto(api_only.link)
    expect(page.get_by_role("heading", name="No search yet")).to_be_visible()
    expect(page.get_by_text("nas search --data digits")).to_be_visible()
    page.get_by_role("button", name="Start a 5-minute demo search").click()
    expect(page.get_by_text("Queued")).to_be_visible()
    assert page.url.startswith(api_only.address)
    expect(page.get_by_text("No trial has finished yet")).to_be_visible()
    expect(page.locator(".tile-value").first).to_have_text("–")
    expect(page.get_by_text("live", exact=True)).to_be_visible()  # the stream has the prefix too
    page.get_by_role("link", name=re.compile("^Trials")).click()
    expect(page.get_by_text("No trial yet")).to_be_visible()
    page.get_by_role("link", name="Models").click()
    expect(page.get_by_text("No model has been made yet")).to_be_visible()


def test_a_search_that_cannot_run_says_why_first(
    window: Window, house: House, tmp_path: Path
) -> None:
    images = tmp_path / "images.npz"
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (40, 8, 8), dtype=np.uint8)
    np.savez(images, x_train=x, y_train=np.arange(40) % 2)
    search = house.start(
        name="gone",
        data={"source": str(images)},
        execution={"executor": "local", "workers": 1},
        limits={"trials": 2},
    )
    images.unlink()
    page = window.page
    page.goto(f"{house.address}#/s/{search}")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("The search failed.", timeout=60_000)
    expect(alert).to_contain_text(images.name)
    expect(page.locator("main .state").first).to_contain_text("failed")
    expect(page.get_by_role("button", name="Resume")).to_be_visible()


def test_failed_trials_show_their_kind_and_message_before_all_else(
    window: Window, house: House
) -> None:
    search = house.moody
    view = house.wait(search, "finished")
    failed = view["counts"]["failed"]
    assert failed
    page = window.page
    page.goto(f"{house.address}#/s/{search}")
    tile = page.locator(".tile", has_text="Failed")
    expect(tile).to_contain_text(re.compile("diverged|out of memory"))
    expect(tile.locator(".tile-value")).to_have_text(str(failed))
    tile.get_by_role("link").click()
    expect(page.get_by_role("heading", name="Failures")).to_be_visible()
    page.goto(f"{house.address}#/s/{search}/trials?state=failed")
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(failed)
    rows.first.get_by_role("link").click()
    expect(page.get_by_role("alert")).to_contain_text(
        re.compile("Failed: (diverged|out of memory)")
    )
    expect(page.get_by_role("heading", name="Attempts")).to_be_visible()

    page.goto(f"{house.address}#/s/{search}/trials?sort=-reward&state=done")
    cells = page.locator("tbody tr td:nth-child(4)")
    expect(cells).to_have_count(view["counts"]["done"])
    shown = [float(text.replace("\u2009%", "")) for text in cells.all_inner_texts()]
    assert shown == sorted(shown, reverse=True)
    page.get_by_role("button", name="Trial").click()
    expect(page.locator("tbody tr").first.get_by_role("link")).not_to_have_text("#0")
    page.get_by_role("button", name="Trial").click()
    until(page, lambda: "sort=number" in page.url)


def test_bad_addresses_are_answered_in_words(window: Window, house: House) -> None:
    window.tolerated = ("404",)  # a browser writes them to its console
    page = window.page
    page.goto(f"{house.address}#/s/{house.digits}/trials/9999")
    expect(page.get_by_text("No trial 9999 in this search (0 to ")).to_be_visible()
    page.goto(f"{house.address}#/s/nothing")
    expect(page.get_by_role("heading", name="No such search")).to_be_visible()
    page.goto(f"{house.address}#/nowhere")
    expect(page.get_by_role("heading", name="No such page")).to_be_visible()


def test_slow_answers_show_what_is_awaited_and_failed_ones_can_be_tried_again(
    window: Window, house: House
) -> None:
    window.tolerated = ("500",)
    page = window.page
    answers: list[str] = []

    def answer(route: Route) -> None:
        if answers:
            route.fulfill(status=500, json={"title": "broken", "detail": "the disk is on fire"})
        else:
            answers.append("held")
            held.append(route)

    held: list[Any] = []
    page.route("**/history*", answer)
    page.goto(f"{house.address}#/s/{house.digits}")
    expect(page.get_by_text("Loading the rewards…")).to_be_visible()
    held[0].fulfill(status=500, json={"title": "broken", "detail": "the disk is on fire"})
    expect(page.get_by_role("alert")).to_contain_text("the disk is on fire")
    page.unroute("**/history*")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("img", name=re.compile("finished trials?"))).to_be_visible()


def test_a_cut_stream_is_announced_and_afterwards_nothing_is_missing(
    window: Window, house: House
) -> None:
    window.tolerated = ("ERR_", "Failed to load")  # the service is killed in this test
    search = house.start(**toy("cut off", trials=40, seconds=0.5))
    page = window.page
    page.goto(f"{house.address}#/s/{search}")
    expect(page.get_by_text("live", exact=True)).to_be_visible()
    page.get_by_text("Running now (2)").wait_for()
    house.kill_api()
    expect(page.locator(".banner")).to_contain_text(
        re.compile(r"reconnecting, data from \d\d:\d\d")
    )
    expect(page.locator(".tile").first).to_be_visible()  # what is known stays
    expect(page.locator(".banner")).to_have_count(0, timeout=30_000)
    view = house.wait(search, "finished")
    expect(page.locator("main .state").first).to_contain_text("finished")
    expect(page.locator(".tile-value").nth(1)).to_have_text("40 / 40")
    assert view["counts"]["done"] == 40


def test_nine_tabs_are_live_over_one_stream(opener: Opener, house: House) -> None:
    first = opener()
    first.page.goto(house.link)
    expect(first.page.get_by_role("heading", name="Searches")).to_be_visible()
    streams: list[str] = []
    first.page.context.on(
        "request", lambda request: streams.append(request.url) if "/events" in request.url else None
    )
    pages = [first.page, *(first.page.context.new_page() for _ in range(8))]
    for page in pages[1:]:  # with a stream each, the seventh would not even load
        page.goto(house.address)
        expect(page.get_by_role("heading", name="Searches")).to_be_visible()
    house.note("for all tabs")
    for page in pages:
        expect(page.get_by_role("link", name="for all tabs")).to_be_visible()
    assert streams == []  # no tab asks for events itself: the shared worker does


def test_what_happens_before_the_stream_is_open_is_heard_too(opener: Opener, house: House) -> None:
    for search in (house.digits, house.moody):
        house.wait(search, "finished")  # no other events come
    proxy = Proxy("", house.port)
    proxy.stream.clear()
    address = f"http://127.0.0.1:{proxy.port}/"
    try:
        found = opener(address)
        found.page.goto(f"{address}#token={house.token}")
        expect(found.page.get_by_role("link", name="digits", exact=True)).to_be_visible()
        house.note("just too early")
        proxy.stream.set()
        expect(found.page.get_by_role("link", name="just too early")).to_be_visible()
        other = found.page.context.new_page()  # a second tab finds the stream open
        other.goto(address)
        expect(other.get_by_role("link", name="just too early")).to_be_visible()
        house.note("for both")
        for page in (found.page, other):
            expect(page.get_by_role("link", name="for both")).to_be_visible()
        found.page.context.close()
    finally:
        proxy.close()


def test_without_shared_workers_the_page_polls(opener: Opener, house: House) -> None:
    found = opener()
    found.page.add_init_script("delete globalThis.SharedWorker")
    found.page.goto(house.link)
    expect(found.page.get_by_role("heading", name="Searches")).to_be_visible()
    house.note("found by polling")
    expect(found.page.get_by_role("link", name="found by polling")).to_be_visible()


def test_keys_do_what_the_list_of_keys_says(window: Window, house: House) -> None:
    page = window.page
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("new search")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    dark = "getComputedStyle(document.documentElement).colorScheme"
    colour = "getComputedStyle(document.body).backgroundColor"
    before = page.evaluate(colour)
    page.keyboard.press("t")
    until(page, lambda: page.evaluate(colour) != before)
    page.reload()
    assert page.evaluate(dark) == "dark"  # kept
    expect(page.get_by_role("heading", name="Searches")).to_be_visible()
    page.keyboard.press("g")
    page.keyboard.press("n")
    expect(page.get_by_role("heading", name="New search")).to_be_visible()
    page.get_by_label("Name", exact=True).press("t")  # typing is typing
    assert page.evaluate(dark) == "dark"
    page.goto(f"{house.address}#/s/{house.digits}/trials")
    page.locator("tbody tr").first.wait_for()
    page.keyboard.press("j")
    expect(page.locator("tbody tr").first.get_by_role("link")).to_be_focused()
    page.keyboard.press("/")
    expect(page.get_by_label("Filter")).to_be_focused()
    page.goto(f"{house.address}#/settings")
    page.get_by_label("off").check()
    page.get_by_role("heading", name="Settings").click()
    page.keyboard.press("t")
    assert page.evaluate(dark) == "dark"


def test_the_first_tab_stop_leads_to_the_content_and_keeps_the_page(window: Window) -> None:
    page = window.page
    page.goto(page.url.split("#")[0] + "#/settings")
    page.reload()
    expect(page.get_by_role("heading", name="Settings")).to_be_visible()
    # By the document's order, not by the Tab key: a Chromium that starts slowly can lack its
    # profile's setting that Tab stops at links.
    stops = "a[href], button, input, select, textarea, [tabindex]"
    first = (
        f"[...document.querySelectorAll('{stops}')].find((one) => one.tabIndex >= 0).textContent"
    )
    assert page.evaluate(first) == "Skip to content"
    skip = page.get_by_role("link", name="Skip to content")
    skip.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    assert page.url.endswith("#/settings")


def test_what_is_typed_outlives_a_look_at_another_page_and_a_change_of_parts(
    window: Window, house: House
) -> None:
    window.tolerated = ("422",)
    page = window.page
    page.goto(f"{house.address}#/new")
    page.get_by_label("Name", exact=True).fill("half done")
    page.get_by_text("every option").click()
    page.get_by_label("Blocks", exact=True).fill("3")
    page.get_by_label("Space", exact=True).select_option("toy")
    page.get_by_label("Space", exact=True).select_option("nasnet")
    expect(page.get_by_label("Blocks", exact=True)).to_have_value("3")
    page.get_by_role("link", name="Settings").click()
    expect(page.get_by_role("heading", name="Settings")).to_be_visible()  # it is in the history
    page.go_back()
    expect(page.get_by_role("heading", name="New search")).to_be_visible()
    name = page.get_by_label("Name", exact=True)
    expect(name).to_have_value("half done")
    name.evaluate(  # left before the page was drawn again
        """(field) => {
            field.value = "in a hurry";
            field.dispatchEvent(new InputEvent("input", { bubbles: true }));
            document.querySelector("a[href='#/settings']").click();
        }"""
    )
    expect(page.get_by_role("heading", name="Settings")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="New search")).to_be_visible()
    expect(name).to_have_value("in a hurry")
    page.get_by_label("Images", exact=True).select_option(label="own images…")
    page.get_by_label("Path of the images").fill("/nowhere/pictures.zip")
    page.get_by_role("button", name="Start search").click()
    expect(page.locator("#field-data\\.source-error")).to_contain_text("/nowhere/pictures.zip")
    expect(page.get_by_label("Path of the images")).to_be_focused()
    expect(name).to_have_value("in a hurry")


def test_text_is_copied_also_where_browsers_have_no_clipboard(opener: Opener, house: House) -> None:
    found = opener()
    found.tolerated = ("422",)  # without a name there is no estimate
    found.page.add_init_script("delete Navigator.prototype.clipboard")  # as on plain http
    found.page.goto(house.link)
    found.page.get_by_role("heading", name="Searches").wait_for()
    found.page.goto(f"{house.address}#/s/{house.digits}/config")
    found.page.get_by_role("button", name="Copy as JSON").click()
    expect(found.page.get_by_role("button", name="Copied")).to_be_visible()
    found.page.goto(f"{house.address}#/new")
    field = found.page.get_by_label("Name", exact=True)
    field.fill("")
    field.press("Control+v")
    assert '"digits"' in field.input_value()
