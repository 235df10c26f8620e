"""`serve` as nobody configured its store: a file in the folder where it is started, found again by the next start."""

import json
import resource
import stat
import sys
from pathlib import Path

import httpx2
import pytest

from tests.commands import Command, command, run
from tests.settings.given import RIGHT

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

NOT_SET = {"SESSION_STORE": ""}
ONE_PLACE = {**RIGHT, **NOT_SET, "SESSION_MAX_SESSIONS": "1"}
FILE = "session-service.db"
DEMO = {"SESSION_LAUNCHER": "process", "SESSION_PROCESS_COMMAND": f"{sys.executable} -m session_service.agents.demo"}
CALLABLE = "import asyncio\nasync def run(spec): await asyncio.Event().wait()\n"


def asked(port: int) -> httpx2.Response:
    """The answer to one call."""
    body = {"client_id": RIGHT["SESSION_CLIENT_ID"]}
    headers = {"X-Cekura-Secret": RIGHT["SESSION_SECRET"]}
    with httpx2.Client(timeout=60, trust_env=False) as client:
        return client.post(f"http://127.0.0.1:{port}/cekura/v1/sessions", json=body, headers=headers)


def call(serve: Command, *, after: str = "service.listening") -> str:
    """One session, asked for once the service listens and that event has been logged; its id."""
    port = json.loads(serve.until("service.listening"))["port"]
    if after not in serve.said:
        serve.until(after)
    channel: str = asked(port).json()["agora_channel"]
    return channel.removeprefix("cekura-")


def kill(serve: Command) -> None:
    """SIGKILL, and the process is gone."""
    serve.process.kill()
    serve.process.wait(60)


def test_the_file_is_in_the_current_folder_and_its_owners_alone(tmp_path: Path) -> None:
    """The log names it in full; nothing of it is anywhere else."""
    with command(tmp_path, "serve", {**RIGHT, **NOT_SET}) as serve:
        line = json.loads(serve.until("service.listening"))
        assert line["store"] == f"sqlite:{tmp_path.resolve() / FILE}"
        assert {path.name for path in tmp_path.iterdir()} == {FILE, f"{FILE}-wal", f"{FILE}-shm", f"{FILE}.lock"}
        assert not [path for path in tmp_path.iterdir() if stat.S_IMODE(path.stat().st_mode) != 0o600]


def test_dev_keeps_nothing_in_a_file(tmp_path: Path) -> None:
    """Its agents end with it."""
    with command(tmp_path, "dev", NOT_SET) as dev:
        dev.until("Press Ctrl-C to stop.")
    assert not list(tmp_path.glob("*.db*"))


def test_a_second_service_in_the_folder_is_refused_in_one_sentence(tmp_path: Path) -> None:
    """It would end the first one's agents. Asking for the settings is no second service."""
    with command(tmp_path, "serve", {**RIGHT, **NOT_SET}) as first:
        first.until("service.listening")
        second = run(tmp_path, "serve", {**RIGHT, **NOT_SET, "SESSION_PORT": "0", "SESSION_OPS_PORT": "off"})
        assert (second.returncode, second.stderr.count("\n")) == (2, 1)
        assert f"{FILE} is in use by another service. Give each its own file." in second.stderr
        assert run(tmp_path, "config", {**RIGHT, **NOT_SET}).returncode == 0


def test_a_session_without_an_agent_keeps_its_place_until_its_time_is_over(tmp_path: Path) -> None:
    """Its tester may still be in the channel. Then the place is free: nothing piles up."""
    settings = {**ONE_PLACE, "SESSION_MAX_DURATION": "3"}
    with command(tmp_path, "serve", settings) as first:
        session = call(first)
        kill(first)
    with command(tmp_path, "serve", settings) as second:
        assert json.loads(second.until("session.adopted"))["session"] == session
        ended = json.loads(second.until("session.ended"))
        assert (ended["session"], ended["reason"]) == (session, "max_duration")


def test_a_callable_that_was_killed_with_its_service_is_lost(tmp_path: Path) -> None:
    """It ran in the process that is gone; its place is free for the first call."""
    (tmp_path / "my_agent.py").write_text(CALLABLE)
    settings = {**ONE_PLACE, "SESSION_LAUNCHER": "python", "SESSION_PYTHON_CALLABLE": "my_agent:run"}
    with command(tmp_path, "serve", settings) as first:
        session = call(first)
        kill(first)
    with command(tmp_path, "serve", settings) as second:
        assert call(second, after="session.ended") != session
        second.terminate()
    ended = [json.loads(line) for line in second.said.splitlines() if "session.ended" in line]
    assert [(line["session"] == session, line["reason"]) for line in ended] == [(True, "lost"), (False, "shutdown")]


def test_sessions_end_at_each_restart_where_they_are_to_be_forgotten(tmp_path: Path) -> None:
    """Memory: the place is free at once, and nobody knows of the first session any more."""
    settings = {**ONE_PLACE, "SESSION_STORE": "memory"}
    with command(tmp_path, "serve", settings) as first:
        call(first)
        kill(first)
    with command(tmp_path, "serve", settings) as second:
        call(second)
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="needs Linux, whose limit on files stands in for a disk's")
def test_a_full_disk_refuses_calls_and_starts_nothing(tmp_path: Path) -> None:
    """Nobody could end an agent of which nothing is known. With room on the disk, calls are answered again."""
    agent = {
        "SESSION_LAUNCHER": "process",
        "SESSION_PROCESS_COMMAND": f"{sys.executable} -m session_service.agents.demo",
    }
    with command(tmp_path, "serve", {**RIGHT, **NOT_SET, **agent}) as serve:
        port = json.loads(serve.until("service.listening"))["port"]
        resource.prlimit(serve.process.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        refused = [asked(port) for _ in range(3)]
        resource.prlimit(serve.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert asked(port).status_code == 200
    assert {(answer.status_code, answer.json()["error"]["code"]) for answer in refused} == {(503, "store_unavailable")}
    assert serve.said.count('"agent.started"') == 1


def test_a_damaged_file_is_refused_before_anything_listens(tmp_path: Path) -> None:
    """One sentence, exit code 2, and the file is left as it is."""
    (tmp_path / FILE).write_bytes(b"not a database, but long enough to be looked at" * 50)
    done = run(tmp_path, "serve", {**RIGHT, **NOT_SET, "SESSION_PORT": "0", "SESSION_OPS_PORT": "off"})
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "file is not a database. Move it away" in done.stderr
