"""The Ray executor and its head process: what they open, what they leave, how a cluster dies."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from nas.execution.cluster import check_room, parse_address
from nas.execution.head import Head, environment, make_folder, make_token, remove_folder, token_path
from nas.execution.ray import Ray
from nas.execution.station import _machine
from nas.execution.worker import WorkersUnavailable
from nas.spec import Execution
from tests import drill
from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

SMALL = {"CPU": 2.0, "memory": 1e9}
LARGE = {"CPU": 8.0, "GPU": 1.0}


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("drill")
    with drill.environment(folder):
        yield folder / "home"


def start_head(folder: Path) -> tuple[subprocess.Popen[bytes], str]:
    """Start the head as the supervisor does, and wait for its address."""
    file = folder / "address"
    command = [sys.executable, "-m", "nas.execution.ray_head", "--num-cpus", "2"]
    process = subprocess.Popen([*command, "--address-file", str(file)], cwd=ROOT)
    until = time.monotonic() + 60
    while not file.exists():
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.1)
    return process, file.read_text()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A cluster of two CPUs that outlives the executors which meet it, as the service's does."""
    process, address = start_head(tmp_path_factory.mktemp("head"))
    family = drill.descendants(process.pid)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NAS_RAY_ADDRESS", address)
        yield address
    process.terminate()
    assert process.wait(15) == 0
    assert drill.gone(family, 5.0)


@pytest.mark.ray
def test_an_executor_joins_the_cluster_of_the_environment_and_leaves_it_there(address: str) -> None:
    for _ in range(2):
        executor = drill.make("ray")
        outcome = drill.Log(executor).one("score")
        assert outcome.metrics["accuracy"] == 0.5
        (node,) = executor.nodes
        assert outcome.worker == f"ray-0@{node.name}"
        assert node.address == address.partition(":")[0]
        assert node.cluster == address
        assert len(node.id) == 12
        assert (node.alive, node.cpus, node.gpus) == (True, 2.0, 0.0)
        assert node.memory_bytes > 1 << 20
        executor.close()


@pytest.mark.ray
@pytest.mark.usefixtures("address")
def test_a_place_has_one_name_whatever_becomes_of_its_trials() -> None:
    executor = drill.make("ray", workers=1, trial_timeout_seconds=3.0)
    log = drill.Log(executor)
    names = {log.one(action).worker for action in ("score", "killed", "hang", "error")}
    (node,) = executor.nodes
    assert names == {f"ray-0@{node.name}"}
    executor.close()


@pytest.mark.ray
@pytest.mark.usefixtures("address")
def test_a_cluster_that_does_not_tell_of_its_nodes_is_asked_again_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import ray

    def refuse() -> None:
        raise ray.exceptions.RaySystemError("Failed to connect to GCS.")

    executor = drill.make("ray", workers=1)
    assert isinstance(executor, Ray)
    executor.wait(0.1)
    (node,) = executor.nodes
    monkeypatch.setattr(ray, "nodes", refuse)
    executor._look_at = 0.0
    executor.wait(0.1)
    assert executor.nodes == (node,)
    executor.close()


@pytest.mark.ray
@pytest.mark.usefixtures("address")
def test_more_workers_than_the_cluster_has_room_for_leave_those_that_fit() -> None:
    executor = drill.make("ray", workers=4)
    log = drill.Log(executor)
    log.listen(lambda: executor.free() == 2)
    outcomes = log.run(*(drill.job("score", number) for number in range(5)))
    assert [outcome.metrics["accuracy"] for outcome in outcomes] == [0.5] * 5
    assert executor.free() == 2
    executor.close()


@pytest.mark.ray
@pytest.mark.usefixtures("address")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cpus_per_trial": 64}, "cpus_per_trial is 64, but the largest node of the cluster has 2"),
        ({"gpus_per_trial": 0.5}, "gpus_per_trial is 0.5, but the cluster has no GPU"),
        ({"gpus_per_trial": 1.5}, "gpus_per_trial is 1.5: must be a whole number, or less than 1"),
        (
            {"ray_address": "ray://head:10001"},
            "ray_address is 'ray://head:10001', must be host:port",
        ),
    ],
)
def test_what_the_cluster_cannot_give_is_refused_at_once(
    options: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match="^" + message.replace(".", r"\.")):
        drill.make("ray", **options)


@pytest.mark.ray
@pytest.mark.usefixtures("address")
def test_the_executor_leaves_the_handler_of_sigterm_alone() -> None:
    def handler(*_: object) -> None:
        raise AssertionError

    before = signal.signal(signal.SIGTERM, handler)
    try:
        executor = drill.make("ray", workers=1)
        assert signal.getsignal(signal.SIGTERM) is handler
        executor.close()
    finally:
        signal.signal(signal.SIGTERM, before)


def listeners(pids: set[int]) -> set[str]:
    """Return the addresses, in the kernel's notation, at which any of the processes listens."""
    inodes = set()
    for pid in pids:
        for descriptor in Path(f"/proc/{pid}/fd").glob("*"):
            try:
                inodes.add(str(descriptor.readlink()))
            except OSError:
                continue
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes:
                found.add(fields[1].partition(":")[0])
    return found


@pytest.mark.ray
def test_a_cluster_of_our_own_listens_on_loopback_alone_and_its_token_is_ours(
    address: str, home: Path
) -> None:
    assert address.startswith("127.0.0.1:")
    found = listeners(drill.descendants(os.getpid()))
    assert found
    assert found <= {"0100007F", "0000000000000000FFFF00000100007F"}, found
    assert stat.S_IMODE(token_path(os.environ).stat().st_mode) == 0o600
    assert len(token_path(os.environ).read_text()) == 64


@pytest.mark.ray
@pytest.mark.slow
def test_a_cluster_refuses_a_driver_without_its_token(address: str, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("0" * 64)
    code = (
        "from tests import drill\n"
        "from nas.execution.worker import WorkersUnavailable\n"
        "try:\n    drill.make('ray')\n"
        "except WorkersUnavailable as error:\n    print(error)\n"
    )
    environ = {**os.environ, "RAY_AUTH_TOKEN_PATH": str(tmp_path / "token")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, cwd=ROOT, capture_output=True, text=True
    )
    assert done.stdout.startswith(f"no connection to Ray at {address} (is the token")


@pytest.mark.ray
def test_two_executors_of_one_process_share_its_connection(address: str) -> None:
    first, second = drill.make("ray", workers=1), drill.make("ray", workers=1)
    assert drill.Log(second).one("score").metrics["accuracy"] == 0.5
    second.close()
    assert drill.Log(first).one("score").metrics["accuracy"] == 0.5
    with pytest.raises(ValueError, match=f"but this process has joined '{address}'"):
        drill.make("ray", ray_address="127.0.0.1:1")
    first.close()


@pytest.mark.ray
def test_no_cluster_at_an_address_is_said_at_once() -> None:
    start = time.monotonic()
    with pytest.raises(WorkersUnavailable, match=r"no Ray cluster answers at 127\.0\.0\.1:1"):
        drill.make("ray", ray_address="127.0.0.1:1")
    assert time.monotonic() - start < 3


@pytest.mark.ray
def test_a_head_goes_with_its_owner(tmp_path: Path) -> None:
    code = (
        "import sys, time\nfrom pathlib import Path\n"
        "from tests.nas.test_execution_ray import start_head\n"
        "start_head(Path(sys.argv[1]))\nprint('up', flush=True)\ntime.sleep(100)\n"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE
    )
    assert owner.stdout is not None
    with owner.stdout:
        assert owner.stdout.readline() == b"up\n"
        family = drill.descendants(owner.pid)
        owner.kill()
        owner.wait()
    assert len(family) > 5
    assert drill.gone(family, 15.0)
    assert not (tmp_path / "address").exists()


def test_ray_that_does_not_start_says_why() -> None:
    head = Head(-1)
    with pytest.raises(WorkersUnavailable, match=r"(?s)Ray does not start: .*-1"):
        head.address()
    head.close()
    assert not head.folder.exists()


def test_the_folder_of_a_killed_head_is_removed_by_the_next(tmp_path: Path) -> None:
    stale = make_folder()
    (stale / "lock").touch()
    fresh = make_folder()
    assert not stale.exists()
    assert stat.S_IMODE(fresh.stat().st_mode) == 0o700
    remove_folder(fresh)
    assert not fresh.exists()


def test_a_token_is_made_once_and_is_nobody_elses_to_read(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "token"
    make_token(path)
    first = path.read_text()
    path.chmod(0o644)
    make_token(path)
    assert path.read_text() == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["token"]


def test_the_token_lies_where_the_environment_says() -> None:
    assert token_path({"RAY_AUTH_TOKEN_PATH": "/a", "NAS_HOME": "/b"}) == Path("/a")
    assert token_path({"NAS_HOME": "/b"}) == Path("/b/ray-token")
    assert token_path({}) == Path.home() / ".ray" / "auth_token"


def test_the_environment_of_a_cluster_has_no_secrets_of_the_service() -> None:
    variables = environment({"NAS_TOKEN": "x", "NAS_PLUGINS": "/p", "RAY_AUTH_TOKEN_PATH": "/t"})
    assert "NAS_TOKEN" not in variables
    assert variables["NAS_PLUGINS"] == "/p"
    assert variables["RAY_AUTH_TOKEN_PATH"] == "/t"
    assert variables["RAY_AUTH_MODE"] == "token"


@pytest.mark.parametrize(
    ("options", "nodes", "message"),
    [
        ({}, [SMALL], None),
        ({"cpus_per_trial": 8, "gpus_per_trial": 0.5}, [SMALL, LARGE], None),
        ({"cpus_per_trial": 3}, [SMALL, SMALL], "cpus_per_trial is 3, but the largest node of"),
        ({"gpus_per_trial": 2}, [LARGE, LARGE], "the cluster has at most 1 on one node"),
        ({"gpus_per_trial": 1}, [SMALL], "gpus_per_trial is 1, but the cluster has no GPU"),
        (
            {"cpus_per_trial": 4, "gpus_per_trial": 1},
            [{"CPU": 8.0}, {"CPU": 2.0, "GPU": 1.0}],
            "no node of the cluster has 4 CPUs and 1 GPUs together",
        ),
        ({}, [], "cpus_per_trial is 1, but the largest node of the cluster has 0"),
    ],
)
def test_one_trial_must_fit_on_one_node(
    options: dict[str, object], nodes: list[dict[str, float]], message: str | None
) -> None:
    execution = Execution.model_validate(options)
    if message is None:
        check_room(execution, nodes)
    else:
        with pytest.raises(ValueError, match=message):
            check_room(execution, nodes)


class AskedRay:
    """Ray in a worker on the second of two nodes, whose names are not what the machine says."""

    def is_initialized(self) -> bool:
        return True

    def get_runtime_context(self) -> SimpleNamespace:
        return SimpleNamespace(get_node_id=lambda: "b2")

    def nodes(self) -> list[dict[str, str]]:
        return [{"NodeID": f"{name}2", "NodeManagerHostname": f"node-{name}"} for name in "ab"]


def test_the_machine_of_a_worker_is_called_what_its_cluster_calls_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "ray", AskedRay())
    assert _machine() == "node-b"
    monkeypatch.setattr(AskedRay, "nodes", lambda _: [])
    assert _machine() == socket.gethostname()
    monkeypatch.setattr(AskedRay, "nodes", lambda _: 1 / 0)
    assert _machine() == socket.gethostname()


def test_an_address_is_host_and_port() -> None:
    assert parse_address("head.example:6379") == ("head.example", 6379)
    assert parse_address("[::1]:6379") == ("::1", 6379)
    for bad in ("auto", "head", "head:", ":6379", "head:x", "head:70000", "ray://head:1"):
        with pytest.raises(ValueError, match="must be host:port"):
            parse_address(bad)
