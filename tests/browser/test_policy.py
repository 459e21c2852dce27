"""The page of a policy: certainties and probabilities as the API's pictures have them."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.browser.conftest import toy, until

if TYPE_CHECKING:
    from tests.browser.conftest import Window
    from tests.browser.house import House

PPO = {"name": "ppo", "options": {"batch": 4, "learning_rate": 0.05}}
COLOURED = """(canvas) => {
  const {data} = canvas.getContext("2d").getImageData(140, 10, canvas.width - 160, 60);
  const seen = new Set();
  for (let i = 0; i < data.length; i += 4) seen.add(`${data[i]} ${data[i + 1]} ${data[i + 2]}`);
  return seen.size;
}"""


def percent(share: float) -> str:
    return f"{100 * share:.0f}\u2009%"


def certainty(shares: list[int]) -> float:
    """Return 1 - H / Hmax of a picture's shares, which come in 255ths."""
    parts = [one / sum(shares) for one in shares if one]
    return 1 + sum(one * math.log(one) for one in parts) / math.log(len(shares))


def test_a_policy_is_a_map_of_certainties_and_lines_of_the_picked_decision(
    window: Window, house: House
) -> None:
    search = house.start(**toy("learned", trials=60, controller=PPO))
    house.wait(search, "finished")
    known = house.client.get(f"searches/{search}/policy").json()
    choices = known["choices"]
    page = window.page
    page.goto(f"{house.address}#/s/{search}")
    page.get_by_role("navigation").get_by_role("link", name="Policy").click()
    main = page.locator("main")
    expect(main).to_contain_text(f"{len(known['told']) * known['every']} updates")
    expect(main).to_contain_text(f"by {known['told'][-1]} results")
    heat = page.get_by_role("img", name=re.compile(f"^Certainty of {len(choices)} decisions"))
    until(
        page, lambda: heat.evaluate(COLOURED) > len(known["told"]) / 2
    )  # not one colour: the policy changed
    heat.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    chosen = choices[2]
    expect(page.get_by_role("combobox", name="Decision")).to_have_value("2")
    assert f"d={chosen['name']}" in page.url
    last = chosen["shares"][-1]
    likeliest = max(range(len(last)), key=lambda i: (last[i], -i))
    words = page.locator("figcaption")
    now = f"Now: {chosen['options'][likeliest]} {percent(last[likeliest] / sum(last))}"
    expect(words).to_contain_text(now)
    page.get_by_text("Decisions as a table").click()
    row = page.get_by_role("row").filter(has=page.get_by_role("button", name=chosen["name"]))
    expect(row).to_contain_text(percent(certainty(chosen["shares"][0])))
    expect(row.locator("td").nth(2)).to_have_text(percent(certainty(last)))
    expect(row).to_contain_text(chosen["options"][likeliest])
    heat.click(position={"x": 200, "y": 10})
    expect(page.get_by_role("combobox", name="Decision")).to_have_value("0")
    page.goto(f"{house.address}#/s/{search}/policy?d={choices[-1]['name']}")
    expect(page.get_by_role("combobox", name="Decision")).to_have_value(str(len(choices) - 1))


def test_without_a_picture_or_a_policy_the_page_says_which(window: Window, house: House) -> None:
    search = house.start(**toy("no picture", trials=2, controller=PPO))
    page = window.page
    page.goto(f"{house.address}#/s/{search}/policy")  # of two results none is made
    expect(page.locator("main")).to_contain_text("no picture yet")
    other = house.start(**toy("at random", trials=1, controller={"name": "random", "options": {}}))
    page.goto(f"{house.address}#/s/{other}/policy")
    expect(page.locator("main")).to_contain_text("The controller random has no policy")
    nav = page.get_by_role("navigation")
    expect(nav.get_by_role("link", name="Operations")).to_be_visible()
    expect(nav.get_by_role("link", name="Policy")).to_have_count(0)
