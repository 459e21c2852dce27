"""What a saved report of a search holds: the answers that its pages ask the API for, bounded."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import permutations
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

from service import filters
from service.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Rows of the table of trials, by state: of the finished the best, of the others the newest.
ROWS = {"done": 4000, "failed": 500, "stopped": 200, "running": 200, "pending": 100}
PAGE = 500
BEST = 50  # trials in full, with drawings
FULL = 100  # the best, those that stand for a cause of failure, then the first
STEP = 20  # answers between two words on how far it is
LAYERED = 3  # with the layers of their network, which take a second each
CHANGES = 5000  # steps of the lineage in words; of more, those alone that led to the best
DIGITS = 6  # of rewards and figures: more than is drawn or printed
TOPS = (1, 2, 3, 5, 10, 20, 50, 100)  # what the page of operations offers
FINALISTS = (1, 2, 3, 5, 10, 20, 50)  # what the card of finals offers
# What is asked of a search once; where a search has none of it, its page says so.
WHOLE = ("history", "failures", "audit", "comparison", "lineage", "policy")


class Source(Protocol):
    """Who answers: this folder (`service.inside`), or a server (`service.cli.remote`)."""

    def get(self, path: str) -> Any:
        """Return the JSON of a GET; raise UserError where it is refused."""

    def text(self, path: str) -> str:
        """Return the text of a GET."""


def gather(source: Source, search_id: str, show: Callable[[int, int, str], None]) -> dict[str, Any]:
    """Return what the report of a search holds, as JSON data.

    ``answers`` are by path, ``rows`` the trials of the table, ``note`` says what is left out.
    ``show`` is told how far this is.
    """
    place = f"searches/{quote(search_id, safe='')}"
    view = source.get(place)
    show(0, 0, "the table of trials")
    rows = [row for state, most in ROWS.items() for row in _rows(source, place, state, most)]
    refused: dict[str, str] = {}
    answers: dict[str, Any] = {place: view, "catalog": _defaults(source)}
    chosen = _chosen(rows, source.get(f"{place}/failures"))
    paths = list(_paths(place, view, source, chosen))
    for done, path in enumerate(paths):
        if done % STEP == 0:
            show(done, len(paths), path.removeprefix(place + "/"))
        try:
            answers[path] = _bounded(path.rpartition("/")[2], source.get(path), view)
        except UserError as error:  # such as the policy of a search without one
            refused[path] = str(error)
    for number in chosen:
        for cell in answers[f"{place}/trials/{number}"]["cells"]:
            drawing = f"{place}/trials/{number}/cells/{quote(cell, safe='')}.svg"
            answers[drawing] = source.text(drawing)
    show(len(paths), len(paths), "written")
    at = datetime.now(UTC)
    meta = source.get("meta")
    answers["meta"] = meta | {"scope": "", "seq": 0}
    return {
        "search": search_id,
        "name": view["name"],
        "at": at.isoformat(timespec="seconds"),
        "note": _note(view, rows, chosen, at, meta["version"]),
        "trials": {"all": view["counts"]["total"], "rows": len(rows), "in_full": len(chosen)},
        "rows": rows,
        "words": {name: words for name, (_, words) in filters.WORDS.items()},
        "answers": answers,
        "refused": refused,
    }


def _rows(source: Source, place: str, state: str, most: int) -> Iterator[dict[str, Any]]:
    sort = "-reward" if state == "done" else "-number"
    after, left = "", most
    while left > 0:
        asked = f"{place}/trials?state={state}&sort={sort}&limit={min(PAGE, left)}{after}"
        page = source.get(asked)
        yield from page["items"]
        left -= len(page["items"])
        if page["next"] is None:
            return
        after = f"&after={quote(page['next'], safe='')}"


def _chosen(rows: list[dict[str, Any]], failures: dict[str, Any]) -> list[int]:
    """Return the numbers of the trials that are held in full, the best first."""
    known = {row["number"] for row in rows}
    best = [row["number"] for row in rows if row["state"] == "done"][:BEST]
    failed = [number for group in failures["items"] for number in group["numbers"]]
    wanted = [*best, *(number for number in failed if number in known), *sorted(known)]
    return list(dict.fromkeys(wanted))[:FULL]


def _defaults(source: Source) -> dict[str, Any]:
    """Return what the page of the config needs of the catalog."""
    return {"defaults": source.get("catalog")["defaults"]}


def _paths(place: str, view: dict[str, Any], source: Source, chosen: list[int]) -> Iterator[str]:
    """Yield what is to be asked for, as the pages ask for it."""
    spec = view["spec"]
    yield from (f"{place}/{part}" for part in WHOLE)
    yield from (f"{place}/operations?top={top}" for top in TOPS)
    objective = spec["objective"]
    goal = ("-" if objective["minimise"] else "") + objective["metric"]
    for pair in permutations([goal, *objective.get("pareto", ())], 2):
        yield f"{place}/pareto?objectives={quote(','.join(pair), safe='')}"
    yield from (f"{place}/trials/{number}" for number in chosen)
    if not spec["data"]:
        return
    yield from (f"{place}/trials/{number}/layers" for number in chosen[:LAYERED])
    usual = spec["final"]["epochs"] or 1
    for epochs in sorted({usual, *source.get(f"{place}/finals")["trained"]}):
        yield from (f"{place}/finals?top={top}&epochs={epochs}" for top in FINALISTS)


def _bounded(part: str, found: dict[str, Any], view: dict[str, Any]) -> dict[str, Any]:
    """Return an answer that grows with the number of trials in fewer bytes; others as they are."""
    if part == "history":
        figures = {name: _short(column) for name, column in found["figures"].items()}
        return found | {"reward": _short(found["reward"]), "figures": figures}
    if part == "lineage" and len(found["number"]) > CHANGES:
        parents = dict(zip(found["number"], found["parent"], strict=True))
        line, at = set(), view["best"] and view["best"]["number"]
        while at in parents:
            line.add(at)
            at = parents[at]
        pairs = zip(found["number"], found["change"], strict=True)
        return found | {"change": [change if one in line else None for one, change in pairs]}
    return found


def _short(column: list[float | None]) -> list[float | None]:
    return [None if value is None else float(f"{value:.{DIGITS}g}") for value in column]


def _note(
    view: dict[str, Any], rows: list[Any], chosen: list[int], at: datetime, version: str
) -> str:
    total = view["counts"]["total"]
    parts = [f"Saved on {at:%Y-%m-%d at %H:%M} UTC by Nasturtium {version}, search {view['id']}."]
    if view["spec"]["data"] and len(chosen) > LAYERED:
        parts.append(f"Layers are held of the best {LAYERED}.")
    if len(rows) < total:
        parts.append(f"The tables and plots hold {len(rows):,} of {total:,} trials, the best.")
    if len(chosen) < total:
        parts.append(
            f"{len(chosen)} trials are held in full: the best {min(BEST, len(chosen))}, those that "
            "failures are shown by, and the first ones."
        )
    return " ".join(parts)
