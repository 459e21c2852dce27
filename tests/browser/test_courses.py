"""Searches side by side: chosen in the list, drawn as the service tells their courses."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.browser.conftest import toy
from tests.browser.test_modules import call
from tests.browser.test_selection import PRESS

if TYPE_CHECKING:
    from tests.browser.conftest import Window
    from tests.browser.house import House


# The most pixels of a colour in one line of the canvas (asked to be read, or Chromium warns).
INK = """(canvas, name) => {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const wanted = getComputedStyle(probe).color.match(/\\d+/g).map(Number);
  probe.remove();
  const copy = document.createElement("canvas");
  Object.assign(copy, {width: canvas.width, height: canvas.height});
  const pen = copy.getContext("2d", {willReadFrequently: true});
  pen.drawImage(canvas, 0, 0);
  const {data} = pen.getImageData(0, 0, copy.width, copy.height);
  const lines = new Array(copy.height).fill(0);
  for (let i = 0; i < data.length; i += 4)
    if (data[i + 3] > 250 && wanted.every((value, j) => Math.abs(value - data[i + j]) < 9))
      lines[Math.floor(i / 4 / copy.width)] += 1;
  return Math.max(...lines);
}"""


def test_a_course_stays_at_its_best_and_ends_with_its_last_trial(window: Window) -> None:
    courses = [
        {"number": [0, 3, 5], "reward": [0.1, 0.4, 0.4]},
        {"number": [1, 9], "reward": [0.2, 0.3]},
        {"number": [], "reward": []},
    ]
    assert call(window.page, "views/courses.js", "flights", courses) == [
        [0, 1, 3, 5, 9],
        [0.1, 0.1, 0.4, 0.4, None],
        [None, 0.2, 0.2, 0.2, 0.3],
        [None] * 5,
    ]


def test_searches_are_chosen_in_the_list_and_stand_side_by_side(
    window: Window, house: House
) -> None:
    ids = {
        name: house.start(**toy(name, trials=12, controller={"name": name, "options": {}}, seed=4))
        for name in ("random", "local_search")
    }
    best = {name: house.wait(one, "finished")["best"] for name, one in ids.items()}
    page = window.page
    page.goto(f"{house.address}#/")
    compare = page.get_by_role("link", name="Compare selected")
    page.get_by_label("Compare random").check()
    expect(compare).to_be_disabled()
    page.get_by_label("Compare local_search").check()
    page.keyboard.press("c")
    expect(page.get_by_role("heading", name="Compare searches")).to_be_visible()
    assert page.url.endswith(f"#/compare?s={ids['random']},{ids['local_search']}")
    chart = page.get_by_role("img", name="The best accuracy so far")
    said = [f"{name} {100 * one['reward']:.2f}" for name, one in best.items()]
    for words in said:
        expect(chart).to_have_accessible_name(re.compile(re.escape(words)))
    expect(page.get_by_text("do not measure the same")).to_have_count(0)
    numbers = page.get_by_role("region", name="Numbers, table")
    for name, one in best.items():
        row = numbers.locator("tr").filter(has=page.get_by_role("rowheader", name=name))
        expect(row).to_contain_text(f"#{one['number']}")
        expect(row).to_contain_text("12 / 12")
    page.evaluate(PRESS, list("jj"))  # rows, not the links in them
    expect(page.get_by_role("link", name="local_search", exact=True)).to_be_focused()
    page.get_by_role("link", name="Choose among the searches").click()
    expect(page.get_by_label("Compare random")).to_be_checked()
    page.evaluate(
        "document.querySelectorAll('[aria-label^=\"Compare \"]:checked').forEach((b) => b.click())"
    )
    expect(page.get_by_role("checkbox", checked=True)).to_have_count(0)  # both, within a frame
    field = page.get_by_label("Name", exact=True)
    field.press_sequentially("half")
    house.note("came [just] now")
    expect(page.get_by_role("link", name="came [just] now")).to_be_visible()
    expect(field).to_have_value("half")  # what comes in meanwhile does not undo it
    for wish, there, gone in (
        ("local_s", "local_search", "random"),
        ("r*m", "random", "digits"),
        ("[just", "came [just] now", "random"),
    ):
        page.get_by_label("Name", exact=True).fill(wish)
        page.keyboard.press("Enter")
        expect(page.get_by_role("link", name=there, exact=True)).to_be_visible()
        expect(page.get_by_role("link", name=gone, exact=True)).to_have_count(0)
    page.get_by_label("Name", exact=True).fill("nothing so")
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_contain_text(
        "No search has nothing so in its name (case counts). Show all"
    )

    house.wait(house.digits, "finished")
    page.goto(f"{house.address}#/compare?s={ids['random']},{house.digits}")
    expect(page.get_by_text("do not measure the same")).to_be_visible()
    canvas = page.locator("canvas")
    expect(canvas).to_have_accessible_name(re.compile("digits"))
    for colour in ("--chart-best", "--accent"):  # a course that stays as it begins is drawn too
        assert canvas.evaluate(INK, colour) > 100, colour
    twins = [house.note("twin") for _ in range(2)]
    page.goto(f"{house.address}#/compare?s={','.join([*ids.values(), *twins])}")
    legend = page.locator(".legend li")
    expect(legend).to_have_text(
        [
            *(re.compile(f"^\\s*{name}") for name in ids),
            *(re.compile(f"twin {one}") for one in twins),
        ]
    )
    looks = legend.locator(".key").evaluate_all(
        "(all) => all.map((key) => [key.style.color, getComputedStyle(key).borderTopStyle].join())"
    )
    assert len(set(looks)) == 4  # told apart by the colour or the dashes
    window.tolerated = ("404", "422")
    page.goto(f"{house.address}#/compare?s={ids['random']}")
    expect(page.get_by_role("alert")).to_contain_text("2 to 6")
    page.goto(f"{house.address}#/compare?s={ids['random']},nobody")
    expect(page.get_by_role("alert")).to_contain_text("nobody")
