"""Trials that are selected anywhere are so everywhere: charts, tables, pages, the address."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from tests.browser.conftest import Window
    from tests.browser.house import House


# Pixels of the accent, which rings have: before, and as soon as the words say what is selected.
RINGED = """(canvas) => {
  const ink = () => {
    const probe = document.createElement("span");
    probe.style.color = "var(--accent)";
    document.body.append(probe);
    const wanted = getComputedStyle(probe).color.match(/\\d+/g).map(Number);
    probe.remove();
    const copy = document.createElement("canvas");
    Object.assign(copy, {width: canvas.width, height: canvas.height});
    const pen = copy.getContext("2d", {willReadFrequently: true});
    pen.drawImage(canvas, 0, 0);
    const {data} = pen.getImageData(0, 0, copy.width, copy.height);
    let count = 0;
    for (let i = 0; i < data.length; i += 4)
      count += data[i + 3] > 250 && wanted.every((value, j) => Math.abs(value - data[i + j]) < 9);
    return count;
  };
  const before = ink();
  return new Promise((resolve) => {
    const said = new MutationObserver(() => resolve([before, ink()]));
    said.observe(canvas, {attributes: true, attributeFilter: ["aria-label"]});
    for (const key of ["ArrowRight", "x"]) {  // to the last of the front
      const press = {key, bubbles: true, cancelable: true};
      document.activeElement.dispatchEvent(new KeyboardEvent("keydown", press));
    }
  });
}"""
# Keys that come faster than frames.
PRESS = """(keys) => keys.forEach((key) => {
  const press = {key, bubbles: true, cancelable: true};
  document.activeElement.dispatchEvent(new KeyboardEvent("keydown", press));
})"""


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
    scatter.focus()
    before, after = rewards.evaluate(RINGED)
    assert after > before + 10  # it has a ring
    expect(page.get_by_text(f"Selected: #{best}")).to_be_visible()
    for chart in (scatter, rewards):
        expect(chart).to_have_accessible_name(re.compile(f"selected: {best}\\b"))
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
    top_one = house.view(house.digits)["best"]["number"]
    third = next(number for number in range(6) if number not in {top_one, other})
    page.get_by_role("navigation").get_by_role("link", name="Trials").click()
    page.get_by_role("link", name=f"#{third}", exact=True).click()
    expect(page.get_by_role("heading", name=f"Trial #{third}")).to_be_visible()
    page.get_by_role("link", name="Compare with the best").click()
    expect(page.get_by_role("heading", name="Compare")).to_be_visible()
    assert page.url.endswith(f"compare?t={top_one},{third}")
    page.get_by_role("link", name="Overview").click()
    expect(page.get_by_text(f"Selected: #{other}")).to_be_visible()  # that was none of choosing
    assert page.url.endswith(f"?t={other}")
    page.get_by_role("button", name="Clear").click()
    expect(page.locator("#main")).to_be_focused()
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
    page.evaluate(PRESS, list("jjxc"))
    expect(page.get_by_role("heading", name="Compare")).to_be_visible()
    assert page.url.endswith("compare?t=5,4")
    page.go_back()
    expect(page.get_by_label("Compare trial 4")).to_be_checked()
    page.keyboard.press("c")
    expect(page.get_by_role("heading", name="Compare")).to_be_visible()
    page.evaluate(PRESS, list("goe"))
    expect(page.get_by_role("button", name="Export best")).to_be_focused()
    expect(page.locator("[data-export]")).to_have_count(1)
    page.wait_for_timeout(200)
    expect(page.get_by_role("button", name="Export best")).to_be_focused()


def test_going_back_gives_up_no_trial_that_is_selected_and_takes_none_up(
    window: Window, house: House
) -> None:
    house.wait(house.digits, "finished")
    page = window.page
    page.goto(f"{house.address}#/s/{house.digits}")
    top = page.get_by_role("region", name="Top trials, table")
    chosen = page.get_by_text("Selected: ")
    for number, so_far in ((3, "#3"), (1, "#3 #1")):
        top.get_by_role("link", name=f"#{number}", exact=True).click()
        expect(page.get_by_role("heading", name=f"Trial #{number}")).to_be_visible()
        page.keyboard.press("x")
        expect(chosen).to_have_text(f"Selected: {so_far} ")
        page.go_back()
        expect(page.get_by_role("heading", name="digits")).to_be_visible()
        expect(chosen).to_have_text(f"Selected: {so_far} ")
    assert page.url.endswith("?t=3,1")
    top.get_by_role("link", name="#3", exact=True).click()
    expect(page.get_by_role("heading", name="Trial #3")).to_be_visible()
    page.get_by_role("button", name="Clear").click()
    expect(chosen).to_have_count(0)
    page.go_back()
    expect(page.get_by_role("heading", name="digits")).to_be_visible()
    expect(top.get_by_role("checkbox", checked=True)).to_have_count(0)
    assert "t=" not in page.url
    page.goto(f"{house.address}#/s/{house.digits}?t=2")  # an address says what is selected
    expect(chosen).to_have_text("Selected: #2 ")


def test_keys_on_a_chart_act_on_the_point_that_they_have_come_to(
    window: Window, house: House
) -> None:
    house.wait(house.digits, "finished")
    page = window.page
    page.goto(f"{house.address}#/s/{house.digits}")
    page.get_by_role("img", name="finished trials;").focus()
    page.evaluate(PRESS, ["ArrowLeft", "ArrowLeft", "x"])  # from the last trial, #5
    expect(page.get_by_text("Selected: #4")).to_be_visible()
