"""Script and style without their comments and indentation: what is sent for what is kept.

A scanner, not a parser: it knows strings, templates with code inside, regular expressions and
comments, and takes away only what stands between tokens, or beside the tags of markup. Names and
statements stay as they are, so an error in the browser still says where it is.
"""

from __future__ import annotations

import re

# What a script is made of between templates; the first that fits. A slash that begins nothing of
# these divides, or opens a regular expression: that depends on what stands before it.
_PIECE = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)
      | (?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
      | (?P<space>\s+)
      | (?P<word>[\w$]+)
      | (?P<sign>.)""",
    re.DOTALL | re.VERBOSE,
)
_REGEX = re.compile(r"/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n\[])+/\w*")
_TEXT = re.compile(r"(?:\\.|\$(?!\{)|[^\\`$])*", re.DOTALL)
_INDENT = re.compile(r"\n\s+")
# White space with a line's end beside a tag: htm leaves it out too.
_BESIDE_TAG = re.compile(r"(?<=>)\n\s*|\n\s*(?=<)")
# After these a slash opens a regular expression, though they look like a value.
_WORDS = frozenset(
    [
        "return",
        "typeof",
        "case",
        "in",
        "of",
        "delete",
        "void",
        "throw",
        "new",
        "else",
        "do",
        "yield",
        "await",
    ]
)
_ALONE = frozenset("{}()[];,:?=&|*%^<>")  # no space is needed on either side of these
# Where a line ends behind the first or before the others, no statement ends that did not anyway.
_OPENS, _CLOSES = frozenset("{([;,"), frozenset("})]")
_STYLE = re.compile(
    r"""(?P<comment>/\*.*?\*/)
      | (?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
      | \s*(?P<sign>[{};,])\s*
      | (?P<space>\s+)""",
    re.DOTALL | re.VERBOSE,
)


def script(text: str) -> str:
    """Return a script that does the same, in fewer bytes."""
    scan = _Scan(text)
    scan.code(0, nested=False)
    return "".join(scan.parts).strip() + "\n"


def style(text: str) -> str:
    """Return a style sheet that says the same, in fewer bytes."""

    def kept(found: re.Match[str]) -> str:
        return found["string"] or found["sign"] or (" " if found["space"] else "")

    return _STYLE.sub(kept, text).strip() + "\n"


class _Scan:
    """The scanner: ``parts`` is what it has kept, ``last`` the last token of it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.parts: list[str] = []
        self.last = ""
        self.gap = ""  # white space that is due before the next token

    def code(self, place: int, *, nested: bool) -> int:
        """Keep code from ``place`` on, up to the brace that closes it; return where that is."""
        depth = 0
        while found := _PIECE.match(self.text, place):
            piece, place = found[0], found.end()
            if found.lastgroup in {"space", "comment"}:
                self.gap = "\n" if "\n" in piece or self.gap == "\n" else " "
            elif piece == "`":
                place = self.template(found.start())
            elif piece == "/" and (regex := self._regex(found.start())):
                self._keep(regex)
                place = found.start() + len(regex)
            else:
                depth += {"{": 1, "}": -1}.get(piece, 0)
                if nested and depth < 0:
                    self.gap = ""
                    return found.start()
                self._keep(piece)
        return place

    def template(self, place: int) -> int:
        """Keep a template; the layout of one that htm reads is no part of what it says."""
        markup = self.last == "html"
        self._keep("`")
        place += 1
        while True:
            found = _TEXT.match(self.text, place)
            text, place = (found[0], found.end()) if found else ("", place)
            self.parts.append(_INDENT.sub("\n", _BESIDE_TAG.sub("", text)) if markup else text)
            if not self.text.startswith("${", place):
                self.parts.append("`")
                self.last = "`"
                return place + 1
            self.parts.append("${")
            self.last = "{"
            place = self.code(place + 2, nested=True) + 1
            self.parts.append("}")

    def _keep(self, token: str) -> None:
        self.parts += [self._gap(self.last[-1:], token[:1]), token]
        self.gap, self.last = "", token

    def _gap(self, before: str, after: str) -> str:
        """Return what of the white space that is due has to stand between two tokens."""
        if self.gap == "\n":  # a line's end can end a statement
            return "" if before in _OPENS or after in _CLOSES else "\n"
        signs = {before, after}
        joins = signs & _ALONE or (signs & {"+", "-"} and not signs <= {"+", "-"})
        return "" if joins else self.gap

    def _regex(self, place: int) -> str:
        """Return the regular expression that begins here, nothing where the slash divides."""
        value = self.last[-1:].isalnum() or self.last[-1:] in set("_$)]}\"'`")
        if value and self.last not in _WORDS:
            return ""
        found = _REGEX.match(self.text, place)
        return found[0] if found else ""
