"""What every test shares: hypothesis profiles, one torch thread, and where the shared data lies."""

from __future__ import annotations

import os
import signal
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    from xdist.remote import Producer

ROOT = Path(__file__).resolve().parent.parent

# In CI the examples are the same every time; at a desk each run tries new ones.
settings.register_profile(
    "ci", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("dev", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ci" if os.environ.get("CI") else "dev")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the switch that rewrites golden files; the difference is reviewed like code."""
    parser.addoption("--update-golden", action="store_true", help="rewrite tests/golden")


def pytest_configure() -> None:
    """Take the user's own NAS_ settings away; let one torch thread do the work (two cores)."""
    for name in [name for name in os.environ if name.startswith("NAS_")]:
        if name != "NAS_SHARED_DATA":
            del os.environ[name]
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    # A shell starts what runs in the background deaf to Ctrl-C, and children inherit that.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


class ByFile(LoadScopeScheduling):
    """Gives all tests of a file to one process, and all that use Chromium: fixtures start once.

    (Groups by mark do not work: xdist 3.8 writes them into an attribute that pytest 9 has no more.)
    """

    def _split_scope(self, nodeid: str) -> str:
        file = PurePath(nodeid.partition("::")[0])
        return str(file.parent if file.parent.name == "browser" else file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile | None:
    """Replace the scheduler of ``--dist loadscope``, which ``make test`` asks for."""
    return ByFile(config, log) if config.getvalue("dist") == "loadscope" else None


@pytest.fixture(scope="session")
def root() -> Path:
    """Return the root of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of shared data sets ($NAS_SHARED_DATA or ../shared/data), or skip."""
    folder = Path(os.environ.get("NAS_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no shared data: {folder} is missing and NAS_SHARED_DATA names no other")
    return folder
