"""What a notebook shows of a search and of a trial: a small summary, cells drawn by the service."""

from __future__ import annotations

import base64
import re
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nas.client.answers import SearchView

TITLE_HEIGHT = 24
_SIZE = re.compile(r'<svg [^>]*?width="([\d.]+)" height="([\d.]+)"')


def stacked(drawings: Mapping[str, str]) -> str:
    """Return one drawing of several, each under its name, on a white page."""
    parts: list[str] = []
    wide, high = 0.0, 0.0
    for name, svg in drawings.items():
        found = _SIZE.match(svg)
        if found is None:
            continue
        parts.append(
            f'<text x="14" y="{high + 18:g}" font-size="13" font-weight="600" '
            f'fill="#1f2328">{escape(name)}</text>'
            + svg.replace("<svg ", f'<svg y="{high + TITLE_HEIGHT:g}" ', 1)
        )
        wide, high = max(wide, float(found[1])), high + float(found[2]) + TITLE_HEIGHT
    size = f'width="{wide:g}" height="{high:g}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" {size} '
        f'viewBox="0 0 {wide:g} {high:g}" '
        'font-family="system-ui,-apple-system,Segoe UI,Roboto,sans-serif">'
        f'<rect {size} fill="#ffffff"/>{"".join(parts)}</svg>'
    )


def summary(view: SearchView, drawing: str | None) -> str:
    """Return a search as a piece of HTML without script or links; ``drawing`` is SVG."""
    rows = [
        ("state", view.state + (f": {view.reason}" if view.reason not in ("", view.state) else "")),
        ("trials", counts(view)),
    ]
    if view.best is not None:
        rows.append(("best", f"trial {view.best.number}, {score(view)}"))
    if view.lift is not None:
        lift = view.lift
        rows.append(("against random", f"{lift.verdict}, lift {lift.difference:+.4f}"))
    tested = [m.metrics["test_accuracy"] for m in view.models if "test_accuracy" in m.metrics]
    if tested:
        rows.append(("model", f"test accuracy {tested[0]:.2%}"))
    cells = "".join(
        f'<tr><th style="text-align:left">{escape(name)}</th>'
        f'<td style="text-align:left">{escape(text)}</td></tr>'
        for name, text in rows
    )
    picture = ""
    if drawing is not None:  # as an image: its ids and styles meet nobody else's
        data = base64.b64encode(drawing.encode()).decode()
        picture = f'<img alt="best cell" src="data:image/svg+xml;base64,{data}"/>'
    title = f"{escape(view.name)} <code>{escape(view.id)}</code>"
    return f"<div><strong>{title}</strong><table>{cells}</table>{picture}</div>"


def counts(view: SearchView) -> str:
    """Return how many trials of a search have ended."""
    kept = view.counts
    parts = [f"{kept.ended} of {view.limits.trials}"]
    parts += [
        f"{n} {name}" for name in ("running", "failed", "stopped") if (n := getattr(kept, name))
    ]
    return ", ".join(parts)


def score(view: SearchView) -> str:
    """Return the accuracy of the best trial, its reward where it has none."""
    if view.best is None:
        return ""
    accuracy = view.best.metrics.get("accuracy")
    return f"reward {view.best.reward:.4f}" if accuracy is None else f"accuracy {accuracy:.2%}"
