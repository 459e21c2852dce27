"""The zoo on the page: published figures as the API has them, trials of a search beside them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from tests.browser.conftest import Window
    from tests.browser.house import House


def test_published_networks_are_filtered_sorted_and_opened(window: Window, house: House) -> None:
    known = house.client.get("zoo?pattern=resnet*_cifar").json()["items"]
    known = [one for one in known if one["paper"]["dataset"] == "CIFAR-10"]
    page = window.page
    page.get_by_role("navigation").get_by_role("link", name="Zoo").click()
    page.get_by_role("combobox", name="Measured on").select_option("CIFAR-10")
    page.get_by_label("Filter").fill("resnet")
    rows = page.get_by_role("region", name="Published networks, table").locator("tbody tr")
    page.get_by_role("button", name="Parameters").click()
    expect(page.locator("th[aria-sort]")).to_have_attribute("aria-sort", "descending")
    names = [text.split("\n")[0] for text in rows.locator("th").all_inner_texts()]
    assert {one["name"] for one in known} <= set(names)
    assert "vgg11_bn_cifar" not in names
    params = {one["name"]: one["params"] for one in known}
    shown = [params[name] for name in names if name in params]
    assert shown == sorted(shown, reverse=True)
    page.get_by_role("button", name="Parameters").click()
    expect(rows.first.locator("th")).not_to_contain_text(names[0])
    assert all(part in page.url for part in ("q=resnet", "data=CIFAR-10", "sort=params"))
    best = max(known, key=lambda one: one["paper"]["top1"] or 0)
    row = rows.filter(has=page.get_by_role("link", name=best["name"], exact=True))
    expect(row).to_contain_text(f"{best['paper']['top1']}\u2009%")
    expect(row).to_contain_text(best["paper"]["where"])
    plot = page.get_by_role("img", name=re.compile(r"networks, \d+ on the Pareto front"))
    number = re.match(r"\d+", plot.get_attribute("aria-label") or "")
    printed = rows.filter(has_text=re.compile(r"\d\u2009%")).count()
    assert number is not None
    assert int(number[0]) == printed < len(names)  # those without an accuracy are not drawn

    row.get_by_role("link").click()
    expect(page.get_by_role("heading", name=best["title"])).to_be_visible()
    detail = house.client.get(f"zoo/{best['name']}").json()
    main = page.locator("main")
    for figure in (f"{detail['params']:,}", f"{detail['madds']:,}", detail["paper"]["citation"]):
        expect(main).to_contain_text(figure)
    layers = page.get_by_role("region", name="Layers, table").locator("tbody tr")
    expect(layers).to_have_count(len(detail["layers"]) + 1)
    for shown_layer, layer in zip(layers.all()[::10], detail["layers"][::10], strict=False):
        expect(shown_layer).to_contain_text(layer["kind"])
        expect(shown_layer).to_contain_text(" × ".join(map(str, layer["output"])))


def test_the_best_trials_of_a_search_stand_beside_them_as_another_measure(
    window: Window, house: House
) -> None:
    best = house.wait(house.digits, "finished")["best"]
    window.tolerated = ("404",)  # a browser writes refused requests to its console
    page = window.page
    page.goto(f"{house.address}#/s/{house.digits}")
    page.get_by_role("link", name="Beside published networks").click()
    beside = page.get_by_label("Beside them")
    expect(beside).to_have_value(house.digits)
    beside.select_option("")
    expect(page.get_by_text("The crosses as a table")).to_have_count(0)
    beside.select_option("digits")
    notice = page.get_by_role("status").filter(has_text="Not the same measure.")
    expect(notice).to_contain_text("on images of digits that it holds back, after 2 epochs")
    expect(notice).to_contain_text("what papers print for test images of CIFAR-10")
    page.get_by_text("The crosses as a table").click()
    crosses = page.get_by_role("region", name="The crosses as a table").locator("tbody tr")
    expect(crosses).to_have_count(6)
    expect(crosses.first).to_contain_text(f"#{best['number']} of digits, measured here")
    expect(crosses.first).to_contain_text(f"{100 * best['reward']:.2f}")
    assert f"s={house.digits}" in page.url
    page.get_by_label("Filter").fill("no such thing")
    expect(page.locator("main")).to_contain_text("No network measured on CIFAR-10 has")
    page.goto(f"{house.address}#/zoo/nothing")
    expect(page.get_by_role("heading", name="No such network")).to_be_visible()
