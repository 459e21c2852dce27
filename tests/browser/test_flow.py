"""What a user does, from signing in to the files of a model, against the real service."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import time
from datetime import datetime
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.browser.conftest import toy, until

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page, Response

    from tests.browser.conftest import Opener, Window
    from tests.browser.house import House


def choose(page: Page, label: str, value: str) -> None:
    page.get_by_label(label, exact=True).select_option(value)


def ended(page: Page) -> int:
    """Return the number of ended trials that the page shows."""
    return int(page.locator(".tile-value").nth(1).inner_text().split("/")[0])


def wait_for_trials(page: Page, number: int) -> None:
    until(page, lambda: ended(page) >= number)


def test_the_printed_link_signs_in_and_its_token_leaves_the_address(
    opener: Opener, house: House
) -> None:
    assert f"{house.address}#token={house.token}" in house.output()
    page = opener().page
    page.goto(house.link)
    expect(page.get_by_role("heading", name="Searches")).to_be_visible()
    assert house.token not in page.url
    assert house.token not in page.evaluate("JSON.stringify([document.cookie, {...localStorage}])")
    page.reload()
    expect(page.get_by_role("link", name="digits")).to_be_visible()


def test_a_wrong_token_is_refused_in_words_and_the_right_one_then_let_in(
    opener: Opener, house: House
) -> None:
    window = opener()
    window.tolerated = ("401",)  # a browser writes refused requests to its console
    page = window.page
    page.goto(f"{house.address}#token=nas_wrong")
    expect(page.get_by_role("alert")).to_contain_text("neither the token")
    assert "nas_wrong" not in page.url
    page.get_by_label("Token").fill("still wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("neither the token")
    expect(page.get_by_label("Token")).to_have_value("still wrong")
    page.get_by_label("Token").fill(house.link)  # people paste the whole address
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Searches")).to_be_visible()


def test_a_search_is_launched_from_the_form_and_lives_on_the_page_until_it_is_stopped(
    window: Window, house: House
) -> None:
    window.tolerated = ("422",)  # a browser writes refused requests to its console
    page = window.page
    page.get_by_role("link", name="New search").first.click()
    expect(page.get_by_role("heading", name="New search")).to_be_visible()
    page.get_by_label("Name", exact=True).fill("from the form")
    choose(page, "Space", "toy")
    page.get_by_label("Trials", exact=True).fill("-3")
    page.get_by_text("every option").click()
    choose(page, "Evaluator", "toy")
    page.get_by_label("Seconds", exact=True).fill("0.4")
    choose(page, "Executor", "local")
    expect(page.get_by_label("Images", exact=True)).to_have_count(0)  # the toy looks at none

    page.get_by_role("button", name="Start search").click()
    trials = page.get_by_label("Trials", exact=True)
    expect(trials).to_have_attribute("aria-invalid", "true")
    expect(trials).to_be_focused()
    expect(page.locator("#field-limits\\.trials-error")).to_contain_text("1")
    expect(page.get_by_label("Name", exact=True)).to_have_value("from the form")
    expect(page.get_by_label("Seconds", exact=True)).to_have_value("0.4")
    names = [item["name"] for item in house.client.get("searches").json()["items"]]
    assert "from the form" not in names

    trials.fill("500")
    page.get_by_role("button", name="Start search").click()
    expect(page.get_by_role("heading", name="from the form")).to_be_visible()
    expect(page.get_by_text("Running now (2)")).to_be_visible()
    expect(page.get_by_role("img", name=re.compile(r"finished trials"))).to_be_visible()
    came: dict[int, float] = {}  # when the page showed that so many had ended

    def three_came() -> bool:
        number = ended(page)
        for one in range(1, number + 1):
            came.setdefault(one, time.time())
        return number >= 3

    until(page, three_came)  # they arrive by themselves
    search = house.client.get("searches").json()["items"][0]
    done = house.client.get(f"searches/{search['id']}/trials?state=done").json()["items"]
    noted = sorted(datetime.fromisoformat(one["finished_at"]).timestamp() for one in done)
    late = sorted(came[one] - noted[one - 1] for one in (1, 2, 3))
    assert late[1] < 2, late  # seconds after its row; the machine may be busy once

    page.get_by_role("button", name="Pause").click()
    expect(page.locator("main .state").first).to_contain_text("paused")
    expect(page.get_by_text("Paused: nothing runs")).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("main .state").first).to_contain_text("running")

    page.get_by_role("button", name="Stop…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Kept: all")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("button", name="Stop…")).to_be_focused()
    page.get_by_role("button", name="Stop…").click()
    page.get_by_role("button", name="Stop the search").click()
    expect(page.locator("main .state").first).to_contain_text("stopped")
    search = house.client.get("searches").json()["items"][0]
    assert search["name"] == "from the form"
    assert search["state"] == "stopped"
    assert search["counts"]["done"] >= 3


def test_a_zoom_outlives_the_trials_that_arrive(window: Window, house: House) -> None:
    page = window.page
    page.goto(f"{house.address}#/settings")  # the list of searches asks for histories too
    expect(page.get_by_role("heading", name="Settings")).to_be_visible()
    search = house.start(**toy("zoomed", trials=400, seconds=0.3))
    asked: list[Response] = []
    path = f"/{search}/history"
    page.on("response", lambda answer: asked.append(answer) if path in answer.url else None)
    page.goto(f"{house.address}#/s/{search}")
    chart = page.locator("figure").filter(has_text="best so far").locator("canvas")
    chart.wait_for()
    box = chart.bounding_box()
    assert box is not None
    y = box["y"] + 100
    page.mouse.move(box["x"] + 100, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, y)
    page.mouse.up()
    expect(page.get_by_role("button", name="Whole range")).to_be_visible()
    zoomed = chart.get_attribute("data-range")
    assert zoomed
    before = ended(page)
    wait_for_trials(page, before + 3)
    assert chart.get_attribute("data-range") == zoomed
    page.get_by_role("button", name="Whole range").click()
    expect(chart).to_have_attribute("data-range", "")
    first, *others = asked
    assert first.url.endswith("/history")
    assert others
    for answer in others:  # only what changed, in the same columns
        assert re.search(r"/history\?since=\d+$", answer.url)
        assert answer.headers["content-type"] == "application/octet-stream"
    house.client.post(f"searches/{search}/stop", json={})


def test_a_finished_search_is_read_down_to_the_cell_and_its_model_runs_with_torch_alone(
    window: Window, house: House, tmp_path: Path
) -> None:
    view = house.wait(house.digits, "finished")
    best = view["best"]["number"]
    page = window.page
    page.goto(f"{house.address}#/s/{house.digits}")
    row = page.get_by_role("region", name="Top trials, table").get_by_role("link").first
    expect(row).to_have_text(f"#{best}")
    row.click()
    expect(page.get_by_role("heading", name=f"Trial #{best}")).to_be_visible()
    expect(page.locator("#main")).to_be_focused()
    drawing = page.get_by_role("img", name=re.compile("^normal cell"))
    expect(drawing).to_be_visible()
    assert drawing.locator("rect[class^=op-]").count() >= 4
    expect(page.get_by_role("img", name=re.compile("After epoch 2"))).to_be_visible()
    page.get_by_text("As text").first.click()
    expect(page.locator("details[open] pre").first).to_contain_text("normal cell")

    expect(page.get_by_text("test accuracy")).to_be_visible()
    (model,) = view["models"]
    for name in ("model.py", "weights.safetensors"):
        with page.expect_download() as got:
            page.get_by_role("link", name=name).click()
        got.value.save_as(tmp_path / name)
        digest = hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
        assert digest == next(f["sha256"] for f in model["files"] if f["name"] == name)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy code").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    snippet = page.evaluate("navigator.clipboard.readText()")
    assert snippet.strip() == page.get_by_label("Python that loads the model").inner_text().strip()
    (tmp_path / "snippet.py").write_text(snippet)
    ran = subprocess.run(
        [sys.executable, "snippet.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert re.fullmatch(r"\['\d'\]", ran.stdout.strip())


def test_any_trial_becomes_a_model_that_is_watched_until_it_is_done(
    window: Window, house: House
) -> None:
    view = house.wait(house.digits, "finished")
    other = next(
        t["number"]
        for t in house.client.get(f"searches/{house.digits}/trials?state=done").json()["items"]
        if t["number"] != view["best"]["number"]
    )
    page = window.page
    page.goto(f"{house.address}#/s/{house.digits}/trials/{other}")
    page.get_by_label("Epochs", exact=True).fill("none")
    page.get_by_role("button", name="Make the model").click()
    expect(page.get_by_text("Epochs is a whole number")).to_be_visible()
    page.get_by_label("Epochs", exact=True).fill("1")
    page.get_by_role("button", name="Make the model").click()
    expect(page.get_by_text("test accuracy")).to_be_visible(timeout=60_000)
    page.get_by_role("link", name="Models").click()
    expect(page.get_by_role("heading", name=f"Trial #{other}")).to_be_visible()


def test_a_model_gets_further_formats_and_the_way_to_a_fine_tuning(
    window: Window, house: House
) -> None:
    (model,) = house.wait(house.digits, "finished")["models"][-1:]
    page = window.page
    page.goto(f"{house.address}#/s/{house.digits}/trials/{model['trial']}")
    page.get_by_text("Other formats").click()
    there = {file["name"] for file in model["files"]}
    formats = [f for f in house.client.get("catalog").json()["formats"] if f["file"] not in there]
    boxes = page.locator(".formats").get_by_role("checkbox")
    expect(boxes).to_have_count(len(formats))
    page.get_by_role("checkbox", name=re.compile("^bf16 ")).check()
    page.get_by_role("button", name="Make the files").click()
    expect(page.get_by_role("link", name="weights-bf16.safetensors")).to_be_visible()
    page.get_by_role("link", name="Fine-tune it on other images").click()
    expect(page.get_by_label("Model", exact=True)).to_have_value(model["id"])


def test_a_name_that_is_markup_is_shown_as_text(window: Window, house: House) -> None:
    name = "<img src=x onerror=window.hacked=1>"
    search = house.note(name)
    page = window.page
    page.get_by_role("link", name=name, exact=True).click()  # it came by itself
    for path in ("", "/trials", "/models", "/config"):
        page.goto(f"{house.address}#/s/{search}{path}")
        expect(page.get_by_role("navigation")).to_contain_text(name)
        expect(page.locator("main")).to_contain_text(name)
    assert page.evaluate("window.hacked") is None
    assert page.locator("img").count() == 0
