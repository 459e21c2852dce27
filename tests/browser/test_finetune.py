"""Fine-tuning on the page: asked for, advised, followed to a model, refused, and how it looks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from PIL import Image
from playwright.sync_api import expect

from tests.browser.test_honesty import percent
from tests.browser.test_looks import PICTURES, overflow, small_targets, violations

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.conftest import Window
    from tests.browser.house import House


def photos(top: Path) -> Path:
    """Return a folder of two classes of small images."""
    for name, light in (("dark", 0), ("light", 150)):
        (top / name).mkdir(parents=True)
        for number in range(20):
            Image.new("L", (8, 8), 10 + number + light).save(top / name / f"{number}.png")
    return top


def test_a_model_is_adapted_to_a_folder_with_advice_and_becomes_a_model(
    window: Window, house: House, tmp_path: Path
) -> None:
    window.tolerated = ("404",)
    model = house.wait(house.digits, "finished", seconds=240)["models"][0]["id"]
    page = window.page
    page.goto(f"{house.address}#/finetune?model=nothing")
    form = page.get_by_role("region", name="Adapt a model to your images")
    form.get_by_label("Images").fill(str(photos(tmp_path / "photos")))
    form.get_by_label("Epochs").fill("2")
    button = form.get_by_role("button", name="Fine-tune")
    button.click()
    expect(form.get_by_role("alert")).to_contain_text("no model 'nothing'")
    form.get_by_label("Model").fill(model)
    button.click()
    box = page.get_by_role("region", name=re.compile("photos$"))
    expect(box).to_contain_text("Test accuracy", timeout=120_000)
    (found,) = house.client.get("finetunes").json()["items"]
    assert found["state"] == "done"
    expect(box.locator(".state")).to_have_text("done")
    for reason in found["plan"]["reasons"]:
        expect(box).to_contain_text(reason)
    made = house.client.get(f"models/{found['model']}").json()
    expect(box).to_contain_text(percent(made["metrics"]["test_accuracy"]))
    links = box.get_by_role("link")
    expect(links).to_have_count(len(made["files"]))
    assert page.request.get(links.first.evaluate("link => link.href")).ok
    for theme, width in (("light", 1440), ("dark", 390)):
        page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
        page.set_viewport_size({"width": width, "height": 900})
        page.screenshot(path=PICTURES / f"finetune-{theme}-{width}.png", full_page=True)
        assert violations(page) == []
        assert overflow(page) <= 0
        assert small_targets(page) == []
