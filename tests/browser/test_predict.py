"""An image given to a model on the page: its classes as in the API, and a refusal in words."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from playwright.sync_api import expect

if TYPE_CHECKING:
    from tests.browser.conftest import Window
    from tests.browser.house import House


def picture() -> bytes:
    """Return a picture of a one, as a PNG."""
    pixels = np.zeros((8, 8), np.uint8)
    pixels[1:7, 3:5] = 255
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def test_an_image_is_classified_on_the_page_of_models(window: Window, house: House) -> None:
    (model, *_) = house.wait(house.digits, "finished")["models"]
    window.tolerated = ("422",)  # a browser writes refused requests to its console
    page = window.page
    page.goto(f"{house.address}#/s/{house.digits}/models")
    field = page.get_by_label("Drop an image here, or choose one")
    field.set_input_files({"name": "one.png", "mimeType": "image/png", "buffer": picture()})
    wanted = house.client.post(
        f"models/{model['id']}/predict", content=picture(), headers={"Content-Type": "image/png"}
    ).json()["predictions"][0]
    rows = page.get_by_role("region", name="Classes, table").locator("tbody tr")
    expect(rows).to_have_count(len(wanted))
    shown = [
        (row.locator("th").inner_text(), row.locator(".number").inner_text()) for row in rows.all()
    ]
    assert shown == [
        (guess["name"], f"{100 * guess['probability']:.2f}\u2009%") for guess in wanted
    ]
    expect(page.locator("main")).to_contain_text(f"takes one.png for {wanted[0]['name']}.")
    bars = [bar.bounding_box() for bar in rows.locator(".bar").all()]
    widths = [bar["width"] for bar in bars if bar]
    assert widths == sorted(widths, reverse=True)
    assert widths[0] > widths[-1]

    field.set_input_files({"name": "words.txt", "mimeType": "text/plain", "buffer": b"no image"})
    alert = page.get_by_role("alert").filter(has_text="words.txt")
    expect(alert).to_contain_text("cannot be read as an image")
    expect(rows).to_have_count(0)

    bag = page.evaluate_handle(
        """(bytes) => {
          const bag = new DataTransfer();
          bag.items.add(new File([new Uint8Array(bytes)], "dropped.png", {type: "image/png"}));
          return bag;
        }""",
        list(picture()),
    )
    page.dispatch_event(".drop", "drop", {"dataTransfer": bag})
    expect(page.locator("main")).to_contain_text(f"takes dropped.png for {wanted[0]['name']}.")
    expect(alert).to_have_count(0)
