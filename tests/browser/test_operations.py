"""The page of operations: shares and lifts as the API has them, for the number that is chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Locator

    from tests.browser.conftest import Window
    from tests.browser.house import House


def rows(table: Locator) -> dict[str, list[str]]:
    """Return the numbers of each operation: of the best, of all, the lift."""
    return {
        row.get_by_role("rowheader").inner_text().strip(): row.locator(".number").all_inner_texts()
        for row in table.locator("tbody tr").all()
    }


def wanted(items: list[dict[str, Any]], cell: str) -> dict[str, list[str]]:
    return {
        item["label"]: [
            f"{100 * item['top']:.1f}\u2009%",
            f"{100 * item['all']:.1f}\u2009%",
            f"{item['top'] / item['all']:.2f} ×",
        ]
        for item in items
        if item["cell"] == cell
    }


def test_operations_of_the_best_stand_beside_those_of_all(window: Window, house: House) -> None:
    house.wait(house.digits, "finished")
    page = window.page
    page.goto(f"{house.address}#/s/{house.digits}/ops")
    for top in (2, 3):  # the usual number of six trials, and another
        page.get_by_label("Best").select_option(str(top))
        expect(page.locator("main")).to_contain_text(f"in the best {top} of")
        known = house.client.get(f"searches/{house.digits}/operations?top={top}").json()
        assert {item["cell"] for item in known["items"]} == {"normal", "reduction"}
        for cell in ("normal", "reduction"):
            table = page.get_by_role("region", name=f"Operations of the {cell} cell")
            assert rows(table) == wanted(known["items"], cell)
            gains = [i["top"] - i["all"] for i in known["items"] if i["cell"] == cell]
            first = table.locator("tbody tr").first.get_by_role("rowheader").inner_text().strip()
            assert max(gains) == next(
                i["top"] - i["all"]
                for i in known["items"]
                if (i["cell"], i["label"]) == (cell, first)
            )
            sentence = page.get_by_role("region", name=f"{cell.capitalize()} cell", exact=True)
            expect(sentence.locator("p")).to_contain_text(f"best {top} favour {first}")
    assert "top=3" in page.url
    bars = page.get_by_role("region", name="Operations of the normal cell").locator(".bar")
    widths = [bar.bounding_box()["width"] for bar in bars.all()[:2]]  # type: ignore[index]
    assert widths[0] > widths[1] >= 0  # the first row is the operation that the best favour most


def test_of_fewer_than_three_architectures_nothing_is_said(window: Window, house: House) -> None:
    search = house.note("no operations yet")
    page = window.page
    page.goto(f"{house.address}#/s/{search}/ops")
    expect(page.locator("main")).to_contain_text("This takes 3 different architectures")
    expect(page.locator("main")).to_contain_text("there are 0 so far")
