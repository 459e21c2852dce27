"""The launch form says what a search would take, and starts it with one trial to be raised."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.browser.conftest import until

if TYPE_CHECKING:
    from playwright.sync_api import Route

    from tests.browser.conftest import Window
    from tests.browser.house import House


def test_the_form_estimates_what_is_typed_and_can_start_with_one_trial(
    window: Window, house: House
) -> None:
    window.tolerated = ("422",)
    page = window.page
    page.goto(f"{house.address}#/new?from={house.digits}")
    page.get_by_label("Space", exact=True).select_option("toy")  # the quickest to measure
    card = page.get_by_role("region", name="Estimate")
    button = card.get_by_role("button", name="Measure")
    expect(card).to_contain_text("not measured yet")  # and nothing is while typing
    page.get_by_label("Trials", exact=True).fill("0")
    button.click()
    expect(page.locator("#field-limits\\.trials-error")).to_contain_text("1")
    expect(card.get_by_role("status")).to_contain_text("limits.trials")  # what is typed is refused
    page.get_by_label("Trials", exact=True).fill("many")
    expect(card.get_by_role("status")).to_contain_text("How long it takes")  # it says nothing yet

    asked: list[Route] = []
    page.route("**/estimate?measure=false", lambda route: asked.append(route))  # answered late
    page.get_by_label("Trials", exact=True).fill("7")
    until(page, lambda: bool(asked))
    with page.expect_response(lambda one: one.url.endswith("/estimate"), timeout=90_000) as answer:
        button.click()
        expect(card.get_by_role("status")).to_contain_text("are trained for a few steps")
        asked.pop().fulfill(json={"basis": "not measured yet", "seconds": None})
        page.wait_for_timeout(100)
        expect(card.get_by_role("status")).to_contain_text("are trained for a few steps")
        expect(button).to_be_disabled()
    page.unroute("**/estimate?measure=false")
    found = answer.value.json()
    expect(card).to_contain_text(found["basis"])
    if found["seconds"] is None:  # a machine so busy that the probe ran out of time
        assert "took more than" in found["basis"]
    else:
        assert "7 trials" in found["basis"]
        expect(card.locator("dd")).to_have_count(3)
        expect(card.locator("dd").last).to_contain_text("kB a trial")
        page.get_by_label("Trials", exact=True).fill("700")  # live, from what was measured
        expect(card).to_contain_text("700 trials")
        expect(card.locator("dd")).to_have_count(3)
        expect(button).to_be_disabled()

    page.get_by_label("Name", exact=True).fill("one first")
    page.get_by_role("button", name="Run one trial first").click()
    expect(page.get_by_role("heading", name="one first")).to_be_visible()
    made = house.client.get("searches").json()["items"][0]
    assert (made["name"], made["limits"]["trials"]) == ("one first", 1)
    house.client.post(f"searches/{made['id']}/stop")
