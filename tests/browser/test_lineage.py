"""The page of the lineage: the line of the best as the API tells it, noise folded, its cost."""

from __future__ import annotations

import re
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Any

from playwright.sync_api import expect

from tests.browser.conftest import toy

if TYPE_CHECKING:
    from tests.browser.conftest import Window
    from tests.browser.house import House

EVOLUTION = {"name": "evolution", "options": {"population": 6, "sample": 3}}
TRIALS = 5000
PREPARE = """async (count) => {
  const from = (file) => import(new URL(`static/charts/${file}`, document.baseURI));
  const [{ descent }, { plane, surface }] = [await from("descent.js"), await from("plane.js")];
  let state = 7;
  const random = () => (state = (state * 16807) % 2147483647) / 2147483647;
  const points = Array.from({ length: count }, (_, i) => ({ number: i, x: i, y: random() }));
  const earlier = (number) => number - 1 - Math.floor(random() * 50);
  const parents = points.slice(50).map(({ number }) => [number, earlier(number)]);
  const line = points.map((_, i) => i).filter((i) => i % 15 === 0);
  const gains = new Set(line.filter((i) => i % 5 === 0));
  const canvas = document.createElement("canvas");
  const at = plane({ width: 1200, height: 270, x: [0, count], y: [0, 1] });
  const look = { dot: "rgb(47, 127, 216)", front: "rgb(176, 74, 0)", card: "rgb(255, 255, 255)" };
  globalThis.draw = () => {
    const pen = surface(canvas, at.width, at.height);
    descent(parents, gains)(pen, points, line, at, look);
    return pen.getImageData(0, 0, canvas.width, canvas.height).data; // waits until all is drawn
  };
}"""


def line(known: dict[str, Any], best: int) -> list[int]:
    """Return the trials that led to ``best``, the first one first."""
    parents = dict(zip(known["number"], known["parent"], strict=True))
    found = [best]
    while found[0] in parents:
        found.insert(0, parents[found[0]])
    return found


def test_the_line_of_the_best_is_told_with_what_is_noise_folded(
    window: Window, house: House
) -> None:
    search = house.start(**toy("evolved", trials=80, controller=EVOLUTION, seed=5))
    best = house.wait(search, "finished")["best"]
    known = house.client.get(f"searches/{search}/lineage").json()
    history = house.client.get(f"searches/{search}/history").json()
    values = dict(zip(history["number"], history["reward"], strict=True))
    steps = line(known, best["number"])
    moved = [
        abs(values[number] - values[parent])
        for number, parent in zip(known["number"], known["parent"], strict=True)
    ]
    noise = median(moved)
    gains = {number: values[number] - values[parent] for parent, number in pairwise(steps)}
    told = [steps[0], *(number for number in steps[1:] if gains[number] > noise)]
    quiet = [number for number in steps[1:] if gains[number] <= noise]
    assert len(told) > 1  # or there is nothing to tell apart
    assert quiet

    page = window.page
    page.goto(f"{house.address}#/s/{search}")
    page.get_by_role("navigation").get_by_role("link", name="Lineage").click()
    main = page.locator("main")
    expect(main).to_contain_text(f"by {len(steps) - 1} change")
    expect(main).to_contain_text(f"{len(told) - 1} of them gained more than noise")
    expect(main).to_contain_text(f"half of its {len(moved)} changes")
    expect(main).to_contain_text(f"by less than {100 * noise:.2f}\u2009points")
    table = page.get_by_role("region", name="Changes, table")
    rows = table.locator("tbody tr[data-row]")
    expect(rows.locator("th")).to_have_text([f"#{number}" for number in told])
    expect(rows.nth(1)).to_contain_text(f"+{100 * gains[told[1]]:.2f}\u2009points")
    change = known["change"][known["number"].index(told[1])]
    expect(rows.nth(1)).to_contain_text(f"{change['choice']}: {change['before']} → ")
    folds = table.get_by_role("button")
    for fold in folds.all():
        expect(fold).to_have_text(re.compile(r"^\d+ (neutral )?steps?"))
        fold.click()
    expect(rows.locator("th")).to_have_text([f"#{number}" for number in steps])

    chart = page.get_by_role("img", name=re.compile(f"{len(steps)} on the line of the best"))
    chart.focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(page.locator("figcaption")).to_contain_text(f"Trial {steps[-2]}: ")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=f"Trial #{steps[-2]}")).to_be_visible()


def test_a_search_without_changes_says_why(window: Window, house: House) -> None:
    page = window.page
    page.goto(f"{house.address}#/s/{house.moody}/lineage")
    expect(page.locator("main")).to_contain_text("The controller reinforce does not change trials")
    young = house.start(**toy("young", trials=3, controller=EVOLUTION))
    page.goto(f"{house.address}#/s/{young}/lineage")
    expect(page.locator("main")).to_contain_text("No trial has been changed from another yet")


def test_5000_trials_are_drawn_in_less_than_100_ms_of_processor_time(window: Window) -> None:
    window.tolerated = ("willReadFrequently",)  # here pixels are read, the page reads none
    page = window.page
    meter = page.context.new_cdp_session(page)
    meter.send("Performance.enable", {"timeDomain": "threadTicks"})

    def spent() -> float:
        metrics = meter.send("Performance.getMetrics")["metrics"]
        return next(float(one["value"]) for one in metrics if one["name"] == "TaskDuration")

    page.evaluate(PREPARE, TRIALS)
    inked = "() => draw().filter((value, i) => i % 4 === 3 && value > 0).length"
    assert page.evaluate(inked) > 10_000
    costs = []
    for _ in range(3):
        before = spent()
        page.evaluate("() => void draw()")
        costs.append(spent() - before)
    assert 0.001 < min(costs) < 0.1
