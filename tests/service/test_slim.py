"""What is sent of script and style does the same as what is kept, and is found by its content."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from service import page, slim

DASHBOARD = Path(page.__file__).parent / "dashboard"


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("// a word\nlet a = 1;\n\n    let b = 2; // two\n", "let a=1;let b=2;\n"),
        ("/** what\n * for */\nexport f(a, b) {\n  c + d;\n}\n", "export f(a,b){c+d;}\n"),
        ('const a = "// no comment";\n', 'const a="// no comment";\n'),
        ("const a = 'it\\'s /* one */  text';", "const a='it\\'s /* one */  text';\n"),
        # A line's end can end a statement: it stays.
        ("let a = b\n  (c)\n", "let a=b\n(c)\n"),
        ("if (a) {\n  b\n}\nc(\n  [\n    d,\n  ]\n)\n", "if(a){b}\nc([d,])\n"),
        ("a + +b; a - -b; a + ++b;", "a+ +b;a- -b;a+ ++b;\n"),
        ("const f = (a) => a > 1 - b;\n", "const f=(a)=>a>1-b;\n"),
        ("return /[/'\"`]+/g.test(a) / 2; // half", "return /[/'\"`]+/g.test(a)/ 2;\n"),
        ("const r = /'/, s = x / y / z; // '", "const r=/'/,s=x / y / z;\n"),
        # The layout of text is text; only htm looks past it.
        ("f(`a\n   b  ${ c   + 1 } // d`);", "f(`a\n   b  ${c+1} // d`);\n"),
        (
            "html`<p>it's\n   ${a ? html`<b>x  y</b>\n  ` : `p\n  q`}</p>`",
            "html`<p>it's\n${a?html`<b>x  y</b>`:`p\n  q`}</p>`\n",
        ),
        # Beside a tag htm leaves a line's end out, between words and inside a tag it is a space.
        (
            "html`\n  <p\n    id=a>\n    ${b}\n    c\n    <i>d\n e</i> f\n  </p>\n`",
            "html`<p\nid=a>${b}\nc<i>d\ne</i> f</p>`\n",
        ),
        ("x = `${{a: {b: `}`}}.a}  ${`\\``}`; // end", "x=`${{a:{b:`}`}}.a}  ${`\\``}`;\n"),
        ("`$ {a}  $b`", "`$ {a}  $b`\n"),
        ("for (a of [1, 2]) if (a in b) typeof /x/;", "for(a of[1,2])if(a in b)typeof /x/;\n"),
    ],
)
def test_a_script_loses_comments_and_indentation_and_nothing_else(given, sent):
    found = slim.script(given)
    assert found == sent
    assert slim.script(found) == found


def test_a_style_keeps_its_strings_and_the_spaces_that_mean_something():
    given = (
        "/* tall */\n.a  :hover > b ,\n.c { width : calc(1px  +  2px);\n\n"
        "  content: ' ; /* no */  '; }\n@media (min-width: 9px) { .d { color: red } }\n"
    )
    assert slim.style(given) == (
        ".a :hover > b,.c{width : calc(1px + 2px);content: ' ; /* no */  ';}"
        "@media (min-width: 9px){.d{color: red}}\n"
    )


def test_the_words_strings_and_signs_of_every_file_of_the_page_are_all_sent():
    files = [
        p
        for p in DASHBOARD.rglob("*")
        if p.suffix in page.KINDS and p.parent.name != "vendor" and p.name != page.ENTRY
    ]
    assert len(files) > 20
    for path in files:
        kept, sent = path.read_text("utf-8"), page.body(path).decode()
        # No string of the page holds //, and comments begin lines or follow two spaces or one.
        bare = re.sub(r"/\*.*?\*/|(?<![:\"'\\])//[^\n]*", "", kept, flags=re.DOTALL)
        assert re.sub(r"\s", "", sent) == re.sub(r"\s", "", bare), path.name
        assert len(sent) < len(kept), path.name


def test_a_file_is_known_by_its_content(anonymous):
    first = anonymous.get("/static/app.js")
    assert first.headers["content-type"] == "text/javascript; charset=utf-8"
    assert first.content == page.body(DASHBOARD / "app.js")
    tag = first.headers["etag"]
    again = anonymous.get("/static/app.js", headers={"If-None-Match": f'"other", {tag}'})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == tag
    other = anonymous.get("/static/app.js", headers={"If-None-Match": '"other"'})
    assert (other.status_code, other.content) == (200, first.content)
    head = anonymous.head("/static/app.js")
    assert (head.content, head.headers["content-length"]) == (b"", str(len(first.content)))
    library = anonymous.get("/static/vendor/htm.mjs")
    assert library.content == (DASHBOARD / "vendor" / "htm.mjs").read_bytes()
    assert anonymous.get("/static/favicon.svg").headers["content-type"].startswith("image/svg")


def test_a_file_is_made_slim_once_and_again_when_it_has_changed(tmp_path):
    file, app = tmp_path / "a.js", FastAPI()
    app.mount("/static", page.PageFiles(tmp_path))
    client = TestClient(app)
    file.write_text("let a = 1;\n")
    first, stamp = client.get("/static/a.js"), file.stat().st_mtime_ns
    file.write_text("let b = 1;\n")
    os.utime(file, ns=(stamp, stamp))  # of the same time and size: not looked into again
    assert client.get("/static/a.js").text == first.text == "let a=1;\n"
    os.utime(file, ns=(stamp, stamp + 1))
    after = client.get("/static/a.js")
    assert after.text == "let b=1;\n"
    assert after.headers["etag"] != first.headers["etag"]
