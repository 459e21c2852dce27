"""Finals and audits on the page: asked for, followed live, stopped, failed, and as served."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect
from sqlalchemy import select, update

from nas.honesty.audit import Audited, summarise
from service import auditlog
from service.db import Database
from service.settings import Settings
from service.tables import search as searches
from tests.browser.conftest import toy
from tests.browser.test_honesty import THIN, card, percent, points, show
from tests.browser.test_looks import PICTURES, SIZES, overflow, small_targets, violations

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Locator

    from tests.browser.conftest import Opener, Window
    from tests.browser.house import House


@pytest.fixture(scope="module")
def trained(house: House) -> dict[str, Any]:
    """Return the finals of the search on images, trained with two seeds."""
    house.wait(house.digits, "finished")
    nas = Path(sys.executable).with_name("nas")
    words = ["--home", str(house.home), "finals", house.digits, "--top", "2", "--seeds", "2"]
    subprocess.run(
        [nas, *words, "--epochs", "1"], check=True, capture_output=True, env=dict(os.environ)
    )
    answer = house.client.get(f"searches/{house.digits}/finals", params={"top": 2, "epochs": 1})
    return dict(answer.json())


@pytest.fixture(scope="module")
def small(house: House) -> dict[str, Any]:
    """Return a finished search on images whose networks train in a moment."""
    spec = toy(
        "small",
        trials=3,
        evaluator={
            "name": "trained",
            "options": {"recipe": {"epochs": 1}, "scale": {"filters": 4}},
        },
        data={"source": "digits", "train_images": 200, "test_images": 50},
    )
    return house.wait(house.start(**spec), "finished")


@pytest.fixture
def database(house: House) -> Iterator[Database]:
    """Return the database of the service that runs."""
    with Database.open(Settings.load(home=house.home)) as opened:
        yield opened


def ask(box: Locator, *, top: int, seeds: int, epochs: int) -> None:
    """Fill in the card and press its button."""
    box.get_by_label("Best").select_option(str(top))
    box.get_by_label("Epochs").fill(str(epochs))
    box.get_by_label("Epochs").press("Tab")
    expect(box).to_contain_text(f"--epochs {epochs}")
    box.get_by_label("Seeds").fill(str(seeds))
    box.get_by_role("button", name="Train finals").click()


def served(house: House, search: str, **query: int) -> dict[str, Any]:
    return dict(house.client.get(f"searches/{search}/finals", params=query).json())


def test_finals_are_asked_for_and_followed_to_their_end_by_events_alone(
    window: Window, house: House, small: dict[str, Any]
) -> None:
    page = window.page
    show(page, house, small["id"])
    box = card(page, "Finals")
    ask(box, top=1, seeds=2, epochs=20)
    bar = box.get_by_role("progressbar")
    expect(bar).to_have_attribute("max", "2")
    expect(box.get_by_role("button", name="Train finals")).to_have_count(0)
    expect(box.locator(".state")).to_have_text("running")
    expect(box).to_contain_text(re.compile(r"Trial #\d+, seed \d: epoch \d+ of 20"))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    expect(box.get_by_role("button", name="Train finals")).to_be_visible()
    expect(bar).to_have_count(0)
    assert any("/finals?" in url for url in asked)  # it was told to look, and looked
    found = served(house, small["id"], top=1, epochs=20)
    assert (found["round"]["state"], found["round"]["done"]) == ("done", 2)
    rows = box.locator("tbody tr")
    expect(rows).to_have_count(1)
    for row, one in zip(rows.all(), found["finalists"], strict=True):
        expect(row).to_contain_text(f"{percent(one['mean'])} ± {percent(one['spread'])}")
    # What there is at other epochs is one press away.
    box.get_by_label("Epochs").fill("21")
    box.get_by_label("Epochs").press("Tab")
    expect(box).to_contain_text("Not trained yet at 21 epochs")
    box.get_by_role("button", name="20 epochs").click()
    expect(rows).to_have_count(1)


def test_finals_that_train_can_be_stopped_and_what_the_service_refuses_is_said(
    window: Window, house: House, small: dict[str, Any]
) -> None:
    window.tolerated = ("409", "422")
    page = window.page
    show(page, house, small["id"])
    box = card(page, "Finals")
    ask(box, top=2, seeds=51, epochs=5000)
    expect(box.get_by_role("alert")).to_contain_text("50")
    box.get_by_label("Seeds").fill("5")
    box.get_by_role("button", name="Train finals").click()
    expect(box.locator(".state")).to_have_text("running")
    page.reload()
    box.get_by_role("button", name="Stop the finals").click()
    expect(box.locator(".state")).to_have_text("stopped")
    expect(box).to_contain_text("after 0 of 10 trainings at 5,000 epochs; what is trained is kept")
    assert served(house, small["id"])["round"]["state"] == "stopped"


def test_finals_that_fail_say_why_for_all_and_for_each(
    window: Window, house: House, small: dict[str, Any], database: Database
) -> None:
    with database.write() as connection:
        mine = searches.c.id == small["id"]
        spec = connection.execute(select(searches.c.spec).where(mine)).scalar_one()
        # Each step makes the weights nine times larger.
        wild = {"learning_rate": 10, "weight_decay": 1, "grad_clip": 0, "batch_size": 8}
        spec["evaluator"]["options"]["recipe"] |= wild
        connection.execute(update(searches).where(mine).values(spec=spec))
    page = window.page
    show(page, house, small["id"])
    box = card(page, "Finals")
    ask(box, top=1, seeds=2, epochs=6)
    expect(box.locator(".notice-bad")).to_contain_text(
        "all 2 trainings failed, the first: diverged"
    )
    found = served(house, small["id"], top=1, epochs=6)
    failures = found["finalists"][0]["failures"]
    assert list(failures) == ["0", "1"]
    for seed, why in failures.items():
        expect(box.locator(".notice-warn")).to_contain_text(
            f"Trial #{found['finalists'][0]['trial']}, seed {seed}: {why}"
        )
    expect(box).to_contain_text("None has ended well.")
    assert violations(page) == []


def audited(count: int) -> Any:
    """Return an audit of ``count`` architectures in which the short scores rank."""
    rows = [Audited((i,), 10.0 * i, (i / 20, i / 20 + 0.01), (i / 10,) * 2) for i in range(count)]
    return summarise(rows)


def test_the_audit_is_that_of_the_service_with_its_warning(
    window: Window, house: House, database: Database
) -> None:
    page, search = window.page, house.digits
    show(page, house, search)
    box = card(page, "Does the score rank?")
    expect(box.locator("code")).to_have_text(f"nas audit --search {search}")
    for count, words in ((3, "1.00 to +1.00"), (10, None)):
        spec = auditlog.spec_of(database, search)
        kept = auditlog.keep(database, spec, audited(count), 2, 12)
        assert house.client.get(f"searches/{search}/audit").json()["id"] == kept.id
        page.reload()
        interval = words or f"{kept.low:+.2f} to {kept.high:+.2f}"
        expect(box).to_contain_text(f"Kendall's tau +1.00, 95{THIN}% interval")
        expect(box).to_contain_text(
            f"{interval}: 2 epochs against 12, {count} architectures, 2 seeds."
        )
        noise, spread = percent(kept.noise or 0), percent(kept.spread)
        expect(box).to_contain_text(f"{noise} between seeds and by {spread} between architectures")
        warned = box.locator(".notice-warn")
        if kept.warning:
            expect(warned).to_contain_text(kept.warning)
        else:
            expect(warned).to_have_count(0)
    assert not kept.warning  # the second has none: both were seen


def test_a_search_whose_trials_train_nothing_has_no_audit(window: Window, house: House) -> None:
    show(window.page, house, house.moody)
    expect(card(window.page, "Does the score rank?")).to_have_count(0)


def test_the_finals_are_those_of_the_service(
    window: Window, house: House, trained: dict[str, Any]
) -> None:
    page = window.page
    show(page, house, house.digits)
    box = card(page, "Finals")
    box.get_by_label("Best").select_option("2")
    rows = box.locator("tbody tr")
    expect(rows).to_have_count(len(trained["finalists"]))
    for place, one in enumerate(trained["finalists"]):
        cells = rows.nth(place).locator("td, th").all_inner_texts()
        assert cells == [
            str(place + 1),
            f"#{one['trial']}",
            percent(one["selection"]),
            str(trained["epochs"]),
            str(len(one["tests"])),
            f"{percent(one['mean'])} ± {percent(one['spread'])}",
            points(one["mean"] - one["selection"]),
        ]
    before, after = trained["lead_before"], trained["lead_after"]
    expect(box).to_contain_text(f"by {points(before)} in the search and by {points(after)} ±")
    expect(box).to_contain_text(f"its lead {'shrank' if before >= after else 'grew'} by")


def test_finals_that_were_not_trained_or_not_all_say_what_to_do(
    window: Window, house: House, trained: dict[str, Any]
) -> None:
    page = window.page
    show(page, house, house.digits)
    box = card(page, "Finals")
    box.get_by_label("Best").select_option("3")
    expect(box).to_contain_text("Some trainings are missing")
    expect(box.locator("tbody tr")).to_have_count(3)
    box.get_by_label("Epochs").fill("7")
    box.get_by_label("Epochs").press("Tab")
    expect(box).to_contain_text("Not trained yet at 7 epochs")
    command = f"nas finals {trained['search']} --top 3 --seeds 3 --epochs 7"
    expect(box.locator("code")).to_have_text(command)
    expect(box.locator("table")).to_have_count(0)


def test_finals_that_cannot_be_read_say_why(
    window: Window, house: House, trained: dict[str, Any]
) -> None:
    window.tolerated = ("500",)
    page = window.page
    problem = '{"title": "broken", "detail": "the disk is gone"}'
    page.route(
        re.compile(r"/finals\?"),
        lambda route: route.fulfill(status=500, body=problem, content_type="application/json"),
    )
    show(page, house, trained["search"])
    alert = card(page, "Finals").get_by_role("alert")
    expect(alert).to_contain_text("the disk is gone")
    page.unroute_all()
    alert.get_by_role("button", name="Try again").click()
    expect(card(page, "Finals").locator("tbody tr")).not_to_have_count(0)


@pytest.mark.parametrize("size", list(SIZES))
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_it_looks_like_is_accessible_and_fits(
    opener: Opener,
    house: House,
    trained: dict[str, Any],
    small: dict[str, Any],
    theme: str,
    size: str,
) -> None:
    page = opener(viewport=SIZES[size], color_scheme=theme).page
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.goto(house.link)
    page.get_by_role("heading", name="Searches").wait_for()
    for name, search in {"trained": trained["search"], "small": small["id"]}.items():
        show(page, house, search)
        page.screenshot(path=PICTURES / f"finals-{name}-{theme}-{size}.png", full_page=True)
        assert violations(page) == []
        assert overflow(page) <= 0
        assert small_targets(page) == []
