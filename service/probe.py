"""The process that measures for an estimate; it ends with the process that started it."""

from __future__ import annotations

import sys

from nas.probe import probe
from service.processes import die_with_parent, parent_pid

if __name__ == "__main__":
    die_with_parent(parent_pid())
    sys.exit(probe())
