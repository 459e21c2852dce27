"""The page of a search with 100,000 trials: time of the main thread, memory, bytes, rows.

    python benchmarks/dashboard.py [--trials 100000] [--json FILE]

Starts a service of its own, gives a search so many finished trials, and opens its pages in headless
Chromium. "Main thread" is the processor time of the page's tasks (Chromium's TaskDuration, which
other work on the machine does not lengthen much), from one reading to the next. Of the service's
answers the quickest of three counts, seen from here.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from machine import describe
from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from service.course import MEDIA_TYPE
from service.db import Database
from service.settings import Settings
from tests.browser.conftest import CHROMIUM, FLAGS
from tests.browser.house import House
from tests.service.making import fill

SETTLED = 400  # ms without work of the page before a reading counts


class Meter:
    """Readings of one page over Chromium's own protocol."""

    def __init__(self, page: Page) -> None:
        """Switch the readings on."""
        self.page, self.cdp = page, page.context.new_cdp_session(page)
        self.cdp.send("Performance.enable", {"timeDomain": "threadTicks"})
        self.cdp.send("Network.enable")
        self.bytes = 0
        self.cdp.on("Network.loadingFinished", self._loaded)

    def _loaded(self, event: dict[str, Any]) -> None:
        self.bytes += int(event["encodedDataLength"])

    def read(self, name: str) -> float:
        """Return one of Chromium's numbers."""
        metrics = self.cdp.send("Performance.getMetrics")["metrics"]
        return float({one["name"]: one["value"] for one in metrics}[name])

    def settle(self) -> None:
        """Wait until the page has nothing to do."""
        before = -1.0
        while (now := self.read("TaskDuration")) - before > 0.002:
            before = now
            self.page.wait_for_timeout(SETTLED)

    def cost(self, act: Any) -> float:
        """Return the milliseconds of the main thread that an action takes."""
        self.settle()
        before = self.read("TaskDuration")
        act()
        self.settle()
        return 1000 * (self.read("TaskDuration") - before)

    def heap_mb(self) -> float:
        """Return what scripts hold after a collection."""
        self.cdp.send("HeapProfiler.collectGarbage")
        return self.read("JSHeapUsedSize") / 1e6


def paint_ms(page: Page) -> float:
    """Return when the first content was painted, in ms since the navigation."""
    entry = "performance.getEntriesByName('first-contentful-paint')[0]"
    page.wait_for_function(entry)
    return float(page.evaluate(f"{entry}.startTime"))


def serving(house: House, search: str) -> dict[str, float]:
    """Return how long the service takes for the history, and how large it is, without gzip."""
    found: dict[str, float] = {}
    path = f"searches/{search}/history"
    for name, accept, query in (
        ("history_json", "application/json", {}),
        ("history", MEDIA_TYPE, {}),
        ("history_since", MEDIA_TYPE, {"since": house.client.get("meta").json()["seq"]}),
    ):
        headers = {"Accept": accept, "Accept-Encoding": "identity"}
        times = []
        for _ in range(3):
            begun = time.monotonic()
            answer = house.client.get(path, headers=headers, params=query)
            answer.raise_for_status()
            times.append(time.monotonic() - begun)
        found[f"{name}_seconds"], found[f"{name}_mb"] = min(times), len(answer.content) / 1e6
    return found


def measure(house: House, search: str, count: int) -> dict[str, float]:
    """Open the pages of the search and return what they cost."""
    found: dict[str, float] = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(house.link)
        page.get_by_role("heading", name="Searches").wait_for()
        page.reload()
        page.get_by_role("heading", name="Searches").wait_for()
        found["first_contentful_paint_ms"] = paint_ms(page)
        page.goto("about:blank")
        meter = Meter(page)
        begun = time.monotonic()
        page.goto(f"{house.address}#/s/{search}")
        chart = page.locator("figure").filter(has_text="best so far").locator("canvas")
        chart.wait_for(timeout=60_000)
        found["overview_seconds"] = time.monotonic() - begun
        meter.settle()
        found["overview_main_thread_ms"] = 1000 * meter.read("TaskDuration")
        found["overview_mb"] = meter.bytes / 1e6
        found["heap_mb"] = meter.heap_mb()
        box = chart.bounding_box() or {}
        y = box["y"] + box["height"] / 2

        def drag(begin: float, end: float) -> None:
            page.mouse.move(box["x"] + begin * box["width"], y)
            page.mouse.down()
            page.mouse.move(box["x"] + end * box["width"], y, steps=4)

        found["drag_main_thread_ms"] = meter.cost(lambda: drag(0.3, 0.6))
        found["zoom_main_thread_ms"] = meter.cost(page.mouse.up)
        whole = page.get_by_role("button", name="Whole range").bounding_box() or {}
        # Not by the locator: its looks whether the button can be clicked are work of the page too.
        press = lambda: page.mouse.click(whole["x"] + 9, whole["y"] + 9)  # noqa: E731
        found["redraw_main_thread_ms"] = meter.cost(press)
        again = []
        for begin in (0.25, 0.2, 0.15):  # the script is compiled by then
            drag(begin, 0.7)
            again.append(meter.cost(page.mouse.up))
            press()
        found["zoom_again_main_thread_ms"] = sorted(again)[1]
        move = lambda: page.mouse.move(box["x"] + 0.5 * box["width"], y + 9)  # noqa: E731
        found["hover_main_thread_ms"] = meter.cost(move)
        before = meter.read("TaskDuration")
        page.goto(f"{house.address}#/s/{search}/trials")
        page.locator("main [data-row]").first.wait_for()
        meter.settle()
        found["trials_main_thread_ms"] = 1000 * (meter.read("TaskDuration") - before)
        found["rows"] = page.locator("main [data-row]").count()
        table = page.get_by_role("region", name="All trials, table")
        scroll = lambda: table.evaluate("box => { box.scrollTop += 500 }")  # noqa: E731
        found["scroll_main_thread_ms"] = meter.cost(scroll)
        browser.close()
    return found | {"trials": count}


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=100_000)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nas-page-") as folder:
        house = House(Path(folder) / "home")
        try:
            search = house.note("many trials")
            with Database.open(Settings.load(home=house.home)) as database:
                fill(database, search, options.trials)
            found = serving(house, search) | measure(house, search, options.trials)
        finally:
            house.stop()
    result = {"machine": describe() | {"load": os.getloadavg()}, "results": found}
    print(json.dumps(result, indent=1))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
