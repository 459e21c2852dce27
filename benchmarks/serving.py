"""How fast the API classifies: one image a request, many in one, many clients at once.

    python benchmarks/serving.py [--seconds 10] [--output benchmarks/results]

Starts the API on a free port over a folder with two networks in it (fresh weights: they cost what
trained ones cost), and asks it over HTTP from another process. Writes serving.json and serving.md.
Wall clock on this machine, clients and service on the same cores; the load of the others is noted.
"""

from __future__ import annotations

import argparse
import base64
import http.client
import io
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from machine import describe
from PIL import Image

from nas.data import DataSpec
from nas.export import Subject, export_subject
from nas.export.facts import Card
from nas.export.zoo import zoo_subject
from nas.spec import Execution, Final, Limits, Part, SearchSpec
from nas.zoo.catalog import ZOO
from searchspaces import Task
from searchspaces.catalog import SPACES
from searchspaces.scale import Scale
from service import models, searches
from service.clock import now
from service.db import Database
from service.processes import Stop
from service.runner import Runner
from service.settings import Settings
from service.states import ModelState

TOKEN = "benchmark-" + "x" * 43
TOGETHER = 32  # images of one request
CLIENTS = 16
ROUNDS = 5  # in turns
BAR = 3.0  # times the throughput of one image a request, one after the other
TASK = Task(3, 32, 32, 10)


def networks() -> dict[str, Subject]:
    """Return a searched and a hand-built network for images of 32x32."""
    arch, scale = ZOO.create("nasnet_a_cifar").arch, Scale(cells=2, filters=16)
    model = SPACES.create("nasnet").build(arch, TASK, scale).eval()
    card = Card(
        title="NASNet-A, N=2, F=16",
        classes=tuple(f"class {n}" for n in range(10)),
        mean=(0.5,) * 3,
        std=(0.25,) * 3,
    )
    return {
        "NASNet-A, N=2, F=16": Subject(model, arch, TASK, scale, card),
        "ResNet-20 (zoo)": zoo_subject("resnet20_cifar"),
    }


def prepare(settings: Settings) -> dict[str, str]:
    """Make a search whose models are the networks; return the model of each."""
    found = {}
    with Database.open(settings) as database:
        spec = SearchSpec(
            space=Part(name="toy"),
            controller=Part(name="random"),
            evaluator=Part(
                name="trained", options={"recipe": {"epochs": 1}, "scale": {"filters": 4}}
            ),
            data=DataSpec(train_images=100, test_images=50),
            limits=Limits(trials=1),
            execution=Execution(executor="inline"),
            final=Final(epochs=0),
        )
        search_id = searches.create(database, spec)
        Runner(database, search_id, Stop(patience=None)).run()
        for number, (title, subject) in enumerate(networks().items(), 1):
            model_id = models.request(database, search_id, epochs=number)
            files = export_subject(models.folder(database, model_id), subject, ["safetensors"])
            listed = [asdict(file) for file in files]
            models.change(database, model_id, state=ModelState.DONE, files=listed, ended_at=now())
            found[title] = model_id
    return found


def bodies(images: int, seed: int) -> bytes:
    """Return a request of random pictures, as PNG in base64."""
    generator, found = np.random.default_rng(seed), []
    for _ in range(images):
        out = io.BytesIO()
        pixels = generator.integers(0, 256, (32, 32, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(out, "PNG")
        found.append(base64.b64encode(out.getvalue()).decode())
    return json.dumps({"images": found}).encode()


class Client:
    """One connection that is kept open."""

    def __init__(self, port: int, model_id: str, images: int, seed: int) -> None:
        """Prepare the request."""
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.path, self.body = f"/api/v1/models/{model_id}/predict?top=1", bodies(images, seed)
        self.images = images

    def ask(self) -> float:
        """Send the request; return the seconds to the end of the answer."""
        begun = time.perf_counter()
        self.connection.request(
            "POST",
            self.path,
            self.body,
            {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"},
        )
        answer = self.connection.getresponse()
        content = answer.read()
        seconds = time.perf_counter() - begun
        if answer.status != 200 or len(json.loads(content)["predictions"]) != self.images:
            raise RuntimeError(f"{answer.status}: {content[:200]!r}")
        return seconds


def measure(
    port: int, model_id: str, *, images: int, clients: int, seconds: float
) -> tuple[list[float], float]:
    """Let clients ask one request after the other; return the latencies, and the seconds in all."""
    asking = [Client(port, model_id, images, seed) for seed in range(clients)]
    asking[0].ask()  # the network is read
    times: list[float] = []
    end = time.perf_counter() + seconds

    def work(client: Client) -> None:
        while time.perf_counter() < end:
            times.append(client.ask())

    begun = time.perf_counter()
    threads = [threading.Thread(target=work, args=(client,)) for client in asking]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return times, time.perf_counter() - begun


def summary(parts: list[tuple[list[float], float]], images: int) -> dict[str, float]:
    """Return throughput and latencies of all rounds of one way of asking."""
    times = [seconds for part, _ in parts for seconds in part]
    took = sum(seconds for _, seconds in parts)
    cuts = statistics.quantiles(times, n=100, method="inclusive")
    return {
        "requests": len(times),
        "requests_per_second": len(times) / took,
        "images_per_second": images * len(times) / took,
        "p50_ms": 1000 * cuts[49],
        "p95_ms": 1000 * cuts[94],
    }


WAYS: dict[str, dict[str, int]] = {
    "one client, 1 image a request": {"images": 1, "clients": 1},
    f"one client, {TOGETHER} images a request": {"images": TOGETHER, "clients": 1},
    f"{CLIENTS} clients, 1 image a request": {"images": 1, "clients": CLIENTS},
}


def run(seconds: float) -> dict[str, dict[str, dict[str, float]]]:
    """Return the figures of each network and way."""
    with tempfile.TemporaryDirectory() as home:
        settings = Settings.load(home=Path(home, "home"))
        ids = prepare(settings)
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        environment = {
            **os.environ,
            **settings.environment(),
            "NAS_TOKEN": TOKEN,
            "NAS_PORT": str(port),
        }
        api = subprocess.Popen([sys.executable, "-m", "service.api"], env=environment)
        try:
            _until_it_answers(port)
            return {title: ask_all_ways(port, model_id, seconds) for title, model_id in ids.items()}
        finally:
            api.terminate()
            api.wait(30)


def ask_all_ways(port: int, model_id: str, seconds: float) -> dict[str, dict[str, float]]:
    """Measure every way in turns: what else the machine does disturbs all of them alike."""
    parts: dict[str, list[tuple[list[float], float]]] = {way: [] for way in WAYS}
    for _ in range(ROUNDS):
        for way, what in WAYS.items():
            parts[way].append(measure(port, model_id, seconds=seconds / ROUNDS, **what))
    return {way: summary(parts[way], what["images"]) for way, what in WAYS.items()}


def _until_it_answers(port: int) -> None:
    for _ in range(300):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/healthz")
            if connection.getresponse().status == 200:
                time.sleep(10)  # it imports the catalog in the background: not what is measured
                return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError("the API does not answer")


def page(report: dict[str, Any]) -> str:
    """Return the figures as Markdown."""
    about = report["machine"]
    lines = [
        "# Classifying over HTTP",
        "",
        f"`make bench-serving`, {report['date']}, commit {about['commit']}: {about['cpu']}, "
        f"{about['cores']} cores, torch {about['torch']}, one thread of torch; load of the machine "
        f"{report['load_before']:.1f} before and {report['load_after']:.1f} after. PNG of 32x32 in "
        f"base64; clients on the same cores; {report['seconds']:g} s each way, "
        f"in {ROUNDS} turns.",
        "",
        "| network | how it is asked | requests/s | images/s | p50 ms | p95 ms | times the first |",
        "|---|---|---|---|---|---|---|",
    ]
    for title, ways in report["figures"].items():
        first = next(iter(ways.values()))["images_per_second"]
        for way, one in ways.items():
            lines.append(
                f"| {title} | {way} | {one['requests_per_second']:.1f} | "
                f"{one['images_per_second']:.1f} | {one['p50_ms']:.1f} | {one['p95_ms']:.1f} | "
                f"{one['images_per_second'] / first:.1f} |"
            )
    lines += [
        "",
        f"The bar: {TOGETHER} images in a request are at least {BAR:g} times as many a second as "
        f"one a request, one after the other. {'Held' if report['held'] else 'Not held'}.",
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Measure, write, and return 0 where the bar is held."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=10.0, help="of each way of asking, in all")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results")
    given = parser.parse_args()
    before = os.getloadavg()[0]
    figures = run(given.seconds)
    one, many = list(WAYS)[:2]
    held = all(
        ways[many]["images_per_second"] >= BAR * ways[one]["images_per_second"]
        for ways in figures.values()
    )
    report = {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "machine": describe(),
        "load_before": before,
        "load_after": os.getloadavg()[0],
        "seconds": given.seconds,
        "figures": figures,
        "held": held,
    }
    given.output.mkdir(parents=True, exist_ok=True)
    (given.output / "serving.json").write_text(json.dumps(report, indent=2) + "\n")
    (given.output / "serving.md").write_text(page(report))
    print(page(report))
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
