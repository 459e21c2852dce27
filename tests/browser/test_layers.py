"""The layers on the page of a trial: as the API has them, and asked for only when opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from tests.browser.conftest import Window
    from tests.browser.house import House


def test_the_layers_of_a_trial_stand_on_its_page_once_they_are_opened(
    window: Window, house: House
) -> None:
    house.wait(house.digits, "finished")
    path = f"searches/{house.digits}/trials/2"
    page = window.page
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{house.address}#/s/{house.digits}/trials/2")
    expect(page.get_by_role("heading", name="Layers")).to_be_visible()
    assert not any("/layers" in url for url in asked)
    page.get_by_role("heading", name="Layers").click()
    known = house.client.get(f"{path}/layers").json()
    rows = page.get_by_role("region", name="Layers, table").locator("tbody tr")
    expect(rows).to_have_count(len(known["layers"]) + 1)
    for row, layer in zip(rows.all(), known["layers"], strict=False):
        expect(row.locator("th")).to_have_text(layer["name"])
        expect(row).to_contain_text(layer["kind"])
        expect(row).to_contain_text(" × ".join(map(str, layer["output"])))
    widest = max(range(len(known["layers"])), key=lambda i: int(known["layers"][i]["params"]))
    widths = [
        box["width"] if (box := row.locator(".bar").first.bounding_box()) else 0.0
        for row in rows.all()[:-1]
    ]
    assert widths[widest] == max(widths) > min(widths)
    thousands = known["params"] / 1000
    expect(rows.last).to_contain_text(f"{thousands:.3g}\u2009k")
