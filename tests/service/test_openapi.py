"""The published contract: it is what it was, and the service keeps it under generated requests."""

from __future__ import annotations

import json
import re

from jsonschema import Draft202012Validator

from tests.conftest import ROOT

WHOLE = ("ModelList", "DatasetList", "TokenList", "NetworkList")  # there is one page only
GOLDEN = ROOT / "tests" / "golden" / "openapi.json"


def test_the_published_api_is_the_golden_one(anonymous, request):
    text = json.dumps(anonymous.app.openapi(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    if request.config.getoption("--update-golden"):
        GOLDEN.write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8"), (
        "the API has changed: if that is meant, run pytest --update-golden and review the diff"
    )


def test_every_operation_documents_its_errors_in_the_one_shape(anonymous):
    schema = anonymous.app.openapi()
    problem = {"$ref": "#/components/schemas/Problem"}
    for path, operations in schema["paths"].items():
        for verb, operation in operations.items():
            errors = {code: r for code, r in operation["responses"].items() if code >= "400"}
            assert {"401", "422", "500"} <= set(errors), (verb, path)
            for answer in errors.values():
                assert answer["content"] == {"application/problem+json": {"schema": problem}}
            assert operation["summary"]
            assert operation["description"], (verb, path)


def parts(content: dict) -> list[dict]:
    """Return what speaks JSON of a request or an answer, with its schema and its example."""
    return [content["application/json"]] if content.get("application/json") else []


def test_every_parameter_request_and_answer_has_an_example_that_is_one(anonymous):
    document = anonymous.app.openapi()
    checked = 0
    for path, operations in document["paths"].items():
        for verb, operation in operations.items():
            found = list(operation.get("parameters", ()))
            found += parts(operation.get("requestBody", {}).get("content", {}))
            for code, answer in operation["responses"].items():
                if code.startswith("2"):
                    found += parts(answer.get("content", {}))
            for one in found:
                where = (verb, path, one.get("name", "body"))
                assert "example" in one, f"{where}: run tools/api_examples.py"
                schema = one["schema"] | {"components": document["components"]}
                Draft202012Validator(schema).validate(one["example"])
                checked += 1
    assert checked > 120


def test_no_example_tells_a_token_or_a_folder(anonymous):
    text = json.dumps(anonymous.app.openapi())
    assert set(re.findall(r"nas_[0-9a-f]{8}_(\w+)", text)) == {"x" * 43}
    assert "/tmp" not in text


def test_names_in_the_api_are_the_same_in_all_places(anonymous):
    schema = anonymous.app.openapi()
    for path in schema["paths"]:
        assert path in {"/healthz", "/readyz", "/metrics"} or path.startswith("/api/v1/")
        assert not path.endswith("/")
    for page in ("SearchPage", "TrialPage", "FinetunePage", *WHOLE):
        assert set(schema["components"]["schemas"][page]["properties"]) == {"items", "next"}
    for page in WHOLE:
        assert schema["components"]["schemas"][page]["properties"]["next"]["type"] == "null"
