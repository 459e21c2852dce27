"""Fetch the dashboard's libraries from npm into service/dashboard/vendor, as vendor.toml says.

``python tools/vendor.py`` downloads each package of ``vendor.toml`` with ``npm pack``, copies the
named files and rewrites the file with their hashes. Nothing is bundled or compiled: a vendored file
is the author's own, except for the import path that the ``rewrite`` table states (browsers resolve
no bare names without an inline import map, which the content security policy forbids).
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = (ROOT / "service/dashboard/vendor", ROOT / "tests/browser/vendor")


def fetch(package: dict[str, Any], scratch: Path) -> Path:
    """Return the tarball of one package, downloaded into ``scratch``."""
    wanted = f"{package['name']}@{package['version']}"
    done = subprocess.run(
        ["npm", "pack", wanted, "--silent", "--pack-destination", str(scratch)],
        check=True,
        capture_output=True,
        text=True,
    )
    return scratch / done.stdout.split()[-1]


def extract(package: dict[str, Any], tarball: Path, folder: Path) -> None:
    """Write the package's files into ``folder`` and their hashes into ``package``."""
    with tarfile.open(tarball) as archive:
        for entry in package["files"]:
            member = archive.extractfile(f"package/{entry['source']}")
            if member is None:
                raise SystemExit(f"{package['name']}: no file {entry['source']} in the tarball")
            content = member.read()
            for old, new in entry.get("rewrite", {}).items():
                if old.encode() not in content:
                    raise SystemExit(f"{entry['source']}: nothing to rewrite, {old!r} is not there")
                content = content.replace(old.encode(), new.encode())
            (folder / entry["name"]).write_bytes(content)
            entry["sha256"] = hashlib.sha256(content).hexdigest()


def dump(packages: list[dict[str, Any]]) -> str:
    """Return ``vendor.toml`` again, in the order in which it was read."""
    lines = ["# Libraries copied from npm by tools/vendor.py; a test compares the hashes."]
    for package in packages:
        lines += ["", "[[package]]"]
        lines += [f"{key} = {json.dumps(package[key])}" for key in ("name", "version", "licence")]
        for entry in package["files"]:
            lines += ["", "[[package.files]]"]
            lines += [f"{key} = {json.dumps(entry[key])}" for key in ("name", "source", "sha256")]
            for old, new in entry.get("rewrite", {}).items():
                lines.append(f"rewrite = {{ {json.dumps(old)} = {json.dumps(new)} }}")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Refresh every vendor folder."""
    for folder in FOLDERS:
        packages = tomllib.loads((folder / "vendor.toml").read_text())["package"]
        with tempfile.TemporaryDirectory() as scratch:
            for package in packages:
                extract(package, fetch(package, Path(scratch)), folder)
                sys.stdout.write(f"{package['name']} {package['version']}\n")
        (folder / "vendor.toml").write_text(dump(packages))
    return 0


if __name__ == "__main__":
    sys.exit(main())
