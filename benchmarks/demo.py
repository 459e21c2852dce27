"""How long `make run` takes on an installed clone: to the first trial, to the exported model.

    python benchmarks/demo.py [--json FILE]

Starts the service with its demo search in an empty folder, as `make run` does, and watches it over
its own API. One run: the times are wall clock and depend on the machine.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from machine import describe

LIMIT_SECONDS = 900
TOKEN = "benchmark-" + "x" * 43


def get(port: int, path: str) -> dict:
    """Return the JSON of one GET request."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", headers={"Authorization": f"Bearer {TOKEN}"}
    )
    with urllib.request.urlopen(request, timeout=5) as answer:
        return json.load(answer)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def watch(port: int, begun: float, process: subprocess.Popen) -> dict[str, float]:
    """Return the seconds to each milestone, and the final accuracies."""
    seen: dict[str, float] = {}
    while time.monotonic() - begun < LIMIT_SECONDS and process.poll() is None:
        time.sleep(0.5)
        try:
            items = get(port, "/api/v1/searches")["items"]
        except (urllib.error.URLError, OSError):
            continue
        seen.setdefault("service answers", time.monotonic() - begun)
        if not items:
            continue
        search = items[0]
        if search["counts"]["done"]:
            seen.setdefault("first trial done", time.monotonic() - begun)
        if search["counts"]["done"] >= search["limits"]["trials"]:
            seen.setdefault("all trials done", time.monotonic() - begun)
        if search["state"] in {"finished", "failed", "stopped"}:
            seen["model exported"] = time.monotonic() - begun
            seen["best selection accuracy"] = search["best"]["reward"]
            model = search["models"][0]
            seen["test accuracy"] = model["metrics"]["test_accuracy"]
            return seen
    if process.poll() is not None:
        raise SystemExit(f"the service ended with {process.returncode}; seen: {seen}")
    raise SystemExit(f"the demo did not end in {LIMIT_SECONDS} s; seen: {seen}")


def main() -> None:
    """Run the demo once and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    arguments = parser.parse_args()
    port = free_port()
    with tempfile.TemporaryDirectory() as home:
        env = {**os.environ, "NAS_HOME": home, "NAS_TOKEN": TOKEN}
        nas = Path(sys.executable).with_name("nas")
        begun = time.monotonic()
        process = subprocess.Popen(
            [nas, "serve", "--demo", "--port", str(port)], env=env, stdout=subprocess.DEVNULL
        )
        try:
            seen = watch(port, begun, process)
        finally:
            stopping = time.monotonic()
            process.send_signal(signal.SIGINT)
            process.wait(30)
        seen["clean stop"] = time.monotonic() - stopping
    for name, value in seen.items():
        print(f"{name:26} {value:8.3f}" + ("" if "accuracy" in name else " s"))
    if arguments.json:
        arguments.json.write_text(json.dumps({"machine": describe(), "seen": seen}, indent=1))


if __name__ == "__main__":
    main()
