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
        app_js='import { twice as double, N } from "./sub/a.js";\nimport { step } from "./b.js";\n'
        "const x = 1;\nout(double(N) + x + step());\n",
        b_js='import { N } from "./sub/a.js";\nlet x = 10;\nout("b");\n'
        "function step() {\n  return (x += N);\n}\nexport { step };\n",
        sub__a_js='import lib from "../vendor/lib.mjs";\nconst x = lib();\nout("a");\n'
        "export const N = 3;\nexport function twice(n) {\n  return 2 * n + x;\n}\n",
        vendor__lib_mjs="export default () => 100;\n",
    )
    assert [path.name for path in bundle.order(entry)] == ["lib.mjs", "a.js", "b.js", "app.js"]
    made = bundle.bundle(entry)
    assert made.startswith('import * as $lib0 from "./vendor/lib.mjs";\n')
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
        assert ran.stdout.split() == ["a", "b", str(2 * 3 + 100 + 1 + 10 + 3)]


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
    ],
)
def test_a_form_that_would_be_joined_wrongly_is_refused(tmp_path, line):
    with pytest.raises(ValueError, match="no form of import or export"):
        bundle.bundle(write(tmp_path, app_js=f"{line}\n", a_js=""))


def test_a_change_of_an_imported_module_is_sent(tmp_path):
    entry, app = write(tmp_path, app_js='import { a } from "./a.js";\n', a_js=""), FastAPI()
    (tmp_path / "a.js").write_text("export const a = 1;\n")
    app.mount("/static", page.PageFiles(tmp_path))
    client = TestClient(app)
    first = client.get("/static/app.js")
    assert "const a=1" in first.text
    again = client.get("/static/app.js", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    (tmp_path / "a.js").write_text("export const a = 1000;\n")
    assert "const a=1000" in client.get("/static/app.js").text
    assert client.get("/static/a.js").text == "export const a=1000;\n"
    assert entry.read_text().startswith("import")


def test_every_module_of_the_page_is_in_the_script():
    # Run before all else, in a shared worker, in a report.
    alone = {"theme.js", "stream.js", "saved.js"}
    ours = {path.resolve() for path in DASHBOARD.rglob("*.js") if path.name not in alone}
    assert ours <= set(bundle.order(DASHBOARD / "app.js"))
