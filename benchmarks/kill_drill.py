"""Kills random processes of a real search and resumes it: nothing lost, nothing told twice.

    python benchmarks/kill_drill.py --data cifar10-images.zip [--trials 20] [--kills 6] [--seed 0]

Runs `nas search` with Ray on the given images, kills -9 a random process of it (the command, the
runner, a Ray worker, the raylet, the GCS) at random moments, and runs `nas resume` whenever the
command has died. At the end the database is checked: every trial ended exactly once, every result
told exactly once, numbers without gaps, no process left.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from machine import describe

NAS = Path(sys.executable).with_name("nas")
FINAL = ("done", "failed", "stopped")
ENDINGS = "SELECT trial FROM event WHERE kind IN ('trial.done', 'trial.failed', 'trial.stopped')"


def family(mark: str) -> dict[int, str]:
    """Return the processes whose environment carries ``mark``, with a short name each."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            if mark.encode() in (entry / "environ").read_bytes():
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                found[int(entry.name)] = kind(line)
    return found


def kind(line: str) -> str:
    """Return what a command line is in this drill, empty for a process that is not a target."""
    if "service.runner" in line:
        return "runner"
    if "gcs_server" in line:
        return "ray gcs"
    if "raylet/raylet" in line:
        return "raylet"
    if line.startswith("ray::"):
        return "ray worker"
    return "nas" if "bin/nas " in line else ""


def start(arguments: list[str], env: dict[str, str], log: Path) -> subprocess.Popen:
    """Start one nas command with its output in the log."""
    with log.open("ab") as file:
        return subprocess.Popen([NAS, *arguments], env=env, stdout=file, stderr=file)


def drill(options: argparse.Namespace, home: Path) -> dict:
    """Run the search with its kills; return what was killed and how often it was resumed."""
    rng = random.Random(options.seed)
    env = {**os.environ, "NAS_HOME": str(home), "DRILL_HOME": home.name}
    mark = f"DRILL_HOME={home.name}"
    log = home.with_suffix(".log")
    command = ["search", "--data", str(options.data), "--name", "drill", "--space", "nasnet"]
    command += ["--controller", "reinforce", "--trials", str(options.trials), "--workers", "2"]
    command += ["--train-images", options.train_images, "--seed", str(options.seed)]
    process = start(command, env, log)
    killed: Counter[str] = Counter()
    resumed = 0
    begun = time.monotonic()
    while True:
        pause = rng.uniform(*options.pause) if killed.total() < options.kills else 1e9
        try:
            code = process.wait(pause)
        except subprocess.TimeoutExpired:
            targets = [(pid, name) for pid, name in family(mark).items() if name]
            pid, name = rng.choice(sorted(targets))
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                killed[name] += 1
                print(f"{time.monotonic() - begun:7.1f} s  kill -9 {name}", flush=True)
            continue
        if code == 0:
            break
        resumed += 1
        print(f"{time.monotonic() - begun:7.1f} s  ended with {code}: nas resume", flush=True)
        if resumed > options.kills + 5:
            raise SystemExit(f"resumed {resumed} times; see {log}")
        time.sleep(1)
        process = start(["resume", "drill"], env, log)
    time.sleep(10)
    left = [name for name in family(mark).values() if name]
    seconds = time.monotonic() - begun - 10
    return {"killed": dict(killed), "resumed": resumed, "seconds": seconds, "left": left}


def check(home: Path, trials: int) -> dict:
    """Return the counts that must hold after the drill; raise SystemExit where one does not."""
    with contextlib.closing(sqlite3.connect(home / "nasturtium.db")) as database:
        rows = database.execute(
            "SELECT number, state, attempt, told FROM trial ORDER BY number"
        ).fetchall()
        ended = Counter(number for (number,) in database.execute(ENDINGS))
        sequence = [seq for (seq,) in database.execute("SELECT seq FROM event ORDER BY seq")]
        (attempts,) = database.execute("SELECT count(*) FROM trial_attempt").fetchone()
        (integrity,) = database.execute("PRAGMA integrity_check").fetchone()
        (metrics,) = database.execute("SELECT metrics FROM model WHERE state='done'").fetchone()
    wrong = []
    if [row[0] for row in rows] != list(range(trials)):
        wrong.append(f"numbers are {[row[0] for row in rows]}")
    if any(row[1] not in FINAL or not row[3] for row in rows):
        wrong.append(f"not ended or not told: {[r for r in rows if r[1] not in FINAL or not r[3]]}")
    if set(ended.values()) != {1}:
        wrong.append(f"ended more than once: {[n for n, c in ended.items() if c > 1]}")
    if sequence != list(range(1, len(sequence) + 1)):
        wrong.append("the events have gaps")
    if integrity != "ok":
        wrong.append(f"integrity: {integrity}")
    if wrong:
        raise SystemExit("\n".join(wrong))
    return {
        "trials": len(rows),
        "states": dict(Counter(row[1] for row in rows)),
        "attempts": attempts,
        "test_accuracy": json.loads(metrics)["test_accuracy"],
    }


def main() -> None:
    """Run the drill once and print what it saw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--train-images", default="auto")
    parser.add_argument("--kills", type=int, default=6)
    parser.add_argument("--pause", type=float, nargs=2, default=(30.0, 90.0))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nas-drill-") as folder:
        seen = drill(options, Path(folder) / "home")
        seen |= check(Path(folder) / "home", options.trials)
    for name, value in seen.items():
        print(f"{name:14} {value}")
    if seen["left"]:
        raise SystemExit(f"processes left behind: {seen['left']}")
    if options.json:
        options.json.write_text(json.dumps({"machine": describe(), **seen}, indent=1))


if __name__ == "__main__":
    main()
