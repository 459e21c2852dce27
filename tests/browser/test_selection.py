"""Trials that are selected anywhere are so everywhere: charts, tables, pages, the address."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Locator

    from tests.browser.conftest import Window
    from tests.browser.house import House


def picture(chart: Locator) -> str:
    return str(chart.evaluate("(canvas) => canvas.toDataURL()"))


def test_a_trial_selected_in_a_chart_is_selected_on_every_page(
    window: Window, house: House
) -> None:
    house.wait(house.digits, "finished")
    done = house.client.get(f"searches/{house.digits}/trials?sort=-reward").json()["items"]
    best = min(done, key=lambda one: (-one["reward"], one["metrics"]["params"]))["number"]
    page = window.page
    page.goto(f"{house.address}#/s/{house.digits}")
    scatter = page.get_by_role("img", name="on the Pareto front")
    rewards = page.get_by_role("img", name="finished trials;")
    expect(scatter).to_have_accessible_name(re.compile("selected: none"))
    bare = picture(rewards)
    scatter.focus()
    page.keyboard.press("ArrowRight")  # to the last of the front
    page.keyboard.press("x")
    expect(page.get_by_text(f"Selected: #{best}")).to_be_visible()
    for chart in (scatter, rewards):
        expect(chart).to_have_accessible_name(re.compile(f"selected: {best}\\b"))
    assert picture(rewards) != bare  # it has a ring
    top = page.get_by_role("region", name="Top trials")
    expect(top.get_by_label(f"Compare trial {best}")).to_be_checked()
    assert page.url.endswith(f"?t={best}")

    page.get_by_role("navigation").get_by_role("link", name="Trials").click()
    expect(page.get_by_label(f"Compare trial {best}")).to_be_checked()
    other = next(number for number in range(6) if number != best)
    page.get_by_role("link", name=f"#{other}", exact=True).click()
    choose = page.get_by_role("button", name="Select")
    expect(choose).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("x")
    expect(choose).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("c")
    expect(page.get_by_role("heading", name="Compare")).to_be_visible()
    assert page.url.endswith(f"compare?t={best},{other}")

    page.get_by_role("link", name="Overview").click()
    expect(rewards).to_have_accessible_name(re.compile(f"selected: {best}, {other}\\b"))
    top.get_by_label(f"Compare trial {best}").uncheck()
    expect(page.get_by_text(f"Selected: #{other}")).to_be_visible()
    page.reload()  # it is in the address
    expect(page.get_by_text(f"Selected: #{other}")).to_be_visible()
    page.get_by_role("button", name="Clear").click()
    expect(page.get_by_text("Selected:")).to_have_count(0)
    page.get_by_role("navigation").get_by_role("link", name="Trials").click()
    expect(page.get_by_role("link", name="Compare selected")).to_be_disabled()
    assert "t=" not in page.url


def test_a_point_is_selected_with_shift_and_a_row_with_its_key(
    window: Window, house: House
) -> None:
    house.wait(house.digits, "finished")
    page = window.page
    page.goto(f"{house.address}#/s/{house.digits}")
    rewards = page.get_by_role("img", name="finished trials;")
    box = rewards.bounding_box()
    assert box is not None
    page.keyboard.down("Shift")
    rewards.click(position={"x": box["width"] - 60, "y": box["height"] / 2})
    page.keyboard.up("Shift")
    expect(page.get_by_text("Selected: #5")).to_be_visible()
    page.get_by_role("navigation").get_by_role("link", name="Trials").click()
    expect(page.get_by_role("region", name="Trials", exact=True)).to_be_visible()
    expect(page.get_by_label("Compare trial 5")).to_be_checked()
    # The second row: the newest trial stands first. Keys count that come faster than frames.
    page.evaluate(
        """() => [..."jjxc"].forEach((key) => {
            const press = new KeyboardEvent("keydown", { key, bubbles: true });
            document.activeElement.dispatchEvent(press);
        })"""
    )
    expect(page.get_by_role("heading", name="Compare")).to_be_visible()
    assert page.url.endswith("compare?t=5,4")
    page.go_back()
    expect(page.get_by_label("Compare trial 4")).to_be_checked()
    page.keyboard.press("c")
    expect(page.get_by_role("heading", name="Compare")).to_be_visible()
    page.keyboard.press("g")
    page.keyboard.press("o")
    page.keyboard.press("e")
    expect(page.get_by_role("button", name="Export best")).to_be_focused()
