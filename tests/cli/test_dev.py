"""`session-service dev` as a process: what a person sees, pastes and stops."""

import json
import os
import re
import signal
import socket
import stat
import subprocess
import time
from pathlib import Path

import pytest

from tests.agents.programs import alive
from tests.agora.tools import tool
from tests.commands import Command, command, environment, run
from tests.settings.given import RIGHT, SECRET

pytestmark = pytest.mark.real

LAST_LINE = "Press Ctrl-C to stop."
MADE_UP = "open no real channel"
SECONDS = 20.0
"""Within which everything is gone after Ctrl-C: an agent has five, and a busy machine is slow."""


def paste(dev: Command) -> dict[str, str]:
    """Read the banner, run its curl line as a person would, and return the answer."""
    tool("curl", "apt-get install curl, or brew install curl")
    if LAST_LINE not in dev.said:
        dev.until(LAST_LINE)
    (line,) = re.findall(r"^ +(curl .*)$", dev.said, re.MULTILINE)
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True)
    answer: dict[str, str] = json.loads(done.stdout)
    return answer


def form(dev: Command) -> dict[str, str]:
    """What is to be pasted into the platform's form, by its fields."""
    if LAST_LINE not in dev.said:
        dev.until(LAST_LINE)
    return dict(re.findall(r"^  ([A-Z][A-Za-z ]+?) {2,}(\S+)$", dev.said, re.MULTILINE))


def test_the_pasted_line_gets_a_session_and_a_demo_agent(tmp_path: Path) -> None:
    """Without any configuration; the call is one readable line."""
    with command(tmp_path, "dev", {}) as dev:
        answer = paste(dev)
        assert set(answer) == {"agora_app_id", "agora_channel", "agora_token"}
        assert "ready: demo agent" in dev.until("agent output")
        line = dev.until("200 ok")
    assert "default (secret default)" in line
    assert answer["agora_channel"] in line
    assert re.search(r"\d+ ms  agent process", line)


def test_a_get_line_works_when_pasted(tmp_path: Path) -> None:
    """The form's Request Method decides which line is printed; a client id may need quoting."""
    with command(tmp_path, "dev", {"SESSION_METHODS": "GET", "SESSION_CLIENT_ID": "it's mine & yours"}) as dev:
        assert paste(dev)["agora_token"].startswith("007")


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {
            "SESSION_METHODS": "GET",
            "SESSION_SECRET_HEADER": "X-Mine",
            "SESSION_JOIN_UID": "7",
            "SESSION_CLIENT_ID": "a & b",
        },
    ],
    ids=["made up", "of one's own"],
)
def test_the_pasted_check_passes(variables: dict[str, str], tmp_path: Path) -> None:
    """The quick profile, in another terminal, with whatever differs from the platform's defaults."""
    with command(tmp_path, "dev", variables) as dev:
        dev.until(LAST_LINE)
        (line,) = re.findall(r"^ +(SESSION_SECRET=.* check .*)$", dev.said, re.MULTILINE)
        assert "--profile quick" in line
        done = subprocess.run(["sh", "-c", line], env=environment({}), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Passed: " in done.stdout


def test_the_second_start_has_the_values_of_the_first(tmp_path: Path) -> None:
    """What stands in the platform's form stays right; the file is its owner's alone."""
    found = []
    for _ in range(2):
        with command(tmp_path, "dev", {"SESSION_LAUNCHER": "none"}) as dev:
            found.append(form(dev) | paste(dev))
    for name in ("Client ID", "Secret", "agora_app_id"):
        assert found[0][name] == found[1][name]
    assert stat.S_IMODE((tmp_path / ".session-dev.env").stat().st_mode) == 0o600


def test_a_project_of_ones_own_is_used(tmp_path: Path) -> None:
    """And nothing says any more that it is made up."""
    real = {name: RIGHT[name] for name in ("AGORA_APP_ID", "AGORA_APP_CERTIFICATE")}
    with command(tmp_path, "dev", real) as dev:
        assert paste(dev)["agora_app_id"] == RIGHT["AGORA_APP_ID"]
    assert MADE_UP not in dev.said


def test_the_env_file_is_read(tmp_path: Path) -> None:
    """All that the form needs can stand there."""
    (tmp_path / ".env").write_text(f"SESSION_CLIENT_ID=mine\nSESSION_SECRET='{SECRET}'\nSESSION_PATH=/x\n")
    with command(tmp_path, "dev", {}) as dev:
        fields = form(dev)
        assert paste(dev)["agora_token"].startswith("007")
    assert (fields["Client ID"], fields["Secret"]) == ("mine", SECRET)
    assert fields["Session Endpoint URL"].endswith("/x")
    assert MADE_UP in dev.said


def test_the_environment_beats_the_env_file(tmp_path: Path) -> None:
    """As every shell user expects."""
    (tmp_path / ".env").write_text("SESSION_CLIENT_ID=file\n")
    with command(tmp_path, "dev", {"SESSION_CLIENT_ID": "environment"}) as dev:
        assert form(dev)["Client ID"] == "environment"


def test_a_taken_port_is_one_sentence(tmp_path: Path) -> None:
    """With exit code 2, and what to do about it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run(tmp_path, "dev", {"SESSION_PORT": port})
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(rf"Cannot listen on 127\.0\.0\.1:{port}: .* SESSION_PORT .*\n", done.stderr)


def test_ctrl_c_ends_service_and_agents_within_seconds(tmp_path: Path) -> None:
    """With exit code 0 and without a traceback."""
    with command(tmp_path, "dev", {}) as dev:
        paste(dev)
        pid = int(re.findall(r"pid=(\d+)", dev.until("agent started"))[0])
        assert alive(pid)
        begin = time.monotonic()
        assert dev.press_ctrl_c() == 0
        assert time.monotonic() - begin < SECONDS
    assert not alive(pid)
    assert "Traceback" not in dev.said
    assert "reason=shutdown" in dev.said


def test_an_impatient_ctrl_c_leaves_no_agent_behind(tmp_path: Path) -> None:
    """A second one, while a call is still waited for, hurries the service, not past what it started."""
    with command(tmp_path, "dev", {"SESSION_PROCESS_COMMAND": "sleep 600"}) as dev:
        paste(dev)
        pid = int(re.findall(r"pid=(\d+)", dev.until("agent started"))[0])
        address = ("127.0.0.1", int(form(dev)["Session Endpoint URL"].split("/")[2].partition(":")[2]))
        with socket.create_connection(address) as slow:
            slow.sendall(unfinished_call(form(dev)["Secret"]))
            assert slow.recv(100).startswith(b"HTTP/1.1 100")
            os.killpg(dev.process.pid, signal.SIGINT)
            until_closed(address)
            assert dev.press_ctrl_c() == 0
    assert not alive(pid)


def unfinished_call(secret: str) -> bytes:
    """A call whose body is asked for, and does not come."""
    head = f"POST /cekura/v1/sessions HTTP/1.1\r\nHost: here\r\nX-Cekura-Secret: {secret}\r\n"
    return f"{head}Content-Length: 10\r\nExpect: 100-continue\r\n\r\n".encode()


def until_closed(address: tuple[str, int]) -> None:
    """Return when nobody listens there any more."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        try:
            socket.create_connection(address).close()
        except ConnectionError:
            return
    raise AssertionError(address)


def test_an_installed_tunnel_program_is_named_with_its_line(tmp_path: Path) -> None:
    """And without one, which ones there are."""
    (tmp_path / "ngrok").write_text("#!/bin/sh\n")
    (tmp_path / "ngrok").chmod(0o755)
    with command(tmp_path, "dev", {"PATH": f"{tmp_path}:/usr/bin:/bin"}) as dev:
        port = form(dev)["Session Endpoint URL"].rpartition(":")[2].partition("/")[0]
        assert f"  ngrok http {port}\n" in dev.said
    with command(tmp_path, "dev", {"PATH": "/usr/bin:/bin"}) as dev:
        dev.until(LAST_LINE)
    assert "Install a tunnel program" in dev.said or "Expose the port with" in dev.said


def test_a_command_of_ones_own_is_the_agent_as_soon_as_it_runs(tmp_path: Path) -> None:
    """It need not say ready, and it has the rest of the environment, .env included."""
    (tmp_path / ".env").write_text("GREETING=hello-from-env\n")
    variables = {"SESSION_PROCESS_COMMAND": "sh -c 'echo $GREETING; exec sleep 60'"}
    with command(tmp_path, "dev", variables) as dev:
        paste(dev)
        dev.until("line=hello-from-env")
    assert "demo agent" not in dev.said


def test_a_callable_is_found_in_the_current_folder(tmp_path: Path) -> None:
    """As `python -m` would find it."""
    (tmp_path / "my_agent.py").write_text("import asyncio\n\nasync def run(spec):\n    await asyncio.Event().wait()\n")
    variables = {"SESSION_LAUNCHER": "python", "SESSION_PYTHON_CALLABLE": "my_agent:run"}
    with command(tmp_path, "dev", variables) as dev:
        paste(dev)
        assert "agent python" in dev.until("200 ok")


def test_clients_of_a_file_bring_their_own_agents(tmp_path: Path) -> None:
    """Nothing is made up for them, and no demo agent either; each has its form."""
    tables = [f'[clients.{name}]\nsecret = "{SECRET}"\nlauncher = "none"\n' for name in ("acme", "globex")]
    project = f'app_id = "{RIGHT["AGORA_APP_ID"]}"\napp_certificate = "{RIGHT["AGORA_APP_CERTIFICATE"]}"\n'
    (tmp_path / "clients.toml").write_text(project + "".join(tables))
    with command(tmp_path, "dev", {"SESSION_CONFIG": "clients.toml"}) as dev:
        dev.until(LAST_LINE)
    assert re.findall(r"^  Client ID +(\S+)$", dev.said, re.MULTILINE) == ["acme", "globex"]
    assert not (tmp_path / ".session-dev.env").exists()
