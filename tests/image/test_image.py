"""The image as it is built from this clone: what it is configured to, what is in it, and that it serves."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.image.building import Image, output
from tests.image.conftest import GIVEN
from tests.image.processes import Watch
from tests.image.running import Service, sandboxed

pytestmark = [pytest.mark.real, pytest.mark.timeout(1200), pytest.mark.xdist_group("image")]  # built once

USER = 65532
DEMO = "session_service.agents.demo"


def ask(service: Service) -> httpx2.Response:
    """The platform's own call."""
    return httpx2.post(
        f"{service.base_url}/cekura/v1/sessions",
        json={"client_id": GIVEN["SESSION_CLIENT_ID"]},
        headers={"X-Cekura-Secret": GIVEN["SESSION_SECRET"]},
        timeout=60,
        trust_env=False,
    )


@pytest.fixture
def agent(service: Service) -> Iterator[Watch]:
    """The agent of a session that was just asked for."""
    assert ask(service).status_code == 200, service.log.read_text()
    watch = Watch(service.find(DEMO).pid)
    yield watch
    watch.close()


def test_the_user_is_a_number_and_not_root(image: Image) -> None:
    """Kubernetes' runAsNonRoot cannot look up a name."""
    assert image.config["User"] == f"{USER}:{USER}"


def test_every_command_of_the_image_is_in_exec_form(image: Image) -> None:
    """A shell in between would keep SIGTERM to itself. The health check needs no program but ours."""
    assert image.command == ["/opt/venv/bin/session-service", "serve"]
    assert image.healthcheck == ["CMD", "/opt/venv/bin/session-service", "healthcheck"]


def test_the_image_sets_only_what_every_deployment_shares(image: Image) -> None:
    """No secret, nothing of the machine that built it."""
    ours = {"PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "SESSION_HOST", "STATE_DIRECTORY"}
    assert set(image.environment) == {"PATH", *ours}
    assert image.environment["STATE_DIRECTORY"] == image.state


def test_a_secret_that_lies_about_in_the_clone_reaches_no_layer(image: Image, root: Path) -> None:
    """Five files held it during the build; neither the file system nor the image's history does."""
    assert output("sh", "-c", f"grep -rlF -D skip {GIVEN['SESSION_SECRET']} {root} || true") == ""
    assert GIVEN["SESSION_SECRET"] not in output("podman", "history", "--no-trunc", image.name)


def test_both_packages_are_in_the_image_and_nothing_that_built_them(root: Path) -> None:
    """No pip to install more with, no build backend, no tests, no sources beside the packages."""
    (packages,) = root.glob("opt/venv/lib/python3.*/site-packages")
    names = {path.name for path in packages.iterdir()}
    assert names >= {"agent_helpers", "session_service"}
    assert not names & {"pip", "setuptools", "hatchling", "tests"}
    assert not [path for path in ("src", "opt/build") if (root / path).exists()]


def test_everything_comes_compiled(root: Path) -> None:
    """Nothing is written at run time, so what is not compiled here is compiled at every start."""
    (version,) = (root / "opt/venv/lib").iterdir()
    sources = list(version.rglob("*.py"))
    tag = version.name.replace("python", "cpython-").replace(".", "")
    bare = [path for path in sources if not (path.parent / "__pycache__" / f"{path.stem}.{tag}.pyc").exists()]
    assert len(sources) > 100
    assert not bare


def test_a_session_of_the_image_has_the_contracts_answer(service: Service) -> None:
    """The main job, over a socket, with the environment that compose gives."""
    answer = ask(service)
    assert answer.status_code == 200, service.log.read_text()
    assert set(answer.json()) == {"agora_app_id", "agora_channel", "agora_token"}
    assert answer.json()["agora_app_id"] == GIVEN["AGORA_APP_ID"]
    assert answer.json()["agora_token"].startswith("007")


@pytest.mark.usefixtures("agent")
def test_service_and_agent_run_as_the_images_user_alone(service: Service) -> None:
    """Real, effective and saved: there is no way back to root."""
    assert service.find("/session-service").uids == {USER}
    assert service.find(DEMO).uids == {USER}


def test_the_service_takes_its_agents_with_it_when_it_is_told_to_end(service: Service, agent: Watch) -> None:
    """What `docker stop` sends is enough, well within compose's grace period."""
    assert service.ends(25), service.log.read_text()
    assert agent.ended(0)


def test_the_health_check_tells_a_living_service_from_a_gone_one(service: Service, image: Image) -> None:
    """The image's own command, in the image, with the container's environment."""
    check = image.healthcheck[1:]
    assert service.run(*check) == 0
    assert service.ends(25), service.log.read_text()
    assert service.run(*check) == 1


def test_no_log_line_of_the_container_holds_a_secret(service: Service, agent: Watch) -> None:
    """Start, call, agent's output and end, as `docker logs` would show them."""
    assert service.ends(25)
    log = service.log.read_text()
    assert "session" in log
    assert not [name for name in ("AGORA_APP_CERTIFICATE", "SESSION_SECRET") if GIVEN[name] in log]


def test_nothing_can_be_written_where_the_root_is_read_only(service: Service) -> None:
    """Neither in the chroot, where the user has no right to, nor in the sandbox, where nobody has."""
    write = "import sys; open(sys.argv[1], 'w')"
    assert service.run("/opt/venv/bin/python", "-c", write, "/opt/venv/written") == 1
    assert service.run("/opt/venv/bin/python", "-c", write, "/tmp/written") == 0  # noqa: S108 - in the image


@pytest.mark.usefixtures("agent")
def test_sessions_are_kept_in_the_volume_for_its_user_alone(service: Service, image: Image) -> None:
    """Where compose.yaml mounts one, and where an engine makes one that nobody named."""
    private = "import os, sys; sys.exit(os.stat(sys.argv[1]).st_mode & 0o077)"
    for path in (image.state, f"{image.state}/session-service.db"):
        assert service.run("/opt/venv/bin/python", "-c", private, path) == 0


def test_a_read_only_root_without_the_volume_is_refused_with_a_sentence(
    image: Image, root: Path, environment: dict[str, str]
) -> None:
    """It says what to set; nothing is kept elsewhere instead."""
    command = sandboxed(str(root), image, volume=None)(environment, image.command)
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert "SESSION_STORE: It is not set, and no file in STATE_DIRECTORY can be it: " in done.stderr
