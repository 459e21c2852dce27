"""Has a data set read in a process of its own, one at a time and not for ever."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

from service.errors import StorageError, UserError
from service.processes import child_environment

if TYPE_CHECKING:
    from pathlib import Path

    from service.settings import Settings

SECONDS = 300
_turn = threading.Lock()


def examined(settings: Settings, path: Path, shown: str, field: str, *, upload: bool) -> Any:
    """Return ``kind`` and ``about`` of the images at a path; raise UserError where it cannot be.

    ``shown`` stands for the path in messages, and ``field`` is to blame. The limits of size are
    those of an ``upload``, whose kind does not follow from its name.
    """
    most = settings.upload_bytes if upload else None
    asked = {"path": str(path), "root": str(settings.data_root), "most": most}
    if not _turn.acquire(timeout=SECONDS):
        raise StorageError("another data set is being read; try again")
    try:
        found = subprocess.run(
            [sys.executable, "-m", "service.examination"],
            input=json.dumps(asked),
            env=child_environment(OMP_NUM_THREADS="1"),
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        text = f"{shown}: reading it took more than {SECONDS} seconds"
        raise UserError(text, field=field, value=shown) from error
    finally:
        _turn.release()
    answer = _answer(found.stdout)
    if "error" in answer:
        text = str(answer["error"]).replace(str(path), shown)
        raise UserError(text, field=field, value=shown)
    if "kind" not in answer:
        text = f"{shown}: the process that read it ended with {found.returncode}"
        raise UserError(text, field=field, value=shown)
    return answer


def _answer(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
