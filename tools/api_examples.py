"""Write service/examples.json: requests to a service of its own, and what it has answered.

``python tools/api_examples.py`` runs two small searches in a folder that is thrown away, asks every
route that speaks JSON, and keeps requests and answers, cut short. Run it when a route is new or its
answer has another shape; ``tests/service/test_openapi.py`` says so.
"""

from __future__ import annotations

import io
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from fastapi.testclient import TestClient

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from nas.spec import Part
from service import searches
from service.app import create_app
from service.auth import token_of
from service.db import Database
from service.examples import RECORD
from service.settings import Settings
from tests.service.making import digits_spec, run, toy_spec

ITEMS, KEYS, LETTERS = 2, 2, 160  # of a list, an object, a text, before it is cut
FREE = frozenset({"$defs", "properties", "schema"})  # objects that may lack some of their keys
TOKEN = "nas_1f2e3d4c_" + "x" * 43
SEARCH, TRIAL = "/api/v1/searches/{search_id}", "/api/v1/searches/{search_id}/trials/{number}"


class Recorder:
    """Asks a service, and keeps what was asked and answered."""

    def __init__(self, client: TestClient, places: dict[str, str]) -> None:
        """Ask by a client; ``places`` are folders of this machine, and what they are called."""
        self.client, self.places = client, places
        self.found: dict[str, dict[str, Any]] = {}

    def ask(
        self, method: str, path: str, body: Any = None, query: str = "", **names: object
    ) -> Any:
        """Send a request; return its answer in full."""
        place = path.format(**names) + query
        given = {"content": body} if isinstance(body, bytes) else {"json": body}
        answer = self.client.request(method, place, **(given if body is not None else {}))
        if not answer.is_success:
            raise SystemExit(f"{method} {place}: {answer.text}")
        kept: dict[str, Any] = {"status": str(answer.status_code)}
        if body is not None and not isinstance(body, bytes):
            kept["request"] = self._renamed(body)
        if answer.content:
            kept["answer"] = self._short(answer.json())
        self.found[f"{method.lower()} {path}"] = kept
        return answer.json() if answer.content else None

    def _short(self, value: Any, name: str = "") -> Any:
        if isinstance(value, dict):
            kept = list(value.items())[: KEYS if name in FREE else None]
            return {key: self._short(one, key) for key, one in kept}
        if isinstance(value, list):
            return [self._short(one) for one in value[:ITEMS]]
        if isinstance(value, str):
            value = self._renamed(TOKEN if name == "token" else value)
            return value if len(value) <= LETTERS else value[:LETTERS] + "..."
        return value

    def _renamed(self, value: Any) -> Any:
        """Return the same without what is of this machine alone."""
        text = json.dumps(value)
        for place, called in self.places.items():
            text = text.replace(place, called)
        return json.loads(text)


def arrays() -> bytes:
    """Return an .npz of a few images."""
    file = io.BytesIO()
    np.savez_compressed(file, x_train=np.zeros((24, 8, 8), np.uint8), y_train=np.arange(24) % 2)
    return file.getvalue()


def searched(recorder: Recorder, database: Database, first: str, other: str) -> None:
    """Ask everything about searches."""
    ask, here = recorder.ask, {"search_id": first}
    ask("GET", "/api/v1/searches", query="?limit=2")
    ask("GET", SEARCH, **here)
    ask("GET", "/api/v1/compare", query=f"?searches={first},{other}")
    ask("GET", f"{SEARCH}/trials", query="?sort=-reward&limit=2", **here)
    for what in ("", "/layers"):
        ask("GET", TRIAL + what, number=3, **here)
    for what in ("history", "lineage", "failures", "operations", "finals", "audit", "comparison"):
        ask("GET", f"{SEARCH}/{what}", **here)
    ask("GET", f"{SEARCH}/pareto", query="?objectives=accuracy,-params", **here)
    ask("GET", f"{SEARCH}/policy", search_id=other)
    ask("POST", f"{SEARCH}/models", {"trial": 3, "formats": ["onnx"]}, **here)
    ask("GET", f"{SEARCH}/models", **here)
    done = searches.view(database, first).models[-1].id
    ask("GET", "/api/v1/models/{model_id}", model_id=done)
    guess = {"arrays": [[[[0] * 8] * 8]]}
    ask("POST", "/api/v1/models/{model_id}/predict", guess, query="?top=2", model_id=done)
    ask("POST", f"{SEARCH}/finals", {"top": 2, "seeds": 2, "epochs": 1}, **here)
    ask("POST", f"{SEARCH}/finals/stop", **here)
    wanted = {"top": 1, "random": 1, "zoo": ["resnet20_cifar"], "epochs": 1}
    ask("POST", f"{SEARCH}/comparison", wanted, **here)
    ask("POST", f"{SEARCH}/comparison/stop", **here)
    tuned = ask("POST", "/api/v1/finetunes", {"model": done, "data": {"source": "digits"}})
    ask("GET", "/api/v1/finetunes")
    ask("GET", "/api/v1/finetunes/{finetune_id}", finetune_id=tuned["id"])
    ask("POST", "/api/v1/finetunes/{finetune_id}/stop", finetune_id=tuned["id"])


def wished(recorder: Recorder) -> None:
    """Ask what changes a search, of a new one."""
    ask = recorder.ask
    body = {
        "name": "flowers",
        "space": {"name": "nasnet"},
        "controller": {"name": "evolution", "options": {"population": 20}},
        "data": {"source": "digits", "train_images": 500},
        "limits": {"trials": 40},
        "execution": {"executor": "local", "workers": 2},
        "final": {"epochs": 20},
    }
    ask("POST", "/api/v1/estimate", body, query="?measure=false")
    made = {"search_id": ask("POST", "/api/v1/searches", body)["id"]}
    ask("PATCH", SEARCH, {"trials": 50, "workers": 4}, **made)
    for wish in ("pause", "resume"):
        ask("POST", f"{SEARCH}/{wish}", **made)
    ask("GET", "/api/v1/workers")
    ask("POST", f"{SEARCH}/stop", **made)
    ask("POST", f"{SEARCH}/clone", {"name": "longer", "limits": {"trials": 100}}, **made)
    ask("DELETE", SEARCH, **made)
    ask("POST", f"{SEARCH}/restore", **made)


def offered(recorder: Recorder, folder: Path, token: str) -> None:
    """Ask what the service offers, about data sets, tokens and sessions."""
    ask, named = recorder.ask, {"name": "flowers"}
    for path in ("/healthz", "/readyz", "/api/v1/health", "/api/v1/meta", "/api/v1/catalog"):
        ask("GET", path)
    ask("GET", "/api/v1/zoo", query="?pattern=resnet*")
    ask("GET", "/api/v1/zoo/{name}", name="lenet5")
    body = {"space": {"name": "toy"}, "decisions": [0, 1, 2, 3, 0, 1]}
    ask("POST", "/api/v1/architectures/preview", body)
    (folder / "flowers.npz").write_bytes(arrays())
    ask("POST", "/api/v1/datasets", {**named, "path": str(folder / "flowers.npz")})
    ask("GET", "/api/v1/datasets")
    ask("GET", "/api/v1/datasets/{name}", **named)
    ask("DELETE", "/api/v1/datasets/{name}", **named)
    ask("PUT", "/api/v1/datasets/{name}/file", arrays(), **named)
    made = ask("POST", "/api/v1/tokens", {"name": "grafana", "scope": "read", "days": 90})
    ask("GET", "/api/v1/tokens")
    ask("DELETE", "/api/v1/tokens/{token_id}", token_id=made["id"])
    ask("POST", "/api/v1/login", {"token": token})
    recorder.client.cookies.clear()


def main() -> None:
    """Write the record."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        settings = Settings.load(home=folder / "home")
        evolution = Part(name="evolution", options={"population": 2, "sample": 2})
        first = digits_spec(6).model_copy(update={"controller": evolution})
        learning = toy_spec(20).model_copy(update={"controller": Part(name="reinforce")})
        with Database.open(settings) as database:
            ids = [searches.create(database, spec) for spec in (first, learning)]
            for one in ids:
                run(database, one)
            with TestClient(create_app(settings), base_url="http://localhost:8000") as client:
                client.headers["Authorization"] = f"Bearer {token_of(settings)}"
                recorder = Recorder(client, {str(folder): "/home/me", token_of(settings): TOKEN})
                searched(recorder, database, *ids)
                wished(recorder)
                offered(recorder, folder, token_of(settings))
    lines = [
        f"{json.dumps(name)}: {json.dumps(one, ensure_ascii=False)}"
        for name, one in sorted(recorder.found.items())
    ]
    RECORD.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    sys.stdout.write(f"{RECORD.name}: {len(lines)} requests\n")


if __name__ == "__main__":
    main()
