"""A saved report as one file: script, style and data are in the page, which asks nobody."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from pathlib import Path
from typing import Any

from service.page import body

DASHBOARD = Path(__file__).parent / "dashboard"
STYLES = ("css/base.css", "css/cells.css")
_LIBRARY = re.compile(r'\bimport ?\* ?as ([\w$]+) from ?"\./([^"\s]+)";')
_IMPORTED = re.compile(r'import\{([^{}]*)\}from"\./([^"]+)";')
_EXPORTED = re.compile(r"export\{([^{}]*)\};?")
_MAPPED = re.compile(r"^//# sourceMappingURL=.*$", re.MULTILINE)
_LEFT = re.compile(r"\b(?:import|export)\b\s*[{*]|^(?:import|export)\b", re.MULTILINE)
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{title}</title>
<link rel="icon" type="image/svg+xml" href="data:image/svg+xml;base64,{icon}">
<style>{style}</style>
<script>{theme}</script>
</head>
<body>
<div id="app"></div>
<noscript>This report needs JavaScript, all of which is in this file.</noscript>
<script type="application/json" id="held">{held}</script>
<script>{saved}</script>
<script type="module">{script}</script>
</body>
</html>
"""


def page(held: dict[str, Any]) -> str:
    """Return the page that shows what `service.report.gather` has found.

    Its policy lets nothing run but the scripts that are in it, and nothing be asked for.
    """
    theme, saved = (_script(body(DASHBOARD / name).decode()) for name in ("theme.js", "saved.js"))
    script = _script(standalone())
    style = "".join(body(DASHBOARD / name).decode() for name in STYLES)
    policy = [
        "default-src 'none'",
        "img-src data:",
        f"style-src {_hash(style)}",
        f"script-src {' '.join(_hash(one) for one in (theme, saved, script))}",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    return PAGE.format(
        policy="; ".join(policy),
        title=html.escape(f"{held['name']} · Nasturtium"),
        icon=base64.b64encode((DASHBOARD / "favicon.svg").read_bytes()).decode(),
        style=style,
        theme=theme,
        held=data(held),
        saved=saved,
        script=script,
    )


def data(held: Any) -> str:
    """Return JSON that no end of a script, and no comment, can be read in."""
    return json.dumps(held, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def standalone() -> str:
    """Return the page's script with the libraries in it, so that it imports nothing.

    Raises:
        ValueError: a library imports or exports in a form that is not known here.
    """

    def library(found: re.Match[str]) -> str:
        name, path = found.groups()
        return f"const {name} = {_library(DASHBOARD / path, libraries)};"

    text = body(DASHBOARD / "app.js").decode()
    libraries = {Path(path).name: name for name, path in _LIBRARY.findall(text)}
    return _checked("app.js", _LIBRARY.sub(library, text))


def _library(path: Path, names: dict[str, str]) -> str:
    """Return an expression for what a library exports; ``names`` are those of the others."""

    def imported(found: re.Match[str]) -> str:
        return f"const {{{found[1].replace(' as ', ':')}}} = {names[found[2]]};"

    def exported(found: re.Match[str]) -> str:
        pairs = [one.partition(" as ") for one in found[1].split(",")]
        return "return {" + ",".join(f"{to or own}:{own}" for own, _, to in pairs) + "};"

    text = _MAPPED.sub("", path.read_text(encoding="utf-8"))
    default = "export default function("
    if default in text:
        text = text.replace(default, "return {default: function(") + "};"
    text = _EXPORTED.sub(exported, _IMPORTED.sub(imported, text))
    return f"(() => {{\n{_checked(path.name, text)}\n}})()"


def _checked(name: str, text: str) -> str:
    if left := _LEFT.search(text):
        raise ValueError(f"{name}: {left[0]!r} is no form of import or export known here")
    return text


def _script(text: str) -> str:
    """Return a script that may stand in a page: what would end it is written otherwise."""
    return text.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
