"""Data sets on the page of settings: one is uploaded, offered to a new search, and removed."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

from PIL import Image
from playwright.sync_api import expect

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.conftest import Window
    from tests.browser.house import House


def photos(path: Path) -> Path:
    """Write an archive of twelve images of two classes."""
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(12):
            file = io.BytesIO()
            Image.new("L", (8, 8), number).save(file, "PNG")
            archive.writestr(f"{'ab'[number % 2]}/{number}.png", file.getvalue())
    return path


def test_a_file_is_uploaded_offered_to_a_search_and_removed(
    window: Window, house: House, tmp_path: Path
) -> None:
    page = window.page
    window.tolerated = ("422",)  # a path that is not there
    page.get_by_role("link", name="New search").first.click()
    page.get_by_label("Images", exact=True).select_option(label="own images…")
    page.get_by_role("link", name="Upload them, or give them a name").click()

    card = page.get_by_role("region", name="Data sets", exact=True)
    rows = card.locator("tbody tr")
    expect(rows).to_have_count(5)
    found = house.client.get("datasets").json()["items"]
    assert rows.locator("th").all_inner_texts() == [one["name"] for one in found]
    expect(rows.first).to_contain_text("1,797")

    card.get_by_label("Name").fill("photos")
    card.get_by_label("Path on the server").fill("/no/such/place")
    card.get_by_role("button", name="Add").click()
    expect(card.get_by_role("alert")).to_have_text("/no/such/place: No such file or directory")
    card.get_by_label("or a .zip, .npz").set_input_files(photos(tmp_path / "photos.zip"))
    card.get_by_role("button", name="Add").click()
    row = rows.filter(has=page.get_by_role("rowheader", name="photos"))
    expect(row).to_contain_text("upload")
    expect(row).to_contain_text("ready")
    expect(card.get_by_label("Name")).to_have_value("")
    made = house.client.get("datasets/photos").json()
    assert (made["classes"], made["train"]) == (2, 12)

    page.get_by_role("link", name="Searches").first.click()
    page.get_by_role("link", name="New search").first.click()
    page.get_by_label("Images", exact=True).select_option("photos")
    expect(page.get_by_text("12 grey images of 8x8, 2 classes; uploaded")).to_be_visible()

    page.get_by_role("link", name="Settings").click()
    card.get_by_role("button", name="Remove photos").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(row).to_have_count(0)
    assert house.client.get("datasets/photos").status_code == 404
