"""The pure parts of the page, run in the browser and compared with plain Python."""

from __future__ import annotations

import ast
import json
import math
import random
import re
import shlex
from array import array
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from nas.spec import SearchSpec
from nas.trial import State
from service import bundle
from service.cli.options import FLAGS, build_spec
from service.course import ARMS, STATES, Course

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.conftest import Window
    from tests.browser.house import House

DASHBOARD = Path(bundle.__file__).parent / "dashboard"
EXPORTED = re.compile(r"^export (?:async )?(?:function|const|class) (\w+)", re.MULTILINE)


def call(page: Page, module: str, function: str, *args: Any) -> Any:
    """Return what a function of one of the page's modules gives for JSON arguments."""
    return page.evaluate(
        """async ([module, name, args]) => {
          const found = await import(new URL(`static/${module}`, document.baseURI));
          return found[name](...args);
        }""",
        [module, function, list(args)],
    )


@pytest.fixture
def page(window: Window) -> Page:
    return window.page


def test_no_module_exports_a_name_that_the_browser_has(page: Page) -> None:
    # All modules are one script: there such a name would stand in for the browser's everywhere.
    texts = (path.read_text("utf-8") for path in bundle.order(DASHBOARD / "app.js"))
    given = [name for text in texts for name in EXPORTED.findall(text)]
    assert {"get", "html", "useResource"} <= set(given)
    assert page.evaluate("(given) => given.filter((name) => name in globalThis)", given) == []


def test_the_pareto_front_is_what_comparing_all_pairs_finds(page: Page) -> None:
    random_numbers = random.Random(11)
    for size in (1, 2, 7, 60):
        # Few distinct values: equal costs and equal rewards must be met, not only imagined.
        points = [
            {"x": random_numbers.randrange(12), "y": random_numbers.randrange(12)}
            for _ in range(size)
        ]
        found = {
            (points[i]["x"], points[i]["y"])
            for i in call(page, "charts/pareto.js", "front", points)
        }
        assert found == unbeaten({(point["x"], point["y"]) for point in points})


def unbeaten(points: set[tuple[int, int]]) -> set[tuple[int, int]]:
    """Return the points that no other equals or beats in both: smaller x, larger y."""
    return {(x, y) for x, y in points if not any(a <= x and b >= y for a, b in points - {(x, y)})}


def course(seq: int, since: int, number: list[int], told: dict[str, list[Any]]) -> list[int]:
    """Return columns as the service sends them; states are words."""
    made = Course(seq, since, array("i", number))
    made.reward = array("d", [math.nan if one is None else one for one in told["reward"]])
    made.state = bytearray(STATES.index(State(one)) for one in told["state"])
    made.arm = bytearray(ARMS.index(one) for one in told["arm"])
    made.figures = {
        name: array("d", [math.nan if one is None else one for one in values])
        for name, values in told.get("figures", {}).items()
    }
    return list(made.packed())


def evaluated(page: Page, script: str, *sent: list[int]) -> Any:
    """Return what a script gives of histories, ``of(0)`` and so on: arrays, and null for NaN."""
    return page.evaluate(
        """async (sent) => {
          const at = (name) => import(new URL(`static/${name}.js`, document.baseURI));
          const { merge, unpack } = await at("history");
          const { columns } = await at("charts/reward");
          const of = (i) => unpack(new Uint8Array(sent[i]).buffer);
          const none = (value) => (Number.isNaN(value) ? null : value);
          const plain = (one) => (ArrayBuffer.isView(one) ? Array.from(one, none) : one);
          const found = Object.entries(GIVEN);
          return Object.fromEntries(found.map(([name, value]) => [name, plain(value)]));
        }""".replace("GIVEN", script),
        list(sent),
    )


def test_the_curve_of_the_best_leaves_failed_and_unfinished_trials_out(page: Page) -> None:
    sent = course(
        9,
        0,
        [0, 1, 2, 3, 4],
        {
            "reward": [0.5, 0.0, 0.4, None, 0.7],
            "state": ["done", "failed", "done", "running", "done"],
            "arm": [None] * 5,
            "figures": {"baseline": [None, 0.2, 0.1, None, 0.3], "entropy": [None] * 5},
        },
    )
    columns = evaluated(page, "columns(of(0))", sent)
    assert columns["x"] == [0, 1, 2, 3, 4]
    assert columns["own"] == [0.5, None, 0.4, None, 0.7]
    assert columns["best"] == [0.5, 0.5, 0.5, 0.5, 0.7]
    assert columns["baseline"] == [None, 0.2, 0.1, None, 0.3]
    assert not columns["entropy"]
    assert columns["random"] is None
    assert (columns["done"], columns["steps"]) == (3, [[0, 0.5], [4, 0.7]])


def test_the_arms_of_a_history_are_two_rows_of_dots(page: Page) -> None:
    sent = course(
        9,
        0,
        [0, 1, 2],
        {"reward": [0.5, 0.6, 0.4], "state": ["done"] * 3, "arm": ["search", "random", "search"]},
    )
    columns = evaluated(page, "columns(of(0))", sent)
    assert columns["own"] == [0.5, None, 0.4]
    assert columns["random"] == [None, 0.6, None]


def test_what_has_changed_in_a_history_is_put_in_its_place(page: Page) -> None:
    before = course(
        5, 0, [0, 1], {"reward": [None, 0.2], "state": ["running", "done"], "arm": [None, None]}
    )
    after = course(
        8,
        5,
        [0, 2, 3],
        {
            "reward": [0.3, None, 0.9],
            "state": ["done", "pending", "failed"],
            "arm": ["search", "random", "search"],
            "figures": {"entropy": [1.5, None, None]},
        },
    )
    found = evaluated(page, "merge(of(0), of(1))", before, after)
    assert found["seq"] == 8
    assert found["number"] == [0, 1, 2, 3]
    assert found["reward"] == [0.3, 0.2, None, None]
    assert found["arm"] == [1, 0, 2, 1]
    assert found["figures.entropy"] == [1.5, None, None, None]
    last = course(9, 8, [2], {"reward": [0.1], "state": ["done"], "arm": ["random"]})
    found = evaluated(page, "merge(merge(of(0), of(1)), of(2))", before, after, last)
    assert found["reward"] == [0.3, 0.2, 0.1, None]
    assert found["figures.entropy"] == [1.5, None, None, None]


def test_ticks_are_round_and_inside(page: Page) -> None:
    random_numbers = random.Random(5)
    for _ in range(50):
        low = random_numbers.uniform(-5, 5) * 10 ** random_numbers.randrange(-3, 6)
        high = low + random_numbers.uniform(0.1, 9) * 10 ** random_numbers.randrange(-3, 6)
        ticks = call(page, "charts/plane.js", "ticks", low, high, 5)
        assert 1 <= len(ticks) <= 7
        slack = (high - low) * 1e-6
        assert low - slack <= ticks[0]
        assert ticks[-1] <= high + slack
        assert ticks == sorted(set(ticks))


def test_numbers_and_times_read_as_people_write_them(page: Page) -> None:
    thin = "\u2009"
    for function, value, text in [
        ("percent", 0.9531, f"95.31{thin}%"),
        ("large", 3_380_000, f"3.38{thin}M"),
        ("large", 539, "539"),
        ("duration", 4.21, f"4.2{thin}s"),
        ("duration", 200, f"3{thin}min 20{thin}s"),
        ("duration", 15_300, f"4{thin}h 15{thin}min"),
        ("duration", 3600, f"1{thin}h"),
        ("duration", 184_000, f"2{thin}d 3{thin}h"),
        ("count", 10_000, "10,000"),
        ("count", None, "–"),
        ("percent", None, "–"),
        ("bytes", 523_411, f"523{thin}kB"),
    ]:
        assert call(page, "format.js", function, value) == text


def test_an_address_that_no_view_has_is_lost_and_every_other_finds_its_view(page: Page) -> None:
    for address, name in [
        ("", "searches"),
        ("#/", "searches"),
        ("#/?state=done", "searches"),
        ("#/new?from=abc", "new"),
        ("#/s/abc", "overview"),
        ("#/s/abc/trials?sort=-reward", "trials"),
        ("#/s/abc/trials/12", "trial"),
        ("#/s/abc/trials/x", "lost"),
        ("#/s/abc/models", "models"),
        ("#/s/%E0%A4%A/config", "config"),
        ("#/nowhere", "lost"),
    ]:
        found = page.evaluate(
            """async (hash) => (await import(new URL("static/router.js", document.baseURI)))
              .parse(hash).name""",
            address,
        )
        assert found == name, address


def test_a_drawing_loses_whatever_could_run(window: Window) -> None:
    window.tolerated = ("Content Security Policy",)  # the second line of defence speaks as well
    page = window.page
    evil = (
        '<svg xmlns="http://www.w3.org/2000/svg" onload="hacked=1"><script>hacked=1</script>'
        '<a href="javascript:hacked=1"><text>x</text></a><rect style="fill:red" onclick="x()" '
        'width="3"/><foreignObject><b/></foreignObject></svg>'
    )
    markup = page.evaluate(
        """async (source) => (await import(new URL("static/cellview.js", document.baseURI)))
          .parseSvg(source).outerHTML""",
        evil,
    )
    for part in ("script", "onload", "onclick", "javascript", "style", "foreignObject"):
        assert part not in markup
    assert 'width="3"' in markup


CHANGES: list[dict[str, Any]] = [
    {},
    {"name": "it's mine; $HOME `x`", "limits": {"trials": 7, "hours": 1.5}, "seed": 12},
    {
        "space": {"name": "toy", "options": {}},
        "evaluator": {"name": "toy", "options": {"seconds": 0.5}},
        "data": None,
    },
    {
        "evaluator": {"name": "trained", "options": {"recipe": {"epochs": 9, "cutout": 2}}},
        "ordered": True,
    },
    {
        "execution": {"executor": "local", "workers": 4, "gpus_per_trial": 0.25},
        "data": {"source": "/a b/c.zip", "image_size": 32},
    },
]


@pytest.mark.parametrize("change", CHANGES, ids=["nothing", "basics", "toy", "recipe", "where"])
def test_the_command_line_that_the_page_writes_is_read_back_as_the_same_search(
    page: Page, house: House, change: dict[str, Any]
) -> None:
    catalog = house.client.get("catalog").json()
    spec = merged(catalog["defaults"], change)
    command = call(page, "form/command.js", "commandLine", spec, catalog["defaults"])
    words = shlex.split(command)
    assert words[:2] == ["nas", "search"]
    given, settings = options(words[2:])
    again = build_spec(given, None, settings).checked().model_dump(mode="json")
    wanted = SearchSpec.model_validate(spec).checked().model_dump(mode="json")
    assert json.dumps(again, sort_keys=True) == json.dumps(wanted, sort_keys=True)


@pytest.mark.parametrize("change", CHANGES, ids=["nothing", "basics", "toy", "recipe", "where"])
def test_the_python_that_the_page_writes_starts_the_same_search(
    page: Page, house: House, change: dict[str, Any]
) -> None:
    catalog = house.client.get("catalog").json()
    spec = merged(catalog["defaults"], change)
    code = call(page, "form/command.js", "pythonCode", spec, catalog["defaults"])
    _, begun, waited = ast.parse(code).body
    assert ast.unparse(waited) == "search.wait(progress=True)"
    assert isinstance(begun, ast.Assign)
    create = begun.value
    assert isinstance(create, ast.Call)
    assert ast.unparse(create.func) == f"Client('{house.address}').create"
    given = {str(word.arg): ast.literal_eval(word.value) for word in create.keywords}
    again = SearchSpec.model_validate(given).checked().model_dump(mode="json")
    wanted = SearchSpec.model_validate(spec).checked().model_dump(mode="json")
    assert json.dumps(again, sort_keys=True) == json.dumps(wanted, sort_keys=True)


def merged(base: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """Return ``base`` with ``change`` laid over it; another part brings only its own options."""
    out = dict(base)
    for key, value in change.items():
        old = base.get(key)
        other = isinstance(value, dict) and "name" in value and value["name"] != old["name"]
        out[key] = merged(old, value) if isinstance(value, dict) and old and not other else value
    return out


def options(words: list[str]) -> tuple[dict[str, Any], list[str]]:
    """Return the options of a command line as typer would hand them over."""
    kinds = {flag.option: flag for flag in FLAGS}
    given: dict[str, Any] = {}
    settings: list[str] = []
    rest = iter(words)
    for word in rest:
        if word == "--set":
            settings.append(next(rest))
        elif kinds[word].kind is bool:
            given[kinds[word].name] = True
        else:
            given[kinds[word].name] = kinds[word].kind(next(rest))
    return given, settings
