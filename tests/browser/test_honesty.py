"""What the page says of whether a search did anything: always what the service says of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import MOODY, toy, until
from tests.browser.test_looks import PICTURES, SIZES, overflow, small_targets, violations

if TYPE_CHECKING:
    from playwright.sync_api import Locator

    from tests.browser.conftest import Opener, Window
    from tests.browser.house import House

PAINTED = "(canvas) => canvas.width !== 300"  # 300 until its first painting, by the standard
THIN = "\u2009"
INLINE: dict[str, Any] = {"execution": {"executor": "inline"}}
FRONT: dict[str, Any] = {"objective": {"pareto": ["-params", "-loss"]}}


@pytest.fixture(scope="module")
def both(house: House) -> dict[str, Any]:
    """Return a finished search with a random arm."""
    evolution = {"name": "evolution", "options": {"population": 10, "sample": 5}}
    spec = toy("both arms", trials=80, control_fraction=0.3, controller=evolution, seed=2)
    return house.wait(house.start(**spec), "finished")


@pytest.fixture(scope="module")
def front(house: House) -> str:
    """Return a finished search with three objectives."""
    search = house.start(**toy("objectives", trials=40, **MOODY, **FRONT))
    house.wait(search, "finished")
    return search


def card(page: Page, title: str) -> Locator:
    return page.get_by_role("region", name=title, exact=True)


def show(page: Page, house: House, search: str) -> None:
    page.goto(f"{house.address}#/s/{search}")
    expect(page.get_by_role("heading", name="Top trials")).to_be_visible()
    expect(page.locator(".skeleton, .holding")).to_have_count(0)
    until(page, lambda: all(canvas.evaluate(PAINTED) for canvas in page.locator("canvas").all()))


def points(value: float) -> str:
    return f"{'−' if value < 0 else '+'}{abs(100 * value):.2f}{THIN}points"


def percent(value: float) -> str:
    return f"{100 * value:.2f}{THIN}%"


def test_the_verdict_and_its_numbers_are_those_of_the_service(
    window: Window, house: House, both: dict[str, Any]
) -> None:
    page, lift = window.page, both["lift"]
    assert lift["low"] is not None
    show(page, house, both["id"])
    verdict = card(page, "Better than random?")
    expect(verdict.locator(".state")).to_have_text(lift["verdict"])
    history = house.client.get(f"searches/{both['id']}/history").json()
    arms = [
        sum(a == arm and s == "done" for a, s in zip(history["arm"], history["state"], strict=True))
        for arm in ("search", "random")
    ]
    assert min(arms) > 10
    for words in (
        f"Lift {points(lift['difference'])}, 99{THIN}% interval "
        f"{points(lift['low'])} to {points(lift['high'])}.",
        f"{percent(lift['search_mean'])} of {lift['searched']} architectures",
        f"{percent(lift['random_mean'])} of {lift['random']} random",
        f"{arms[0]} trials of the controller, {arms[1]} random",
    ):
        expect(verdict).to_contain_text(words)
    for arm, words in (("search", "Proposed by the controller"), ("random", "Drawn at random")):
        trials = zip(history["number"], history["arm"], strict=True)
        number = next(one for one, other in trials if other == arm)
        page.goto(f"{house.address}#/s/{both['id']}/trials/{number}")
        expect(card(page, "Came from")).to_contain_text(words)


@pytest.fixture(scope="module")
def worse(house: House) -> dict[str, Any]:
    """Return a finished search whose controller does worse than chance."""
    contrary = {"name": "contrary", "options": {}}
    spec = toy("contrary", trials=80, control_fraction=0.3, controller=contrary, seed=5, **INLINE)
    return house.wait(house.start(**spec), "finished")


@pytest.fixture(scope="module")
def least(house: House) -> dict[str, Any]:
    """Return a finished search with a random arm in which less is better."""
    objective = {"metric": "loss", "minimise": True, "floor": -1.0}
    spec = toy(
        "least loss", trials=60, control_fraction=0.3, objective=objective, **MOODY, **INLINE
    )
    return house.wait(house.start(**spec), "finished")


def test_a_search_that_did_worse_than_chance_says_so(
    opener: Opener, house: House, worse: dict[str, Any]
) -> None:
    lift = worse["lift"]
    assert lift["verdict"] == "worse"
    assert lift["low"] <= lift["high"] < 0
    for theme in ("light", "dark"):
        page = opener(color_scheme=theme).page
        page.goto(house.link)
        page.get_by_role("heading", name="Searches").wait_for()
        show(page, house, worse["id"])
        verdict = card(page, "Better than random?")
        state = verdict.locator(".state")
        expect(state).to_have_text("worse")
        expect(state.locator("svg.icon-worse")).to_have_count(1)  # never by its colour alone
        failed = page.evaluate(
            """() => {
              const probe = document.body.appendChild(document.createElement("i"));
              probe.style.color = "var(--bad)";
              const colour = getComputedStyle(probe).color;
              probe.remove();
              return colour;
            }"""
        )
        assert state.evaluate("(one) => getComputedStyle(one).color") == failed
        for words in (
            f"Lift {points(lift['difference'])}, 99{THIN}% interval "
            f"{points(lift['low'])} to {points(lift['high'])}.",
            f"{percent(lift['search_mean'])} of {lift['searched']} architectures",
        ):
            expect(verdict).to_contain_text(words)
        assert lift["difference"] < 0
        assert violations(page) == []


def test_of_a_metric_that_is_minimised_the_page_shows_the_metric_itself(
    window: Window, house: House, least: dict[str, Any]
) -> None:
    page, lift = window.page, least["lift"]
    trials = house.client.get(
        f"searches/{least['id']}/trials", params={"sort": "-reward", "state": "done", "limit": 8}
    ).json()["items"]
    losses = [trial["metrics"]["loss"] for trial in trials]
    assert losses == sorted(losses)
    assert all(trial["reward"] == -trial["metrics"]["loss"] for trial in trials)
    show(page, house, least["id"])
    tile = page.locator(".tile").filter(has_text="Best loss")
    expect(tile.locator(".tile-value")).to_have_text(plain(losses[0]))
    rows = card(page, "Top trials").locator("tbody tr")
    expect(rows).to_have_count(len(trials))
    for row, loss in zip(rows.all(), losses, strict=True):
        expect(row.locator("b").first).to_have_text(plain(loss))
    verdict = card(page, "Better than random?")
    expect(verdict.locator(".state")).to_have_text(lift["verdict"])
    expect(verdict).to_contain_text("The lift is that of the reward: + is better.")
    for words in (
        f"Compared: mean loss {plain(-lift['search_mean'])} of {lift['searched']} architectures",
        f"{plain(-lift['random_mean'])} of {lift['random']} random",
        f"Lift {'−' if lift['difference'] < 0 else '+'}{plain(abs(lift['difference']))},",
    ):
        expect(verdict).to_contain_text(words)
    chart = card(page, "Reward").locator("canvas")
    expect(chart).to_have_attribute(
        "aria-label",
        re.compile(rf"the best loss went from \d.* to {re.escape(plain(losses[0]))} \("),
    )


def plain(value: float) -> str:
    """Return a number as the page shows it: four significant digits, no tail of zeros."""
    return f"{float(f'{value:.4g}'):.10g}"


def test_the_reward_chart_tells_the_arms_apart(
    window: Window, house: House, both: dict[str, Any]
) -> None:
    page = window.page
    show(page, house, both["id"])
    chart = card(page, "Reward")
    legend = chart.locator(".legend")
    expect(legend).to_contain_text("controller")
    expect(legend).to_contain_text("random, band: its middle half")
    colours = [
        chart.locator(f".key-{kind}").evaluate("(key) => getComputedStyle(key).color")
        for kind in ("dots", "crosses")
    ]
    assert colours[0] != colours[1]
    until(page, lambda: marks(page, colours[1]) > 50)
    show(page, house, house.moody)
    expect(page.locator(".key-dots")).to_have_count(1)
    expect(page.locator(".key-crosses")).to_have_count(0)
    until(page, lambda: marks(page, colours[1]) == 0)


def marks(page: Page, colour: str) -> int:
    """Return how many pixels of the reward chart have a colour."""
    wanted = [int(part) for part in re.findall(r"\d+", colour)[:3]]
    canvas = card(page, "Reward").locator("canvas")
    expect(canvas).to_be_visible()
    return int(
        canvas.evaluate(
            """(canvas, wanted) => {
              const pen = canvas.getContext("2d");
              const {data} = pen.getImageData(0, 0, canvas.width, canvas.height);
              let count = 0;
              for (let i = 0; i < data.length; i += 4) {
                const same = wanted.every((part, j) => data[i + j] === part);
                if (same && data[i + 3] === 255) count += 1;
              }
              return count;
            }""",
            wanted,
        )
    )


def test_without_a_random_arm_there_is_a_hint_and_no_verdict(window: Window, house: House) -> None:
    page = window.page
    show(page, house, house.moody)
    verdict = card(page, "Better than random?")
    expect(verdict).to_contain_text("--control-fraction 0.25")
    expect(verdict.locator(".state")).to_have_count(0)
    verdict.get_by_role("link").click()
    page.get_by_text("every option").click()
    expect(page.get_by_label("Control fraction", exact=True)).to_be_visible()


def test_with_too_few_trials_no_interval_is_shown(window: Window, house: House) -> None:
    page = window.page
    few = house.wait(house.start(**toy("few", trials=6, control_fraction=0.5, seed=4)), "finished")
    assert few["lift"]["low"] is None
    show(page, house, few["id"])
    verdict = card(page, "Better than random?")
    expect(verdict).to_contain_text("without an interval")
    expect(verdict.locator(".state")).to_have_text("not shown to be better")


def test_a_search_without_images_has_no_finals(window: Window, house: House) -> None:
    show(window.page, house, house.moody)
    expect(card(window.page, "Finals")).to_have_count(0)


def test_the_front_has_as_many_marked_points_as_the_service_gives(
    window: Window, house: House, front: str
) -> None:
    page = window.page
    show(page, house, front)
    box = card(page, "Pareto front")
    for across in ("-params", "-loss"):
        found = house.client.get(
            f"searches/{front}/pareto", params={"objectives": f"accuracy,{across}"}
        ).json()
        box.get_by_label("Across").select_option(across)
        number = len(found["front"])
        expect(box.locator("canvas")).to_have_attribute(
            "aria-label", re.compile(rf"^{found['measured']} trials, {number} on the Pareto front")
        )
        rows = box.locator("details tbody tr")
        expect(rows).to_have_count(number)
        assert numbers(rows) == {point["number"] for point in found["front"]}
        expect(box).to_contain_text("Hypervolume")
        text = re.search(r"Hypervolume ([\d.,e+-]+),", box.inner_text())
        assert text is not None
        assert float(text[1].replace(",", "")) == pytest.approx(found["hypervolume"], rel=1e-2)


CELLS = "(rows) => rows.map((row) => [...row.cells].map((cell) => cell.textContent).join('\\t'))"


def test_any_two_of_three_objectives_can_be_the_axes_but_never_one_twice(
    window: Window, house: House, front: str
) -> None:
    page = window.page
    show(page, house, front)
    box = card(page, "Pareto front")
    up, across = box.get_by_label("Up"), box.get_by_label("Across")
    names = ["accuracy", "-params", "-loss"]
    for picker in (up, across):
        assert (
            picker.locator("option").evaluate_all("(all) => all.map((one) => one.value)") == names
        )
    seen: list[set[int]] = []
    for y, x in (("accuracy", "-params"), ("accuracy", "-loss"), ("-params", "-loss")):
        up.select_option(y)
        across.select_option(x)
        expect(across.locator("option").nth(names.index(y))).to_be_disabled()
        found = house.client.get(
            f"searches/{front}/pareto", params={"objectives": f"{y},{x}"}
        ).json()
        rows = box.locator("details tbody tr")
        expect(rows).to_have_count(len(found["front"]))
        heads = box.locator("details thead th").evaluate_all(TEXTS)
        words = {"accuracy": "accuracy", "-params": "parameters", "-loss": "loss"}
        assert {words[y], words[x]} <= {head.lower() for head in heads}, heads
        wanted = {point["number"] for point in found["front"]}
        until(page, lambda rows=rows, wanted=wanted: numbers(rows) == wanted)
        seen.append(wanted)
        assert seen[-2:] != seen[-1:] * 2  # another front than before: the choice can be seen


def test_two_axes_chosen_before_the_page_draws_again_are_both_kept(
    window: Window, house: House, front: str
) -> None:
    """A choice must not be laid over the axes of the last drawing: the other would fall back."""
    show(window.page, house, front)
    box = card(window.page, "Pareto front")
    up, across = box.get_by_label("Up"), box.get_by_label("Across")
    box.evaluate(
        """(card) => {
            const [up, across] = card.querySelectorAll("select");
            for (const [picker, value] of [[across, "-loss"], [up, "-params"]]) {
                picker.value = value;
                picker.dispatchEvent(new Event("change", { bubbles: true }));
            }
        }"""
    )
    expect(up.locator("option:checked")).to_have_attribute("value", "-params")
    expect(across.locator("option:checked")).to_have_attribute("value", "-loss")
    expect(across.locator("option").nth(1)).to_be_disabled()


def numbers(rows: Locator) -> set[int]:
    """Return the numbers of the trials in a table."""
    return {int(row.split("\t")[0]) for row in rows.evaluate_all(CELLS)}


TEXTS = "(all) => all.map((one) => one.textContent)"


def test_a_point_of_the_front_opens_its_trial(window: Window, house: House, front: str) -> None:
    page = window.page
    show(page, house, front)
    canvas = card(page, "Pareto front").locator("canvas")
    canvas.focus()
    page.keyboard.press("ArrowRight")
    words = card(page, "Pareto front").locator("figcaption")
    expect(words).to_have_text(re.compile(r"^Trial \d+: accuracy "))
    number = re.findall(r"\d+", words.inner_text())[0]
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=f"Trial #{number}")).to_be_visible()


@pytest.mark.parametrize("size", list(SIZES))
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_it_looks_like_is_accessible_and_fits(
    opener: Opener,
    house: House,
    both: dict[str, Any],
    front: str,
    theme: str,
    size: str,
) -> None:
    page = opener(viewport=SIZES[size], color_scheme=theme).page
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.goto(house.link)
    page.get_by_role("heading", name="Searches").wait_for()
    shown = {"arms": both["id"], "front": front}
    for name, search in shown.items():
        show(page, house, search)
        page.screenshot(path=PICTURES / f"honesty-{name}-{theme}-{size}.png", full_page=True)
        assert violations(page) == []
        assert overflow(page) <= 0
        assert small_targets(page) == []
