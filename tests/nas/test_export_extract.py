"""What the extraction of source keeps, leaves out, and refuses."""

from __future__ import annotations

import pytest

import searchspaces
from nas.export import ExportError
from nas.export.extract import Reference, extract

LAYERS = '''
"""Layers."""
from torch import nn

SIZE = 3  # kept with its comment
UNUSED = 4


class Block(nn.Module):
    """A block."""

    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(SIZE, SIZE)

    # Why this is so.
    def forward(self, x):
        return self.helper(x)

    def helper(self, x):
        return self.inner(x)

    # Goes with the method below.
    def never(self):
        return UNUSED


def table(*rows):
    return {row[0]: row for row in rows}


def row(name, value):
    return (name, value)


TABLE = table(
    row("first", Block),
    row("second", UNUSED),
)
'''
SPACE = '''
"""A space."""
from searchspaces.extractlayers import TABLE, Block


class Space:
    def build(self, arch, task, scale):
        """Build."""
        return Block() if TABLE else None
'''
WITH_OTHER = SPACE.replace("if TABLE", "if TABLE or other()").replace(
    "import TABLE, Block", "import TABLE, Block\nfrom searchspaces.extractother import other"
)


@pytest.fixture
def modules(tmp_path, monkeypatch):
    """Give a function that adds a module to the searchspaces package for one test."""

    def add(name: str, text: str) -> None:
        (tmp_path / f"{name}.py").write_text(text)

    monkeypatch.setattr(searchspaces, "__path__", [*searchspaces.__path__, str(tmp_path)])
    add("extractlayers", LAYERS)
    add("extractspace", SPACE)
    return add


def taken(rows=("first",)):
    return extract(
        [],
        method=(Reference("searchspaces.extractspace", "Space"), "build"),
        rows={"TABLE": frozenset(rows)},
    )


def test_only_what_is_reached_is_kept_with_its_comments(modules):
    found = taken()
    assert found.body == "return Block() if TABLE else None"
    for text in ("SIZE = 3  # kept with its comment", "# Why this is so.", "def helper"):
        assert text in found.text
    for text in ("never", "Goes with", "UNUSED", "second", "class Space"):
        assert text not in found.text


def test_what_is_kept_runs_by_itself(modules):
    found = taken(["first", "second"])
    scope: dict = {}
    exec("from torch import nn\n" + found.text, scope)
    assert list(scope["TABLE"]) == ["first", "second"]
    assert scope["UNUSED"] == 4
    assert found.imports == {"nn": Reference("torch", "nn")}


def test_equal_definitions_of_one_name_are_kept_once(modules):
    modules("extractother", "SIZE = 3\n\n\ndef other():\n    return SIZE\n")
    modules("extractspace", WITH_OTHER)
    assert taken().text.count("SIZE = 3") == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("SIZE = 5\n\n\ndef other():\n    return SIZE\n", "SIZE is defined in both"),
        ("import numpy\n\n\ndef other():\n    return numpy.pi\n", "may only need torch"),
        (
            "from searchspaces.extractlayers import SIZE as S\n\n\ndef other():\n    return S\n",
            "renames",
        ),
        ("from torch import optim as nn\n\n\ndef other():\n    return nn\n", "two things"),
    ],
)
def test_what_cannot_be_one_file_is_refused(text, reason, modules):
    modules("extractother", text)
    modules("extractspace", WITH_OTHER)
    with pytest.raises(ExportError, match=reason):
        taken()


def test_a_build_that_uses_its_space_is_refused(modules):
    modules("extractspace", SPACE.replace("Block()", "self.block()"))
    with pytest.raises(ExportError, match="uses self"):
        taken()
