"""Searched against hand-built on the page: asked for, followed, as served, refused, stopped."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from playwright.sync_api import expect

from tests.browser.test_honesty import card, percent, show
from tests.browser.test_looks import PICTURES, overflow, small_targets, violations

if TYPE_CHECKING:
    from tests.browser.conftest import Window
    from tests.browser.house import House


def served(house: House) -> dict[str, Any]:
    return dict(house.client.get(f"searches/{house.digits}/comparison").json())


def test_networks_are_compared_by_the_card_and_its_numbers_are_those_of_the_service(
    window: Window, house: House
) -> None:
    window.tolerated = ("422",)
    house.wait(house.digits, "finished")
    page = window.page
    show(page, house, house.digits)
    box = card(page, "Searched against hand-built")
    box.get_by_label("Published networks").fill("resnet21, lenet5")
    box.get_by_role("textbox", name="Epochs").fill("1")
    box.get_by_label("Seeds").fill("2")
    button = box.get_by_role("button", name="Train and compare")
    button.click()
    expect(box.get_by_role("alert")).to_contain_text("the zoo has no network 'resnet21'")
    box.get_by_label("Published networks").fill("resnet20_cifar, alexnet")
    button.click()
    expect(box.get_by_role("progressbar")).to_have_attribute("max", "8")
    expect(box).to_contain_text(re.compile(r"seed \d: epoch \d of 1\D"), timeout=120_000)
    expect(button).to_be_visible(timeout=120_000)
    found = served(house)
    assert (found["state"], found["done"], found["failed"]) == ("done", 6, 2)
    rows = box.get_by_role("region", name="Networks").locator("tbody tr")
    expect(rows).to_have_count(4)
    for row, one in zip(rows.all(), found["rows"], strict=True):
        expect(row.locator("th")).to_have_text(one["name"])
        if one["name"] != "alexnet":
            expect(row).to_contain_text(f"{percent(one['mean'])} ± {percent(one['spread'])}")
    expect(box.locator(".notice-warn")).to_contain_text("alexnet, seed 0: invalid: ")
    front = box.get_by_role("img")
    expect(front).to_have_attribute(
        "aria-label", re.compile(rf"^3 networks, {len(found['fronts']['params'])} on the Pareto")
    )
    box.get_by_role("combobox", name="Test accuracy against").select_option("multiply-adds")
    expect(front).to_have_attribute(
        "aria-label", re.compile(rf"^3 networks, {len(found['fronts']['madds'])} on the Pareto")
    )
    front.focus()
    page.keyboard.press("ArrowRight")
    expect(box.locator("figcaption")).to_contain_text(re.compile("^Network .*: test accuracy"))
    for theme, width in (("light", 1440), ("dark", 390)):
        page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
        page.set_viewport_size({"width": width, "height": 900})
        box.screenshot(path=PICTURES / f"comparison-{theme}-{width}.png")
        assert violations(page) == []
        assert overflow(page) <= 0
        assert small_targets(page) == []
    box.get_by_role("combobox", name="Budget of each").select_option("seconds")
    box.get_by_role("textbox", name="Seconds").fill("600.5")
    button.click()
    box.get_by_role("button", name="Stop the comparison").click()
    expect(box.locator(".state")).to_have_text("stopped")
    found = served(house)
    assert (found["state"], found["seconds"], found["epochs"]) == ("stopped", 600.5, None)
