"""The read API under load, and the stream of events to many listeners.

    python benchmarks/soak.py [--requests 10000] [--clients 50] [--listeners 200] [--seconds 60]

Starts the API on a free port over a search of 2,000 trials. First many clients read, in turns, what
the pages of a search read; every answer must be a 200. Then a search runs while many listen to its
events: each must get every event once and in order. Writes soak.json. Wall clock, clients and
service on the same cores. The rate of one token is left open: it is what is to be exceeded here.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import os
import queue
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from machine import ROOT, describe

sys.path.insert(0, str(ROOT))  # tests.service.making fills a search without running it

from nas.store import Desired
from service import eventlog, searches
from service.db import Database
from service.processes import Stop
from service.runner import Runner
from service.settings import Settings
from tests.service.making import fill, toy_spec

TOKEN = "benchmark-" + "x" * 43
SIGNED = {"Authorization": f"Bearer {TOKEN}"}
TRIALS = 2000
PATHS = (
    "meta",
    "searches",
    "searches/{id}",
    "searches/{id}/trials?limit=100",
    "searches/{id}/trials?sort=-reward&limit=20",
    "searches/{id}/trials?filter=accuracy%3E0.5%20and%20params%3C50000&limit=50",
    "searches/{id}/trials/7",
    "searches/{id}/trials/7/cells/chain.svg",
    "searches/{id}/history?after=1900",
    "searches/{id}/models",
    "workers",
    "zoo?pattern=vgg*",
)
PACE_SECONDS = 0.1  # of a trial: some 30 events a second
START_SECONDS = 90.0


def serve(settings: Settings) -> tuple[subprocess.Popen[bytes], int]:
    """Start the API; return it and its port once it has loaded what it shows."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    more = {"NAS_TOKEN": TOKEN, "NAS_PORT": str(port), "NAS_REQUESTS_PER_SECOND": "0"}
    environment = os.environ | settings.environment() | more
    api = subprocess.Popen([sys.executable, "-m", "service.api"], env=environment)
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        try:
            Caller(port).get("zoo?pattern=vgg*")
        except OSError:
            time.sleep(0.2)
        else:
            return api, port
    api.kill()
    raise RuntimeError("the API does not answer")


class Caller:
    """One connection that is kept open."""

    def __init__(self, port: int) -> None:
        """Prepare it."""
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)

    def get(self, path: str) -> int:
        """Read an answer to its end; return its status."""
        self.connection.request("GET", f"/api/v1/{path}", headers=SIGNED)
        answer = self.connection.getresponse()
        answer.read()
        return answer.status


def read_all(port: int, search_id: str, requests: int, clients: int) -> dict[str, Any]:
    """Send the requests from so many clients at once; return what came of them."""
    paths = [path.format(id=search_id) for path in PATHS]
    work: queue.SimpleQueue[str] = queue.SimpleQueue()
    for number in range(requests):
        work.put(paths[number % len(paths)])
    seen: list[tuple[str, float, int | str]] = []

    def client() -> None:
        caller = Caller(port)
        while True:
            try:
                path = work.get_nowait()
            except queue.Empty:
                return
            begun = time.perf_counter()
            try:
                status: int | str = caller.get(path)
            except (OSError, http.client.HTTPException) as error:
                status, caller = type(error).__name__, Caller(port)
            seen.append((path, time.perf_counter() - begun, status))

    begun = time.perf_counter()
    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - begun
    statuses = Counter(str(status) for _, _, status in seen)
    return {
        "requests": len(seen),
        "clients": clients,
        "errors": len(seen) - statuses["200"],
        "statuses": dict(statuses),
        "requests_per_second": len(seen) / took,
        **percentiles([seconds for _, seconds, _ in seen]),
        "by_path": {
            known: percentiles([s for path, s, _ in seen if path == known.format(id=search_id)])
            for known in PATHS
        },
    }


def percentiles(seconds: list[float]) -> dict[str, float]:
    """Return the median and the 95th percentile in milliseconds."""
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    return {"p50_ms": 1000 * cuts[49], "p95_ms": 1000 * cuts[94]}


async def listen(port: int, after: int, last: asyncio.Future[int]) -> tuple[list[int], list[float]]:
    """Listen until the last event has come; return the numbers of all, and how late they were."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
    writer.write(
        f"GET /api/v1/events?after={after} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        f"Authorization: {SIGNED['Authorization']}\r\n\r\n".encode()
    )
    seqs: list[int] = []
    late: list[float] = []
    try:
        while not (last.done() and seqs and seqs[-1] >= last.result()):
            line = await asyncio.wait_for(reader.readline(), 30)
            if not line:
                break  # the service cut us off: events are missing, which the report says
            if line.startswith(b"data: "):
                event = json.loads(line[6:])
                seqs.append(event["seq"])
                late.append(time.time() - datetime.fromisoformat(event["at"]).timestamp())
    except TimeoutError:
        pass  # as above
    finally:
        writer.close()
    return seqs, late


async def follow_all(
    port: int, database: Database, listeners: int, seconds: float
) -> dict[str, Any]:
    """Let many listen while a search runs; return whether each heard everything once, in order."""
    search_id = searches.create(database, toy_spec(100_000, seconds=PACE_SECONDS))
    with database.read() as connection:
        after = eventlog.last_seq(connection)
    last: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    tasks = [asyncio.create_task(listen(port, after, last)) for _ in range(listeners)]
    await asyncio.sleep(2)
    runner = Runner(database, search_id, Stop(patience=None))
    running = asyncio.create_task(asyncio.to_thread(runner.run))
    begun = time.monotonic()
    await asyncio.sleep(seconds)
    searches.request(database, search_id, Desired.STOP)
    await running
    took = time.monotonic() - begun
    with database.read() as connection:
        events = [event.seq for event in eventlog.after(connection, after, None, 1_000_000)]
    last.set_result(events[-1])
    heard = await asyncio.gather(*tasks)
    return {
        "listeners": listeners,
        "seconds": took,
        "events": len(events),
        "frames_per_second": listeners * len(events) / took,
        "listeners_with_every_event_once_in_order": sum(seqs == events for seqs, _ in heard),
        "late": percentiles([one for _, late in heard for one in late]),
    }


def main() -> int:
    """Measure, write, and return 0 where nothing failed and nothing was missed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--listeners", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60.0, help="of listening")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results")
    given = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.load(home=Path(folder, "home"))
        with Database.open(settings) as database:
            search_id = searches.create(database, toy_spec(TRIALS))
            searches.request(database, search_id, Desired.STOP)
            fill(database, search_id, TRIALS)
            api, port = serve(settings)
            try:
                reading = read_all(port, search_id, given.requests, given.clients)
                print(json.dumps(reading, indent=2))
                stream = asyncio.run(follow_all(port, database, given.listeners, given.seconds))
                print(json.dumps(stream, indent=2))
            finally:
                api.terminate()
                api.wait(30)
    held = not reading["errors"] and (
        stream["listeners_with_every_event_once_in_order"] == given.listeners
    )
    report = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": describe(),
        "load": {"before": load, "after": os.getloadavg()[0]},
        "reading": reading,
        "stream": stream,
        "held": held,
    }
    given.output.mkdir(parents=True, exist_ok=True)
    Path(given.output, "soak.json").write_text(json.dumps(report, indent=1) + "\n")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
