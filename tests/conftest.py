"""What every test shares: hypothesis profiles, one torch thread, and where the shared data lies."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

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


@pytest.hookimpl(tryfirst=True)  # before xdist, which reads the groups in a hook of its own
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of a file in one process, and all that use Chromium: fixtures start once."""
    for item in items:
        folder = item.path.parent
        group = folder if folder.name == "browser" else item.path
        item.add_marker(pytest.mark.xdist_group(str(group.relative_to(ROOT))))


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
