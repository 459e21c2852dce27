"""The container files, as far as no engine is needed: parsed, linted, compared with the code."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from service.cli import app
from tests.conftest import ROOT

DOCKER = ROOT / "docker"
DOCKERFILE = DOCKER / "Dockerfile"
SECRET = re.compile(r"(TOKEN|PASSWORD|SECRET|API_KEY)=(?!/)", re.I)


@dataclass(frozen=True)
class Step:
    """One instruction of a Dockerfile: its word and what follows, continuation lines joined."""

    word: str
    rest: str


def steps_of(text: str) -> list[Step]:
    """Parse a Dockerfile (no heredocs)."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n", " ", "\n".join(lines))
    pairs = (line.strip().partition(" ") for line in joined.splitlines() if line.strip())
    return [Step(word.upper(), " ".join(rest.split())) for word, _, rest in pairs]


STEPS = steps_of(DOCKERFILE.read_text())


def stages() -> list[list[Step]]:
    """Return the steps of each stage, FROM first; global ARGs are left out."""
    found: list[list[Step]] = []
    for step in STEPS:
        if step.word == "FROM":
            found.append([])
        if found:
            found[-1].append(step)
    return found


def compose(name: str = "compose.yml") -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((DOCKER / name).read_text())
    return loaded


SERVICES: dict[str, Any] = compose()["services"]


def test_the_parser_joins_lines_and_drops_comments() -> None:
    text = "FROM a AS b\n# no\nRUN one \\\n  # not this\n  && two\nUSER 1\n"
    assert steps_of(text) == [Step("FROM", "a AS b"), Step("RUN", "one && two"), Step("USER", "1")]


def test_the_image_is_built_in_two_stages_and_the_last_one_is_not_root() -> None:
    built = stages()
    assert len(built) == 2
    users = [step.rest for step in built[-1] if step.word == "USER"]
    assert users
    assert users[-1].split(":")[0] not in {"root", "0"}


def test_the_user_comes_after_every_step_that_needs_root() -> None:
    words = [step.word for step in stages()[-1]]
    assert max(i for i, word in enumerate(words) if word in {"RUN", "COPY"}) < words.index("USER")


def test_the_final_stage_has_no_compiler_and_installs_nothing() -> None:
    runs = " ".join(step.rest for step in stages()[-1] if step.word == "RUN")
    assert not re.search(r"pip install|apt-get|apt |curl|wget", runs)


def test_no_step_downloads_by_add_or_holds_a_secret() -> None:
    assert not [step for step in STEPS if step.word == "ADD"]
    fixed = [step for step in STEPS if step.word in {"ENV", "ARG"} and SECRET.search(step.rest)]
    assert not fixed


def test_base_images_are_pinned_to_a_version() -> None:
    args = dict(
        step.rest.split("=", 1) for step in STEPS if step.word == "ARG" and "=" in step.rest
    )
    for stage in stages():
        image = re.sub(r"\$\{(\w+)\}", lambda found: args[found[1]], stage[0].rest.split()[0])
        assert re.search(r":\d+\.\d+\.\d+", image), image


def copied() -> list[str]:
    """Return the sources of every COPY from the build context."""
    return [
        source
        for step in STEPS
        if step.word == "COPY" and not step.rest.startswith("--from")
        for source in step.rest.split()[:-1]
    ]


def test_every_copied_file_exists_and_passes_the_ignore_file() -> None:
    kept = [
        line[1:]
        for line in (DOCKER / "Dockerfile.dockerignore").read_text().splitlines()
        if line.startswith("!")
    ]
    assert copied()
    for source in copied():
        assert (ROOT / source).exists(), source
        assert any(Path(source).match(pattern) for pattern in kept), f"{source} is ignored"


def test_both_variants_are_known_and_any_other_is_refused() -> None:
    (install,) = [step.rest for step in STEPS if step.word == "RUN" and "VARIANT" in step.rest]
    script = install.partition(" && ")[2]
    for variant, sign in {"cpu": "--extra-index-url INDEX", "cuda": "-r requirements.txt"}.items():
        done = _shell(script, variant)
        assert done.returncode == 0
        assert sign in done.stdout
    assert _shell(script, "rocm").returncode == 1


def _shell(script: str, variant: str) -> subprocess.CompletedProcess[str]:
    """Run the shell of a RUN step with a pip that only says what it was told."""
    text = f'pip() {{ echo "pip $*"; }}\nVARIANT={variant} CPU_INDEX=INDEX\n{script}'
    return subprocess.run(["sh", "-c", text], capture_output=True, text=True, check=False)


def test_the_dependency_layer_installs_what_pyproject_names() -> None:
    done = subprocess.run(
        [sys.executable, DOCKER / "requirements.py", ROOT / "pyproject.toml"],
        capture_output=True,
        text=True,
        check=True,
    )
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extra = project["optional-dependencies"]["onnx"]
    assert done.stdout.splitlines() == project["dependencies"] + extra
    assert any(one.startswith("onnxruntime") for one in extra)


def test_hadolint_finds_nothing() -> None:
    program = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    if program is None:
        pytest.skip("hadolint is not in this environment (it is there on Linux x86_64)")
    done = subprocess.run([program, DOCKERFILE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert done.stdout == ""


@pytest.mark.parametrize("script", sorted(DOCKER.glob("*.sh")), ids=lambda path: path.name)
def test_the_scripts_are_valid_bash_and_stop_at_the_first_error(script: Path) -> None:
    assert subprocess.run(["bash", "-n", script], check=False).returncode == 0
    text = script.read_text()
    assert "set -euo pipefail" in text or ". ray.sh" in text


def test_compose_starts_the_three_kinds_of_process_on_one_volume() -> None:
    assert set(SERVICES) == {"api", "supervisor", "worker"}
    assert list(compose()["volumes"]) == ["home"]
    for service in SERVICES.values():
        assert service["volumes"] == ["home:/data"]
        assert service["environment"]["NAS_HOME"] == "/data"


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_unprivileged_and_watched(name: str) -> None:
    service = SERVICES[name]
    assert service["user"].split(":")[0] not in {"root", "0"}
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert service["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}
    assert service["restart"] == "unless-stopped"
    assert not service.get("privileged")
    assert service.get("network_mode") != "host"


def test_only_the_api_is_published_and_only_on_loopback() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert list(published) == ["api"]
    assert all(port.startswith("127.0.0.1:") for port in published["api"])


def test_the_api_does_not_start_without_a_token_and_nobody_else_gets_it() -> None:
    assert SERVICES["api"]["environment"]["NAS_TOKEN"].startswith("${NAS_TOKEN:?")
    for name in ("supervisor", "worker"):
        assert "NAS_TOKEN" not in SERVICES[name]["environment"]


def test_images_have_the_version_of_the_package_as_their_tag() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    for service in SERVICES.values():
        assert service["image"].startswith(f"nasturtium:{version}-")
        assert "latest" not in service["image"]


def test_the_gpu_file_only_adds_to_services_that_exist() -> None:
    assert set(compose("compose.gpu.yml")["services"]) <= set(SERVICES)


def named_commands() -> list[list[str]]:
    """Return every ``nas ...`` that the image, the compose file or a script runs."""
    lines = [step.rest for step in STEPS if step.word == "CMD"]
    found = [re.findall(r'"([^"]+)"', line) for line in lines]
    found += [service["command"] for service in SERVICES.values()]
    for script in DOCKER.glob("*.sh"):
        found += [line.split() for line in re.findall(r"\bnas (?:\w+ ?)+", script.read_text())]
    return [words for words in found if words[0] == "nas"]


def test_the_commands_that_containers_run_exist() -> None:
    commands = named_commands()
    assert ["nas", "serve", "api"] in commands
    assert ["nas", "serve", "supervisor"] in commands
    for _, *words in commands:
        command: Any = get_command(app)
        while words and hasattr(command, "commands"):
            assert words[0] in command.commands, words
            command = command.commands[words.pop(0)]
        # Parses the arguments and raises a usage error where they are not allowed; runs nothing.
        command.make_context("nas", list(words))


def test_every_script_that_a_service_runs_is_in_the_image_and_executable() -> None:
    scripts = [s["command"][0] for s in SERVICES.values() if s["command"][0].endswith(".sh")]
    assert scripts
    for script in scripts:
        assert f"docker/{script}" in copied()
        assert (DOCKER / script).stat().st_mode & 0o111
