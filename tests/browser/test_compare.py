"""Trials side by side: chosen in the table, kept in the address, what differs is marked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from playwright.sync_api import expect

if TYPE_CHECKING:
    from tests.browser.conftest import Window
    from tests.browser.house import House


def lines(trial: dict[str, Any], cell: str) -> list[str]:
    return [line.strip() for line in trial["text"][cell].splitlines()[1:]]


def operations(trial: dict[str, Any], cell: int) -> list[str]:
    return [
        node["op"]
        for node in trial["arch"]["cells"][cell]["nodes"]
        if node["op"] not in {"add", "concat"}
    ]


def test_trials_are_chosen_in_the_table_and_stand_side_by_side(
    window: Window, house: House
) -> None:
    house.wait(house.digits, "finished")
    path = f"searches/{house.digits}/trials"
    trials = [house.client.get(f"{path}/{number}").json() for number in (0, 1, 4)]
    page = window.page
    page.goto(f"{house.address}#/s/{house.digits}/trials")
    compare = page.get_by_role("link", name="Compare selected")
    page.get_by_label("Compare trial 0").check()
    expect(compare).to_be_disabled()  # one trial is no comparison
    for number in (1, 4):
        page.get_by_label(f"Compare trial {number}").check()
    page.reload()  # the selection is in the address
    expect(page.get_by_label("Compare trial 4")).to_be_checked()
    expect(page.get_by_label("Compare trial 2")).not_to_be_checked()
    compare.click()
    expect(page.get_by_role("heading", name="Compare")).to_be_visible()
    assert page.url.endswith("compare?t=0,1,4")

    numbers = page.get_by_role("region", name="Numbers, table")
    row = numbers.locator("tr").filter(has=page.get_by_role("rowheader", name="accuracy"))
    values = [trial["metrics"]["accuracy"] for trial in trials]
    expect(row.locator("td")).to_have_count(3)
    shown = [cell.split("\u2009")[0] for cell in row.locator("td").all_inner_texts()]
    assert shown == [f"{100 * value:.2f}" for value in values]
    marked = row.locator(".winner")
    expect(marked).to_have_count(values.count(max(values)) * (min(values) < max(values)))
    expect(marked.first).to_contain_text(f"{100 * max(values):.2f}\u2009% best")
    fewest = min(trial["metrics"]["params"] for trial in trials) / 1000
    row = numbers.locator("tr").filter(has=page.get_by_role("rowheader", name="parameters"))
    expect(row.locator(".winner")).to_contain_text(f"{fewest:.3g}")

    chart = page.get_by_role("region", name="Training", exact=True)
    legend = chart.locator(".legend li").all_inner_texts()
    assert [text.strip() for text in legend] == ["#0", "#1", "#4"]
    curves = [{point["step"]: point["metrics"] for point in trial["curve"]} for trial in trials]
    assert [len(curve) for curve in curves] == [2, 2, 2]
    for chip, name in (("accuracy", "accuracy"), ("training loss", "train_loss")):
        chart.get_by_role("button", name=chip, exact=True).click()
        chart.get_by_text("As a table").click()
        for row, step in zip(chart.locator("tbody tr").all(), (1, 2), strict=True):
            said = [text.split("\u2009")[0] for text in row.locator("td").all_inner_texts()]
            found = [curve[step][name] for curve in curves]
            digits = ".4g" if name == "train_loss" else ".2f"
            scale = 1 if name == "train_loss" else 100
            assert [float(text) for text in said] == [
                float(format(scale * value, digits)) if place else value
                for place, value in enumerate([step, *found])
            ]
    canvas = chart.locator("canvas")
    canvas.focus()
    page.keyboard.press("ArrowRight")
    expect(chart.locator("[aria-live]")).to_have_text(re.compile(r"^epoch 2: #0 .*, #1 .*, #4 "))

    for place, cell in enumerate(("normal", "reduction")):
        card = page.get_by_role("region", name=f"{cell.capitalize()} cell", exact=True)
        expect(card.locator("svg")).to_have_count(3)
        first = trials[0]
        for side, trial in zip(card.locator(".side").all(), trials, strict=True):
            wanted = sum(
                one != other
                for one, other in zip(
                    operations(trial, place), operations(first, place), strict=True
                )
            )
            expect(side.locator(".differs")).to_have_count(wanted)
            differing = [
                line
                for line, other in zip(lines(trial, cell), lines(first, cell), strict=True)
                if line != other
            ]
            expect(side.locator("mark")).to_have_count(len(differing))
            said = [text.split("\n")[0].strip() for text in side.locator("mark").all_inner_texts()]
            assert said == differing
            assert bool(wanted) <= bool(differing)


def test_what_cannot_be_compared_is_said(window: Window, house: House) -> None:
    house.wait(house.digits, "finished")
    window.tolerated = ("404", "422")  # a browser writes refused requests to its console
    page = window.page
    main = page.locator("main")
    address = f"{house.address}#/s/{house.digits}/compare"
    page.goto(address)
    expect(main).to_contain_text("2 to 6 trials; chosen: 0")
    page.goto(f"{address}?t=0,1,2,3,4,5,6")
    expect(main).to_contain_text("2 to 6 trials; chosen: 7")
    page.goto(f"{address}?t=0,9999,two")
    for part in ("9999", "two"):
        refused = house.client.get(f"searches/{house.digits}/trials/{part}").json()["detail"]
        expect(main).to_contain_text(f"{part}: {refused}")
    expect(main).to_contain_text("chosen: 3")  # of which one is there
    page.goto(f"{address}?t=0,{house.moody}:3")
    expect(main).to_contain_text("Trials of different searches")
    expect(page.get_by_role("link", name="with failures #3")).to_be_visible()
    page.goto(f"{address}?t=0,nowhere:3")
    expect(main).to_contain_text("nowhere:3: ")
