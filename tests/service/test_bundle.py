"""The page's modules as one script: the same code in the order of its imports, or a clear no."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from service import bundle, page, slim

DASHBOARD = Path(page.__file__).parent / "dashboard"


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return folder / "app.js"


def test_imports_run_first_and_once_and_names_of_modules_do_not_meet(tmp_path):
    entry = write(
        tmp_path,
        app_js='import { twice, N } from "./sub/a.js";\nimport { Step, lib } from "./b.js";\n'
        "const x = 1;\nout(twice(N) + x + new Step().go() + lib());\n",
        b_js='import { N } from "./sub/a.js";\nimport lib from "./vendor/lib.mjs";\n'
        'let x = 10;\nout("b");\nexport class Step {\n  go() {\n    return (x += N);\n  }\n}\n'
        "[1].map(out);\nexport { lib };\n",
        sub__a_js='import { hundred } from "../vendor/other.mjs";\nconst x = hundred();\n'
        'out("a");\nexport const N = 3;\nexport function one() { return 1; }\n'
        "export function twice(n) {\n  if (n) {\n    n *= 2;\n  }\n  return n + x;\n}\n"
        "(out)(twice.name);\n",
        vendor__lib_mjs="export default () => 1000;\n",
        vendor__other_mjs="export const hundred = () => 100;\n",
    )
    files = ["other.mjs", "a.js", "lib.mjs", "b.js", "app.js"]
    assert [path.name for path in bundle.order(entry)] == files
    made = bundle.bundle(entry)
    assert made.startswith('import * as $other from "./vendor/other.mjs";\nimport * as $lib from')
    assert "export" not in made
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node on the PATH: the joined script is read here, run by the browser tests")
    for name, text in {"made.mjs": made, "slim.mjs": slim.script(made)}.items():
        said = "globalThis.out = (text) => console.log(text);\n"
        (tmp_path / "said.mjs").write_text(said)
        (tmp_path / name).write_text('import "./said.mjs";\n' + text)
        ran = subprocess.run(
            [node, tmp_path / name], capture_output=True, text=True, timeout=60, check=True
        )
        assert ran.stdout.split() == ["a", "twice", "b", "1", str(2 * 3 + 100 + 1 + 10 + 3 + 1000)]


def test_a_circle_of_imports_is_named(tmp_path):
    entry = write(
        tmp_path,
        app_js='import { a } from "./a.js";\n',
        a_js='import { b } from "./b.js";\nexport const a = 1;\n',
        b_js='import { a } from "./a.js";\nexport const b = 1;\n',
    )
    with pytest.raises(ValueError, match=r"a\.js -> b\.js -> a\.js"):
        bundle.bundle(entry)


@pytest.mark.parametrize(
    "line",
    [
        "export default 3;",
        'import * as all from "./a.js";',
        'export { a } from "./a.js";',
        "export let a = 1;",
        'import "./a.js";',
        "export const { a } = {};",
        "export function* a() {}",
    ],
)
def test_a_form_that_would_be_joined_wrongly_is_refused(tmp_path, line):
    with pytest.raises(ValueError, match="no form of import or export"):
        bundle.bundle(write(tmp_path, app_js=f"{line}\n", a_js=""))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('import { b } from "./a.js";', "app.js: a.js does not export b"),
        ('import { a as b } from "./a.js";', "app.js: a.js does not export as, b"),
        ('import a from "./b.js";', "app.js: b.js does not export a"),
        ("export const a = 2;", "a.js and app.js both export a"),
    ],
)
def test_a_name_that_is_not_there_or_there_twice_is_told(tmp_path, line, said):
    both = 'import { a } from "./a.js";\nimport { c } from "./b.js";\n'
    modules = {"a_js": "export const a = 1;\n", "b_js": "export const c = 1;\n"}
    with pytest.raises(ValueError, match=f"^{said}$"):
        bundle.bundle(write(tmp_path, app_js=f"{both}{line}\n", **modules))


def test_a_change_of_an_imported_module_is_sent(tmp_path):
    entry, app = write(tmp_path, app_js='import { a } from "./a.js";\n', a_js=""), FastAPI()
    (tmp_path / "a.js").write_text("export const a = 1;\n")
    app.mount("/static", page.PageFiles(tmp_path))
    client = TestClient(app)
    first = client.get("/static/app.js")
    assert "var a=1" in first.text
    again = client.get("/static/app.js", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    (tmp_path / "a.js").write_text("export const a = 1000;\n")
    assert "var a=1000" in client.get("/static/app.js").text
    assert client.get("/static/a.js").text == "export const a=1000;\n"
    assert entry.read_text().startswith("import")


def test_every_module_of_the_page_is_in_the_script():
    # Run before all else, in a shared worker, in a report.
    alone = {"theme.js", "stream.js", "saved.js"}
    ours = {path.resolve() for path in DASHBOARD.rglob("*.js") if path.name not in alone}
    assert ours <= set(bundle.order(DASHBOARD / "app.js"))
