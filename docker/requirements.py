"""Prints the dependencies of a pyproject.toml, one a line, for a Docker layer of their own.

Those of the extra onnx too: who asks a service for an ONNX file cannot install anything in it.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

project = tomllib.loads(Path(sys.argv[1]).read_text())["project"]
found = project["dependencies"] + project["optional-dependencies"]["onnx"]
sys.stdout.write("\n".join(found) + "\n")
