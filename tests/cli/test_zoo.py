"""``nas zoo`` on the command line: what a list and a network say."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from service.cli import app


def nas(*arguments: str) -> str:
    out = CliRunner().invoke(app, ["zoo", *arguments])
    assert out.exit_code == 0, out.output
    return out.stdout  # not what it says of its progress


def test_a_list_gives_year_idea_costs_and_the_papers_training():
    items = json.loads(nas("list", "resnet50*", "--json"))["items"]
    assert [item["name"] for item in items] == ["resnet50", "resnet50_v15"]
    first, again = items
    assert first["year"] == 2015
    assert first["params"] == again["params"] == 25_557_032
    assert (first["madds"], again["madds"]) == (3_857_973_248, 4_089_184_256)
    assert first["recipe"]["weight_decay"] == 1e-4
    assert first["paper"]["top1"] == 75.3
    assert first["idea"]


def test_a_network_is_shown_layer_by_layer():
    data = json.loads(nas("show", "vgg16", "--json"))
    convs = [layer for layer in data["layers"] if layer["kind"] == "Conv2d"]
    assert len(convs) == 13
    assert convs[0]["output"] == [64, 224, 224]
    assert [layer["receptive_field"][0] for layer in convs[:4]] == [3, 5, 10, 14]
    assert sum(layer["params"] for layer in data["layers"]) == 138_357_544
    # The table of the lecture, with the image and without the pool that changes nothing at 7x7.
    image, pool = 3 * 224 * 224, 512 * 7 * 7
    memory = sum(layer["memory_bytes"] for layer in data["layers"]) // 4
    assert memory + image - pool == 15_237_608


def test_a_network_is_shown_in_words_with_its_source():
    text = nas("show", "vgg16")
    assert "Simonyan, Zisserman" in text
    assert "138,357,544" in text
    assert "212x212" in text
    assert "weight decay 0.0005" in text


def test_another_size_is_shown_and_one_too_small_is_refused():
    data = json.loads(nas("show", "resnet50", "--size", "32", "--json"))
    assert (data["height"], data["width"]) == (32, 32)
    assert data["layers"][0]["output"] == [64, 32, 32]
    out = CliRunner().invoke(app, ["zoo", "show", "alexnet", "--size", "32"])
    assert out.exit_code != 0
    assert "images of 32x32 (allowed: 63x63 or more)" in out.stderr + str(out.exception)


def test_a_pattern_that_no_name_fits_is_one_clear_line():
    out = CliRunner().invoke(app, ["zoo", "list", "vgg17*"])
    assert out.exit_code == 2
    assert (
        out.stderr
        == "error: pattern: no network is called 'vgg17*' (allowed: nas zoo list shows all)\n"
    )
    assert json.loads(nas("list", "vgg17*", "--json")) == {"items": []}


def test_the_rows_of_the_docs_can_be_printed():
    row = nas("list", "vgg16", "--markdown").strip()
    assert row == (
        "| `vgg16` | VGG-16 | 2014 | 224 | 138,357,544 | 15,470.3M | 138.4M | 15.47B | 71.592 |"
    )
