"""Prints the dependencies of a pyproject.toml, one a line, for a Docker layer of their own."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

project = tomllib.loads(Path(sys.argv[1]).read_text())["project"]
sys.stdout.write("\n".join(project["dependencies"]) + "\n")
