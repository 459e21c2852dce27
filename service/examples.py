"""Examples for OpenAPI: parameters by name, and requests with their real answers, on record.

``tools/api_examples.py`` writes the record from a service of its own; a test holds it against the
schemas. Long lists, texts and objects are cut short in it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RECORD = Path(__file__).with_name("examples.json")
JSON = "application/json"
PARAMETERS: dict[str, Any] = {
    "after": "WzE3NjQ0NjA4MDAwMDAwMDAsICI0ZjFjMmE5MGQzIl0",
    "cell": "normal",
    "deleted": False,
    "epochs": 20,
    "filter": "accuracy>0.9 and params<4e6 and state=done",
    "finetune_id": "b31f0c77e2",
    "idempotency-key": "7c1d0f3e-2a54-4d0c-9a57-0b1f6f1d2c11",
    "last-event-id": "4711",
    "limit": 50,
    "measure": False,
    "model_id": "4f1c2a90d3",
    "name": "flowers",
    "number": 7,
    "objectives": "accuracy,-params",
    "pattern": "resnet*",
    "search": "716b8966b5",
    "search_id": "716b8966b5",
    "searches": "716b8966b5,308f85522d",
    "since": 4711,
    "size": 32,
    "sort": "-reward",
    "state": "done",
    "tail": 500,
    "token_id": "1f2e3d4c",
    "top": 10,
    "trial": 7,
}
# Where a name means something else.
ELSEWHERE: dict[tuple[str, str], Any] = {
    ("/api/v1/events", "after"): 4711,
    ("/api/v1/searches", "name"): "cifar*",
    ("/api/v1/searches", "state"): "running",
    ("/api/v1/searches/{search_id}/history", "after"): 99,
    ("/api/v1/searches/{search_id}/history", "limit"): 10_000,
    ("/api/v1/zoo/{name}", "name"): "resnet50",
    ("/api/v1/models/{model_id}/files/{name}", "name"): "model.py",
}


def add(schema: dict[str, Any]) -> None:
    """Put the examples into an OpenAPI document that has none of its own."""
    recorded = json.loads(RECORD.read_text(encoding="utf-8"))
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            for parameter in operation.get("parameters", ()):
                name = parameter["name"]
                found = ELSEWHERE.get((path, name), PARAMETERS.get(name))
                if found is not None:
                    parameter["example"] = found
            known = recorded.get(f"{method} {path}", {})
            if "request" in known:
                operation["requestBody"]["content"][JSON]["example"] = known["request"]
            if "answer" in known:
                content = operation["responses"][known["status"]]["content"]
                content[JSON]["example"] = known["answer"]
