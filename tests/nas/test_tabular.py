"""Tables as spaces and their evaluator: values looked up, percent, errors by line and column."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from nas.evaluators import Request
from nas.evaluators.catalog import EVALUATORS
from nas.spec import SearchSpec
from nas.trial import FailureKind, TrialFailure, TrialStopped
from searchspaces.catalog import SPACES
from searchspaces.draw import cell_svg, cell_text
from searchspaces.registry import RegistryError
from searchspaces.table import TableSpace

if TYPE_CHECKING:
    from pathlib import Path

    from nas.evaluators.tabular import Tabular

TEXT = 'choice:op,choice:width,top1,seconds\nconv,16,60.5,3\nconv,8,50,2\n\n"pool, max",8,10,1\n'

Write = Callable[[str], str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(text: str) -> str:
        path = tmp_path / "table.csv"
        path.write_text(text)
        return str(path)

    return written


def request(space: TableSpace, point: tuple[int, ...]) -> Request:
    return Request(point, space.decode(point), seed=0)


def test_the_choices_are_the_values_of_the_columns(write: Write) -> None:
    space = TableSpace(path=write(TEXT))
    assert [(c.name, c.options) for c in space.choices] == [
        ("op", ("conv", "pool, max")),
        ("width", ("8", "16")),  # numbers are in order
    ]
    assert space.rows == {(0, 1): 0, (0, 0): 1, (1, 0): 2}


def test_a_row_is_looked_up_and_percent_become_an_accuracy(write: Write) -> None:
    space = TableSpace(path=write(TEXT))
    evaluator = EVALUATORS.create("tabular", {}, space=space)
    reports = []

    def report(step: int, metrics: dict[str, float]) -> bool:
        reports.append((step, metrics))
        return True

    found = evaluator.evaluate(request(space, (0, 1)), report)
    assert found == {"top1": 60.5, "seconds": 3.0, "accuracy": 0.605}
    assert reports == [(1, found)]
    with pytest.raises(TrialStopped):
        evaluator.evaluate(request(space, (0, 1)), lambda *_: False)


def test_another_column_is_the_accuracy_and_fractions_stay(write: Write) -> None:
    space = TableSpace(
        path=write(
            TEXT.replace("seconds", "top5").replace(",3\n", ",0.75\n").replace(",2\n", ",1\n")
        )
    )
    evaluator = EVALUATORS.create("tabular", {"column": "top5"}, space=space)
    found = evaluator.evaluate(request(space, (0, 1)), lambda *_: True)
    assert found["accuracy"] == 0.75
    assert found["top1"] == 60.5


def test_a_point_that_was_not_measured_is_a_failure_of_the_architecture(write: Write) -> None:
    space = TableSpace(path=write(TEXT))
    evaluator = EVALUATORS.create("tabular", {}, space=space)
    with pytest.raises(TrialFailure, match="no row") as failure:
        evaluator.evaluate(request(space, (1, 1)), lambda *_: True)
    assert failure.value.kind is FailureKind.INVALID


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: no rows"),
        ("choice:a,b\n", "line 1: no rows"),
        ("a,b\n1,2\n", "line 1: no column is named choice:NAME"),
        ("choice:a,choice:a\n1,2\n", "line 1, column 'choice:a': named twice"),
        ("choice:a,choice:\n1,2\n", "line 1: column 2 has no name"),
        ("choice:a,b\n1,2\n3\n", "line 3: 1 values, the header has 2"),
        ("choice:a,b\n1,2\n,4\n", "line 3, column 'choice:a': empty"),
        ("choice:a,b\n1,2\n2,4\n1,5\n", "line 4: the same choices as in line 2"),
        ('choice:a,b\n1,"2\n', "line 2: unexpected end of data"),
    ],
)
def test_a_wrong_table_is_refused_by_line_and_column(text: str, message: str, write: Write) -> None:
    with pytest.raises(RegistryError, match=message):
        SPACES.create("table", {"path": write(text)})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("choice:a,b\n1,x\n", "line 2, column 'b': expected a finite number, got 'x'"),
        ("choice:a,b\n1,nan\n", "line 2, column 'b': expected a finite number"),
        ("choice:a,b,c\n1,1,\n", "line 2, column 'c': empty"),
        ("choice:a,b\n1,1\n2,-0.5\n", "line 3, column 'b': an accuracy from 0 to 1"),
        ("choice:a,b\n1,101\n2,50\n", "line 2, column 'b': an accuracy .* got 101"),
        ("choice:a\n1\n", "line 1: no measured column"),
    ],
)
def test_wrong_measurements_are_refused_by_line_and_column(
    text: str, message: str, write: Write
) -> None:
    space = TableSpace(path=write(text))
    with pytest.raises(RegistryError, match=message):
        EVALUATORS.create("tabular", {}, space=space)


def test_a_missing_file_and_an_unknown_column_are_named(write: Write, tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match="path of a CSV file"):
        SPACES.create("table")
    with pytest.raises(RegistryError, match=r"cannot read .*none\.csv: No such file"):
        SPACES.create("table", {"path": str(tmp_path / "none.csv")})
    binary = tmp_path / "binary.csv"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RegistryError, match="not UTF-8 text"):
        SPACES.create("table", {"path": str(binary)})
    space = TableSpace(path=write(TEXT))
    with pytest.raises(RegistryError, match="no 'top9'; known: top1, seconds"):
        EVALUATORS.create("tabular", {"column": "top9"}, space=space)


def test_a_second_table_must_have_the_same_choices(write: Write, tmp_path: Path) -> None:
    space = TableSpace(path=write(TEXT))
    other = tmp_path / "other.csv"
    other.write_text(TEXT.replace("60.5", "70"))
    evaluator = EVALUATORS.create("tabular", {"path": str(other)}, space=space)
    assert evaluator.evaluate(request(space, (0, 1)), lambda *_: True)["accuracy"] == 0.7
    other.write_text(TEXT.replace("choice:op", "choice:layer"))
    with pytest.raises(RegistryError, match="its choices are not those of"):
        EVALUATORS.create("tabular", {"path": str(other)}, space=space)


def test_a_search_over_a_table_is_checked_and_other_spaces_are_refused(write: Write) -> None:
    spec = SearchSpec(
        space={"name": "table", "options": {"path": write(TEXT)}},
        controller="random",
        evaluator="tabular",
    ).checked()
    assert spec.data is None
    with pytest.raises(RegistryError, match="'table' and 'nasbench201', got 'nasnet'"):
        SearchSpec(space="nasnet", evaluator="tabular").checked()


def test_a_row_is_told_and_drawn_with_the_names_of_its_choices(write: Write) -> None:
    arch = TableSpace(path=write(TEXT)).decode((1, 0))
    assert "op: pool, max(input)" in cell_text(arch, "row")
    assert ">width: 8<" in cell_svg(arch, "row")


def test_nasbench201_is_looked_up_by_its_own_notation(shared_data: Path) -> None:
    path = shared_data / "nasbench201-cifar10.csv"
    space = SPACES.create("nasbench201")
    evaluator: Tabular = EVALUATORS.create(
        "tabular", {"path": str(path), "column": "cifar10_val_12ep"}, space=space
    )
    assert len(evaluator.rows) == space.size == 15625
    rng = random.Random(0)
    lines = path.read_text().splitlines()[1:]
    from searchspaces.nasbench201 import to_string

    for _ in range(20):
        point = space.sample(rng)
        line = next(x for x in lines if x.startswith(to_string(point) + ","))
        found = evaluator.evaluate(request(space, point), lambda *_: True)
        assert found["accuracy"] == float(line.split(",")[1]) / 100
        assert found["cifar10_test_200ep"] == float(line.split(",")[2])


def test_cells_that_are_none_or_come_twice_are_refused_by_line(write: Write) -> None:
    space = SPACES.create("nasbench201")
    cell = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"
    for text, message in (
        (f"arch,a\n{cell},1\n{cell},2\n", "line 3, column 'arch': the same cell as in line 2"),
        ("arch,a\n|none~0|,1\n", "line 2, column 'arch': "),
        ("cell,a\n1,1\n", "line 1: no column is named 'arch'"),
    ):
        with pytest.raises(RegistryError, match=message):
            EVALUATORS.create("tabular", {"path": write(text)}, space=space)
