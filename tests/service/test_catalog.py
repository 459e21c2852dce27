"""The catalog: what plug-ins add to it, and that none of them can take it away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.catalog import catalog

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

SPACE = """
from searchspaces import SearchSpace, SpaceError

class Demanding(SearchSpace):
    '''Refuses its own defaults.'''

    name = "demanding"

    def __init__(self, *, width: int = 0) -> None:
        if width < 1:
            raise SpaceError(f"width is {width}, allowed is 1 or more")

    def decode(self, decisions):
        raise NotImplementedError

    def build(self, arch, task, scale):
        raise NotImplementedError
"""


def test_an_evaluator_says_which_metrics_an_objective_can_name(client) -> None:
    found = {entry["name"]: entry for entry in client.get("/api/v1/catalog").json()["evaluators"]}
    assert found["toy"]["measures"] == ["accuracy"]
    assert {"accuracy", "loss", "params"} <= set(found["trained"]["measures"])
    assert found["tabular"]["measures"] == []
    for name, entry in found.items():
        objective = {"metric": "nothing of it"}
        body = {"space": "toy", "evaluator": name, "objective": objective}
        answer = client.post("/api/v1/searches", json=body).json()
        if entry["measures"]:
            assert (answer["field"], answer["allowed"]) == ("objective.metric", entry["measures"])


def test_a_plugin_that_refuses_its_own_defaults_is_listed_without_a_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "searchspaces").mkdir()
    (tmp_path / "searchspaces" / "demanding.py").write_text(SPACE)
    monkeypatch.setenv("NAS_PLUGINS", str(tmp_path))
    found = {entry["name"]: entry for entry in catalog(tmp_path / "data")["spaces"]}
    assert "size" not in found["demanding"]
    assert "width" in found["demanding"]["schema"]["properties"]
    assert int(found["nasnet"]["size"]) > 1e9
