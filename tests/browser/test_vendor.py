"""The vendored libraries are those of vendor.toml, and all script and style stays small."""

from __future__ import annotations

import gzip
import hashlib
import re
import tomllib
from pathlib import Path

import pytest

from service.page import body

ROOT = Path(__file__).resolve().parents[2]
DASHBOARD = ROOT / "service" / "dashboard"
FOLDERS = [DASHBOARD / "vendor", Path(__file__).parent / "vendor"]
BUDGET_BYTES = 80_000
CODE = (".js", ".mjs", ".css")


def ours() -> list[Path]:
    return [p for p in DASHBOARD.rglob("*") if p.suffix in CODE and "vendor" not in p.parts]


@pytest.mark.parametrize("folder", FOLDERS, ids=["dashboard", "tests"])
def test_every_vendored_file_is_listed_with_its_hash_and_every_package_with_its_licence(
    folder: Path,
) -> None:
    packages = tomllib.loads((folder / "vendor.toml").read_text())["package"]
    files = {entry["name"]: entry["sha256"] for p in packages for entry in p["files"]}
    there = {path.name for path in folder.iterdir()} - {"vendor.toml"}
    assert there == set(files)
    for name, wanted in files.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == wanted, name
    for package in packages:
        assert package["licence"] in {"MIT", "Apache-2.0", "MPL-2.0"}
        assert any(entry["name"].endswith(".LICENSE") for entry in package["files"])


def test_all_script_and_style_that_is_sent_is_at_most_80_kb_gzipped() -> None:
    asked = re.findall(r'(?:src|href)="static/([^"]+)"', (DASHBOARD / "index.html").read_text())
    asked += re.findall(r'from ?"\./(vendor/[^"]+)"', body(DASHBOARD / "app.js").decode())
    asked.append("stream.js")  # the shared worker's
    files = {DASHBOARD / name for name in asked if name.endswith(CODE)}
    assert {path.name for path in files} > {"app.js", "base.css", "hooks.mjs"}
    assert sum(len(gzip.compress(body(path), 9, mtime=0)) for path in files) <= BUDGET_BYTES


def test_no_module_of_ours_is_longer_than_300_lines_or_without_a_word_on_what_it_is_for() -> None:
    for path in ours():
        lines = path.read_text().splitlines()
        assert len(lines) <= 300, path
        assert lines[0].startswith(("// ", "/* ")), path


def test_every_import_leads_to_a_file_and_no_address_is_absolute() -> None:
    for path in ours():
        text = path.read_text()
        for target in re.findall(r'^(?:import|export) .* from "([^"]+)";', text, re.MULTILINE):
            assert target.startswith("."), f"{path}: {target}"
            assert (path.parent / target).resolve().is_file(), f"{path}: {target}"
        assert not re.search(r'["(`]/(api|static)', text), path
        assert "https://" not in text, path
    page = (DASHBOARD / "index.html").read_text()
    for target in re.findall(r'(?:src|href)="([^"]+)"', page):
        assert (DASHBOARD / target.removeprefix("static/")).is_file(), target
    assert "<style" not in page
    assert not re.search(r"<script(?![^>]*src=)", page)


def test_the_colours_of_the_page_are_those_that_cells_are_drawn_with() -> None:
    from searchspaces.draw import COLOURS

    style = (DASHBOARD / "css" / "cells.css").read_text()
    for name, (light, dark) in COLOURS.items():
        assert f"--{name}:" in style, name
        if name.startswith(("op-", "wire-")):
            wanted = light if light == dark else f"light-dark({light}, {dark})"
            assert f"--{name}: {wanted};" in style, name
