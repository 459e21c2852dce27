"""Filters of trials as people write them: ``accuracy>0.9 and params<4e6 and state=done``.

Clauses are joined by ``and``. A name is one of ``COLUMNS`` or a metric, in quotation marks where it
has signs that others mean: ``"val/acc">0.9``, with ``""`` for one in it. Numbers are compared with
``= != < <= > >=``, words with ``=`` and ``!=``. A trial that lacks the value never passes.
"""

from __future__ import annotations

import math
import operator
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nas.honesty.arms import ARM
from nas.trial import FailureKind, State
from service.clock import MICROS
from service.course import inside
from service.errors import UserError
from service.tables import trial

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import ColumnElement

LONGEST, MOST_CLAUSES = 500, 20
NUMBERS: dict[str, ColumnElement[Any]] = {
    "number": trial.c.number,
    "reward": trial.c.reward,
    "attempt": trial.c.attempt,
    "budget": trial.c.budget,
    "seconds": (trial.c.finished_at - trial.c.started_at) / float(MICROS),
}
WORDS: dict[str, tuple[ColumnElement[Any], tuple[str, ...]]] = {
    "state": (trial.c.state, tuple(State)),
    "failure": (trial.c.failure_kind, tuple(FailureKind)),
    "arm": (trial.c.note[ARM].as_string(), ("search", "random")),
}
COLUMNS = (*NUMBERS, *WORDS)
ALLOWED = (
    f"a metric, {', '.join(NUMBERS)} with a number, or {', '.join(WORDS)} with a word, joined by "
    "and: accuracy>0.9 and state=done"
)
COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "!=": operator.ne,
    "=": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
}
_CLAUSE = re.compile(
    r'\s*(?:([A-Za-z_][\w.]*)|"((?:[^"]|"")+)")\s*(<=|>=|!=|=|<|>)\s*([^\s<>=!]+)\s*'
)
_UNQUOTED = r'(?=(?:[^"]*"[^"]*")*[^"]*$)'  # an even number of quotation marks follows
_AND = re.compile(r"(?:\s+and\s+|\s*&&\s*)" + _UNQUOTED, re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Clause:
    """One comparison."""

    name: str
    sign: str
    value: str


def conditions(text: str) -> list[ColumnElement[bool]]:
    """Return what a filter asks of a row of ``trial``; raise UserError that says where it fails."""
    return [_condition(clause) for clause in parsed(text)]


def parsed(text: str) -> list[Clause]:
    """Return the clauses of a filter; none for an empty one."""
    if len(text) > LONGEST:
        raise _error(f"is {len(text)} letters long, allowed are {LONGEST}", text)
    if not text.strip():
        return []
    parts = _AND.split(text.strip())
    if len(parts) > MOST_CLAUSES:
        raise _error(f"has {len(parts)} clauses, allowed are {MOST_CLAUSES}", text)
    found = []
    for part in parts:
        match = _CLAUSE.fullmatch(part)
        if match is None:
            raise _error(
                f'{part.strip()!r} is no clause; allowed are NAME (in "quotation marks" where it '
                f"has other signs than letters, digits, _ and .), one of {' '.join(COMPARE)}, "
                "VALUE, and clauses joined by and: accuracy>0.9 and state=done",
                text,
            )
        plain, quoted, sign, value = match.groups()
        found.append(Clause(plain or quoted.replace('""', '"'), sign, value))
    return found


def _condition(clause: Clause) -> ColumnElement[bool]:
    compare = COMPARE[clause.sign]
    if clause.name in WORDS:
        column, words = WORDS[clause.name]
        if clause.value not in words or clause.sign not in {"=", "!="}:
            raise _error(
                f"{clause.name}{clause.sign}{clause.value}: allowed are = and != with "
                f"{', '.join(words)}",
                clause.value,
            )
        return compare(column, clause.value)  # type: ignore[no-any-return]
    return compare(number(clause.name), _number(clause))  # type: ignore[no-any-return]


def number(name: str) -> ColumnElement[Any]:
    """Return one of ``NUMBERS``, or a metric, as a column; null where a trial lacks it."""
    return NUMBERS[name] if name in NUMBERS else inside(trial.c.metrics, name)


def _number(clause: Clause) -> float:
    try:
        number = float(clause.value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        text = f"{clause.name} is compared with {clause.value!r}, allowed are numbers; "
        raise _error(f"{text}words go with {', '.join(WORDS)}", clause.value)
    return number


def _error(what: str, value: str) -> UserError:
    return UserError(f"filter {what}", field="filter", value=value[:100], allowed=ALLOWED)
