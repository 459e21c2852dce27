"""Searches side by side: chosen in the list, drawn as the service tells their courses."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.browser.conftest import toy
from tests.browser.test_modules import call

if TYPE_CHECKING:
    from tests.browser.conftest import Window
    from tests.browser.house import House


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
    page.get_by_role("link", name="Choose among the searches").click()
    expect(page.get_by_label("Compare random")).to_be_checked()

    page.goto(f"{house.address}#/compare?s={ids['random']},{house.digits}")
    expect(page.get_by_text("do not measure the same")).to_be_visible()
    window.tolerated = ("404", "422")
    page.goto(f"{house.address}#/compare?s={ids['random']}")
    expect(page.get_by_role("alert")).to_contain_text("2 to 6")
    page.goto(f"{house.address}#/compare?s={ids['random']},nobody")
    expect(page.get_by_role("alert")).to_contain_text("nobody")
