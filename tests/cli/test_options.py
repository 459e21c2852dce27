"""Options of nas search and the description they make."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from nas.spec import SearchSpec
from service.cli.options import FLAGS, OPTION_MODELS, build_spec, option_of, parameters
from service.errors import UserError


def test_no_option_gives_the_default_description():
    assert build_spec({}, None, []) == SearchSpec()


@pytest.mark.parametrize(
    ("name", "value", "path"),
    [
        ("trials", 7, "limits.trials"),
        ("hours", 0.5, "limits.hours"),
        ("workers", 3, "execution.workers"),
        ("executor", "local", "execution.executor"),
        ("gpus_per_trial", 0.25, "execution.gpus_per_trial"),
        ("trial_timeout", 60.0, "execution.trial_timeout_seconds"),
        ("image_size", 16, "data.image_size"),
        ("final_epochs", 0, "final.epochs"),
        ("seed", 11, "seed"),
        ("name", "mine", "name"),
        ("ordered", True, "ordered"),
    ],
)
def test_an_option_lands_where_its_table_says(name, value, path):
    found = build_spec({name: value}, None, []).model_dump()
    for part in path.split("."):
        found = found[part]
    assert found == value


def test_training_options_become_options_of_the_evaluator():
    spec = build_spec({"epochs": 2, "cells": 3, "filters": 8}, None, [])
    assert spec.evaluator.name == "trained"
    assert spec.evaluator.options == {
        "recipe": {"epochs": 2},
        "scale": {"cells": 3, "filters": 8},
    }


def test_every_option_belongs_to_a_field_and_says_what_it_does():
    assert len({flag.option for flag in FLAGS}) == len(FLAGS)
    for flag, parameter in zip(FLAGS, parameters(), strict=True):
        parent = flag.path.rpartition(".")[0]
        if parent not in OPTION_MODELS:
            build_spec({}, None, [])  # the default holds every part
            value = SearchSpec().model_dump()
            for part in flag.path.split("."):
                assert part in value, flag.path
                value = value[part]
        assert len(parameter.annotation.__metadata__[0].help) > 5


def test_options_go_on_top_of_a_file_and_settings_on_top_of_both(tmp_path):
    file = tmp_path / "search.json"
    file.write_text(json.dumps({"name": "file", "seed": 1, "limits": {"trials": 5, "hours": 2}}))
    spec = build_spec({"seed": 2, "trials": 6}, file, ["limits.trials=7", "name=set"])
    assert (spec.name, spec.seed, spec.limits.trials, spec.limits.hours) == ("set", 2, 7, 2)


def test_a_toml_file_with_bare_names_is_read(tmp_path):
    file = tmp_path / "search.toml"
    file.write_text(
        'space = "toy"\nevaluator = {name = "toy", options = {seconds = 0.5}}\n'
        "[limits]\ntrials = 3\n"
    )
    spec = build_spec({}, file, ["evaluator.options.seconds=0.25"])
    assert (spec.space.name, spec.evaluator.name) == ("toy", "toy")
    assert spec.evaluator.options == {"seconds": 0.25}
    assert spec.limits.trials == 3


def test_another_name_drops_the_options_of_the_old_one_and_the_same_name_keeps_them(tmp_path):
    file = tmp_path / "search.json"
    file.write_text(json.dumps({"space": {"name": "nasnet", "options": {"blocks": 3}}}))
    assert build_spec({"space": "toy"}, file, []).space.options == {}
    assert build_spec({"space": "nasnet"}, file, []).space.options == {"blocks": 3}


def test_a_setting_is_json_where_it_can_be_and_text_where_not():
    spec = build_spec({}, None, ["space.options.blocks=3", "data.source=photos 1.zip"])
    assert spec.space.options == {"blocks": 3}
    assert spec.data is not None
    assert spec.data.source == "photos 1.zip"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["trials"], "PATH=VALUE"),
        (["=3"], "PATH=VALUE"),
        (["name.first=3"], "name is"),
    ],
)
def test_a_setting_that_is_none_is_refused(settings, words, tmp_path):
    file = tmp_path / "search.json"
    file.write_text('{"name": "x"}')
    with pytest.raises(UserError, match=words):
        build_spec({}, file, settings)


@pytest.mark.parametrize("text", ["{", "[]", "3", "\x00"])
def test_a_file_that_is_no_description_is_refused(text, tmp_path):
    file = tmp_path / "search.json"
    file.write_text(text)
    with pytest.raises(UserError, match=r"search\.json"):
        build_spec({}, file, [])


def test_a_wrong_value_is_found_by_the_description_itself():
    with pytest.raises(ValidationError):
        build_spec({"trials": 0}, None, [])
    assert option_of("limits.trials") == "--trials"
    assert option_of("evaluator.options.recipe.epochs") == "--epochs"
    assert option_of("objective.floor") == "objective.floor"
